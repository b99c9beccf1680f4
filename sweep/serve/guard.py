"""Keeps out who may not see the pages, or reaches them by way of another page."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import SplitResult, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = {"GET", "HEAD"}
OWN_HEADER = "x-sweep"
"""What our own script sends with a POST; another site's cannot without being asked for leave."""

COOKIE_DAYS = 30
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Rules:
    """Who may come in.

    Attributes:
        port: that the server listens at.
        names: by which it may be called, besides numeric addresses and `localhost`.
        token: to be shown at the first visit; None where everyone on this machine may look.
    """

    port: int
    names: frozenset[str] = field(default_factory=frozenset)
    token: str | None = None

    @property
    def cookie(self) -> str:
        """The name of the cookie: cookies of a host are those of all its ports."""
        return f"sweep-{self.port}"

    @property
    def pass_(self) -> str:
        """What the cookie holds: made of the token, which it does not tell."""
        assert self.token is not None
        return hmac.new(self.token.encode(), b"sweep serve", hashlib.sha256).hexdigest()

    def knows(self, host: str) -> bool:
        """Return whether a Host header names this server.

        A name that somebody else may point here is not: their page would be of the same origin.
        """
        name = _split(f"//{host}").hostname
        return name is not None and (name in self.names | {"localhost"} or _is_address(name))


class Guard:
    """Refuses requests that break the rules; adds the headers that browsers go by."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._rules.knows(headers.get("host", "")):
            return _refuse(421, "this server does not go by that name; --allow-host NAME allows it")
        if self._rules.token is not None:
            query = QueryParams(scope["query_string"])
            if "token" in query and _same(query["token"], self._rules.token):
                return self._welcome(scope, query)
            if not self._is_known(headers):
                return _refuse(401, "open the address with the token that `sweep serve` printed")
        if scope["method"] not in SAFE_METHODS and not _is_own(headers):
            return _refuse(403, "only this server's own pages may ask for that")
        return None

    def _is_known(self, headers: Headers) -> bool:
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(shown.strip(), self._rules.token or ""):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._rules.cookie)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, self._rules.pass_)

    def _welcome(self, scope: Scope, query: QueryParams) -> Response:
        """Keep a cookie in place of the token, which should not stay in the address."""
        rest = urlencode([(name, value) for name, value in query.multi_items() if name != "token"])
        path = "/" + scope["path"].lstrip("/")  # never another host's
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
        answer.set_cookie(
            self._rules.cookie,
            self._rules.pass_,
            max_age=COOKIE_DAYS * 86_400,
            httponly=True,
            samesite="strict",
        )
        return answer


def _is_own(headers: Headers) -> bool:
    """Return whether a page of this server's own sent a request."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if headers.get(OWN_HEADER) != "1" or site not in (None, "same-origin"):
        return False
    return origin is None or _split(origin).netloc == headers.get("host")


def _split(address: str) -> SplitResult:
    """Return the parts of an address; of one that is malformed none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(shown: str, known: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "replace"), known.encode())


def _refuse(code: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=code)
