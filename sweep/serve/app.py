"""The pages of the server: which address shows what."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sweep.errors import SweepError
from sweep.live.places import key_of, place_of
from sweep.live.views import SweepView
from sweep.printable import printable_text
from sweep.reports.page.assets import FOLDER as REPORT_ASSETS
from sweep.serve import submission
from sweep.serve.catalogue import Catalogue, Watched
from sweep.serve.figures import bar_of
from sweep.serve.guard import Guard, Rules
from sweep.serve.pages import FOLDER, Pages, Part, as_json
from sweep.serve.reports import Reports, finished_report
from sweep.serve.trial_page import trial_text
from sweep.store.places.layout import ResultsDir

TRIAL_ID = re.compile(r"[0-9a-f]{16}")
ASSETS = {
    **{
        name: FOLDER / "assets" / name for name in ("serve.css", "theme.js", "live.js", "submit.js")
    },
    "page.css": Path(str(REPORT_ASSETS / "assets" / "page.css")),
}
"""What pages load; they look like reports."""

REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob: data:; connect-src data: blob:"
)
"""A report may hold what others wrote: it runs apart from this server, of which it gets nothing."""


@dataclass(frozen=True)
class Site:
    """What the server shows.

    Attributes:
        catalogue: the sweeps and jobs. pages: the templates. reports: the pages of reports.
        runs: of sweeps submitted on this machine; None where none may be.
    """

    catalogue: Catalogue
    pages: Pages
    reports: Reports
    runs: submission.Runs | None = None


def make_app(site: Site, rules: Rules) -> Starlette:
    """Return the application: read-only, unless sweeps may be submitted."""
    views = _Views(site)
    routes = [
        Route("/", views.index),
        Route("/live", views.index_live),
        Route("/assets/{name}", views.asset),
        Route("/sweeps/{key}", views.sweep),
        Route("/sweeps/{key}/live", views.sweep_live),
        Route("/sweeps/{key}/state.json", views.sweep_json),
        Route("/sweeps/{key}/trials/{trial_id}", views.trial),
        Route("/sweeps/{key}/report", views.report),
        Route("/jobs/{job_id}", views.job),
        Route("/jobs/{job_id}/live", views.job_live),
        Route("/jobs/{job_id}/state.json", views.job_json),
        Route("/jobs/{job_id}/log", views.job_log),
    ]
    if site.pages.may_submit:
        routes += [
            Route("/submit", views.submit_page),
            Route("/check", views.check, methods=["POST"]),
            Route("/estimate", views.estimate, methods=["POST"]),
            Route("/submit", views.submit, methods=["POST"]),
            Route("/sweeps/{key}/log", views.run_log),
            Route("/sweeps/{key}/stop", views.stop_sweep, methods=["POST"]),
            Route("/jobs/{job_id}/stop", views.stop_job, methods=["POST"]),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            site.reports.close()

    failures = {SweepError: _say_error, HTTPException: _say_refusal}
    guard = [Middleware(Guard, rules=rules)]
    return Starlette(
        routes=routes, middleware=guard, lifespan=lifespan, exception_handlers=failures
    )


class _Views:
    """The answer to each kind of request; what takes a while is done in threads."""

    def __init__(self, site: Site) -> None:
        self._site, self._pages, self._catalogue = site, site.pages, site.catalogue

    # All sweeps

    async def index(self, request: Request) -> Response:
        part, sections = await run_in_threadpool(self._index_part)
        values = {"sections": sections, "tag": part.tag, "places": self._catalogue.places}
        return _html(self._pages.render("index.html", **values))

    async def index_live(self, request: Request) -> Response:
        part, _ = await run_in_threadpool(self._index_part)
        return _changed(request, part)

    def _index_part(self) -> tuple[Part, dict[str, str]]:
        rows = [self._row(key, watched) for key, watched in self._catalogue.sweeps().items()]
        rows.sort(key=_order)
        sections = {"sweeps": self._pages.render("list_sweeps.html", rows=rows)}
        if self._catalogue.server:
            jobs: list[SweepView] = []
            error = ""
            try:
                jobs = self._catalogue.jobs()
            except SweepError as failed:
                error = str(failed)
            sections["jobs"] = self._pages.render("list_jobs.html", jobs=jobs, error=error)
        return Part.of("Sweeps", sections), sections

    def _row(self, key: str, watched: Watched) -> dict[str, Any]:
        directory = self._require_directory(key)
        view = watched.view
        bar = bar_of(dict(view.counts), view.total) if view else ()
        return {
            "base": f"/sweeps/{key}",
            "name": directory.path.name,
            "place": str(directory.path),
            "view": view,
            "error": watched.error,
            "bar": bar,
        }

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            raise HTTPException(404, "there is no such file")
        return FileResponse(ASSETS[name])

    # One sweep

    async def sweep(self, request: Request) -> Response:
        return await run_in_threadpool(self._page, *self._found(request))

    async def sweep_live(self, request: Request) -> Response:
        view, base = await run_in_threadpool(self._looked, request)
        return _changed(request, Part.of(view.name, self._pages.sweep_sections(view, base)))

    async def sweep_json(self, request: Request) -> Response:
        view, _ = await run_in_threadpool(self._looked, request)
        return Response(as_json(view), media_type="application/json")

    job, job_live, job_json = sweep, sweep_live, sweep_json

    def _looked(self, request: Request) -> tuple[SweepView, str]:
        watched, base = self._found(request)
        return self._explained(watched.now()), base

    def _explained(self, view: SweepView) -> SweepView:
        return self._site.runs.explained(view) if self._site.runs else view

    def _page(self, watched: Watched, base: str) -> Response:
        view = self._explained(watched.now())
        sections = self._pages.sweep_sections(view, base)
        values = {"sweep": view, "base": base, "sections": sections}
        tag = Part.of(view.name, sections).tag
        return _html(self._pages.render("sweep.html", tag=tag, **values))

    def _found(self, request: Request) -> tuple[Watched, str]:
        """Return the sweep or job that an address names, and the address of its page."""
        if "key" in request.path_params:
            key = request.path_params["key"]
            watched, base = self._catalogue.sweep(key), f"/sweeps/{key}"
        else:
            job_id = request.path_params["job_id"]
            watched, base = self._catalogue.job(job_id), f"/jobs/{job_id}"
        if watched is None:
            raise HTTPException(404, "there is no such sweep here")
        return watched, base

    def _require_directory(self, key: str) -> ResultsDir:
        directory = self._catalogue.directory(key)
        if directory is None:
            raise HTTPException(404, "there is no such sweep here")
        return directory

    async def trial(self, request: Request) -> Response:
        key, trial_id = request.path_params["key"], request.path_params["trial_id"]
        directory = self._require_directory(key)
        if not TRIAL_ID.fullmatch(trial_id):
            raise HTTPException(404, "a trial is named by 16 hex digits")
        values = {
            "name": directory.path.name,
            "base": f"/sweeps/{key}",
            "trial_id": trial_id,
            "page": await run_in_threadpool(trial_text, directory, trial_id),
        }
        return _html(self._pages.render("trial.html", **values))

    async def report(self, request: Request) -> Response:
        key = request.path_params["key"]
        directory = self._require_directory(key)
        file = await run_in_threadpool(self._report_of, key, directory)
        if file is None:
            return self._words(request, "The report is being made", "", again=request.url.path)
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return FileResponse(file, media_type="text/html; charset=utf-8", headers=headers)

    def _report_of(self, key: str, directory: ResultsDir) -> Path | None:
        if found := finished_report(directory):
            return found
        watched = self._catalogue.sweep(key)
        assert watched is not None
        place = place_of(directory, self._catalogue.places)
        return self._site.reports.current(key, place, watched.now())

    async def job_log(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]
        if self._catalogue.server is None:
            raise HTTPException(404, "there is no cluster")
        text = await run_in_threadpool(self._catalogue.server.log, job_id)
        return self._words(request, "What the job has printed", text[-submission.MOST_LOG :])

    async def run_log(self, request: Request) -> Response:
        directory = self._require_directory(request.path_params["key"])
        if self._site.runs is None:
            raise HTTPException(404, "nothing is submitted here")
        text = await run_in_threadpool(self._site.runs.log, directory.path.name)
        return self._words(request, "What the run has printed", text)

    def _words(self, request: Request, title: str, text: str, *, again: str = "") -> Response:
        base = request.url.path.rpartition("/")[0]
        values = {"title": title, "text": text, "again": again, "base": base, "name": "its page"}
        return _html(self._pages.render("words.html", **values))

    # What is submitted

    async def submit_page(self, request: Request) -> Response:
        place = str(self._site.runs.folder) if self._site.runs else ""
        return _html(self._pages.render("submit.html", place=place))

    async def check(self, request: Request) -> Response:
        found = await run_in_threadpool(self._check, await _text_of(request))
        return JSONResponse(asdict(found))

    async def estimate(self, request: Request) -> Response:
        found = await run_in_threadpool(self._check, await _text_of(request), estimate=True)
        return JSONResponse(asdict(found))

    def _check(self, text: str, *, estimate: bool = False) -> submission.Check:
        folder = self._site.runs.folder if self._site.runs else None
        return submission.check(text, folder, estimate=estimate)

    async def submit(self, request: Request) -> Response:
        page = await run_in_threadpool(self._submit, await _text_of(request))
        return JSONResponse({"page": page})

    def _submit(self, text: str) -> str:
        found = self._check(text)
        if found.faults:
            raise SweepError(*(fault.text for fault in found.faults))
        if self._pages.address:
            return f"/jobs/{submission.submit_to(self._pages.address, text)}"
        assert self._site.runs is not None
        results = self._site.runs.start(text, found.name)
        self._catalogue.expect(results)
        return f"/sweeps/{key_of(results)}"

    async def stop_sweep(self, request: Request) -> Response:
        directory = self._require_directory(request.path_params["key"])
        await run_in_threadpool(submission.stop_here, directory)
        return Response(status_code=204)

    async def stop_job(self, request: Request) -> Response:
        if self._catalogue.server is None:
            raise HTTPException(404, "there is no cluster")
        await run_in_threadpool(self._catalogue.server.stop, request.path_params["job_id"])
        return Response(status_code=204)


def _order(row: dict[str, Any]) -> tuple[bool, float, str]:
    """Sweeps under way first, then those that ended last."""
    view: SweepView | None = row["view"]
    if view is None:
        return True, 0.0, row["name"]
    last = view.last.timestamp() if view.last else 0.0
    return view.state != "running", -last, row["name"]


def _html(text: str) -> Response:
    return Response(text, media_type="text/html; charset=utf-8")


def _changed(request: Request, part: Part) -> Response:
    """Return a part, or that it is what the page has already."""
    headers = {"ETag": part.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == part.tag:
        return Response(status_code=304, headers=headers)
    return Response(part.body, media_type="application/json", headers=headers)


async def _text_of(request: Request) -> str:
    """Return the sweep file that a page has sent, no longer than a sweep file may be."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "a sweep file is sent as JSON")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 2 * submission.MOST_BYTES:
            raise HTTPException(413, f"a sweep file has at most {submission.MOST_BYTES:,} bytes")
    try:
        text = json.loads(body)["text"]
    except (ValueError, LookupError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise HTTPException(400, "a sweep file is sent as the text of a JSON object")
    return text


async def _say_error(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{printable_text(str(error))}\n", status_code=409)


async def _say_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", status_code=error.status_code)
