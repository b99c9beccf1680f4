"""Runs the server until it is interrupted."""

import ipaddress
import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import SweepError

TOKEN_BYTES = 24
LEAST_TOKEN = 16
EVERYWHERE = {"", "0.0.0.0", "::"}
MISSING = "to serve pages, Starlette and uvicorn must be there: "
MISSING += "pip install 'autoencoder-sweep[serve]'"


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What to serve, and to whom.

    Attributes:
        places: folders of results, results, or URIs.
        address: of a cluster's job server; None for no cluster.
        host, port: to listen at; port 0 for any that is free.
        token: to be shown at the first visit; None to have one made where one is needed.
        names: by which the server may be called besides its host's.
        may_submit: whether sweeps may be submitted and stopped from the pages.
    """

    places: Sequence[str] = ("results",)
    address: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = None
    names: Sequence[str] = ()
    may_submit: bool = False


def serve(options: ServeOptions, on_ready: Callable[[str], None]) -> None:
    """Serve pages until Ctrl-C.

    Args:
        options: what to serve, and to whom.
        on_ready: told the address to open, its token included, once the server listens.

    Raises:
        SweepError: the libraries for it are not installed, the port is taken, a place is no folder,
            or the cluster cannot be reached.
    """
    try:
        import uvicorn

        from sweep.serve.app import make_app
        from sweep.serve.guard import Rules
        from sweep.serve.site import Site
    except ImportError as error:
        raise SweepError(MISSING) from error
    from sweep.jobs.control import JobServer
    from sweep.serve.catalogue import Catalogue
    from sweep.serve.pages import Pages
    from sweep.serve.reports import Reports
    from sweep.serve.submission import Runs

    token = _token_of(options)
    here = options.may_submit and not options.address
    runs = Runs(runs_folder(options.places)) if here else None
    server = JobServer(options.address) if options.address else None
    catalogue = Catalogue(options.places, server)
    listener = _listen(options.host, options.port)
    port = listener.getsockname()[1]
    names = frozenset(name.lower() for name in (*options.names, options.host, *_own_names()))
    rules = Rules(port, names, token)
    pages = Pages(may_submit=options.may_submit, address=server.address if server else "")
    with listener, tempfile.TemporaryDirectory(prefix="sweep-serve-") as folder:
        site = Site(catalogue, pages, Reports(Path(folder)), runs)
        config = uvicorn.Config(
            make_app(site, rules),
            log_level="critical",
            access_log=False,  # it would tell the token
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        on_ready(_url(options.host, port, token))
        uvicorn.Server(config).run(sockets=[listener])


def runs_folder(places: Sequence[str]) -> Path:
    """Return the folder in which sweeps submitted here go.

    Raises:
        SweepError: none of the places is a folder of results here.
    """
    from sweep.store.places.layout import ResultsDir
    from sweep.store.places.remote import is_uri

    folders = [Path(place) for place in places if not is_uri(place)]
    for folder in folders:
        if not ResultsDir(folder).exists:
            return folder
    raise SweepError(
        "--allow-submit must have a folder to put results in (got none among RESULTS); name one, "
        "such as results, or a cluster by --address"
    )


def _token_of(options: ServeOptions) -> str | None:
    """Return the token that visitors must show; None where everyone who can come may look."""
    if options.token is not None and len(options.token) < LEAST_TOKEN:
        raise SweepError(f"--token must have at least {LEAST_TOKEN} characters")
    if options.token or (_is_loopback(options.host) and not options.may_submit):
        return options.token
    return secrets.token_urlsafe(TOKEN_BYTES)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family)
    except (OSError, UnicodeError) as error:
        raise SweepError(
            f"--host and --port must be free to listen at (got {host}:{port}: {error}); "
            "--port 0 takes any that is free"
        ) from error


def _own_names() -> set[str]:
    return {socket.gethostname().lower(), socket.getfqdn().lower()}


def _url(host: str, port: int, token: str | None) -> str:
    shown = socket.gethostname() if host in EVERYWHERE else host
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
