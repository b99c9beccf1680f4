"""The pages of the server: which address shows what."""

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from sweep.errors import SweepError
from sweep.live.places import place_of
from sweep.live.views import SweepView
from sweep.printable import printable_text
from sweep.reports.page.assets import FOLDER as REPORT_ASSETS
from sweep.serve.catalogue import Watched
from sweep.serve.commands import Commands
from sweep.serve.figures import bar_of
from sweep.serve.guard import Guard, Rules
from sweep.serve.pages import FOLDER, Part, as_json
from sweep.serve.reports import finished_report
from sweep.serve.site import Site, as_html, if_changed
from sweep.serve.submission import MOST_LOG
from sweep.serve.trial_page import trial_text
from sweep.store.places.layout import ResultsDir

TRIAL_ID = re.compile(r"[0-9a-f]{16}")
OWN_ASSETS = ("serve.css", "theme.js", "live.js", "submit.js")
ASSETS = {name: FOLDER / "assets" / name for name in OWN_ASSETS}
ASSETS["page.css"] = Path(str(REPORT_ASSETS / "assets" / "page.css"))
"""What pages load; they look like reports."""

REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; "
    "script-src 'unsafe-inline' data: blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob: data:; connect-src data: blob:"
)
"""A report may hold what others wrote: it runs apart from this server, of which it gets nothing."""


def make_app(site: Site, rules: Rules) -> Starlette:
    """Return the application: read-only, unless sweeps may be submitted."""
    views, commands = _Views(site), Commands(site)
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
            Route("/submit", commands.submit_page),
            Route("/check", commands.check, methods=["POST"]),
            Route("/estimate", commands.estimate, methods=["POST"]),
            Route("/submit", commands.submit, methods=["POST"]),
            Route("/sweeps/{key}/log", commands.run_log),
            Route("/sweeps/{key}/stop", commands.stop_sweep, methods=["POST"]),
            Route("/jobs/{job_id}/stop", commands.stop_job, methods=["POST"]),
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
        return as_html(self._pages.render("index.html", **values))

    async def index_live(self, request: Request) -> Response:
        part, _ = await run_in_threadpool(self._index_part)
        return if_changed(request, part)

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
        directory = self._site.directory(key)
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
        return if_changed(request, Part.of(view.name, self._pages.sweep_sections(view, base)))

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
        return as_html(self._pages.render("sweep.html", tag=tag, **values))

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

    async def trial(self, request: Request) -> Response:
        key, trial_id = request.path_params["key"], request.path_params["trial_id"]
        directory = self._site.directory(key)
        if not TRIAL_ID.fullmatch(trial_id):
            raise HTTPException(404, "a trial is named by 16 hex digits")
        values = {
            "name": directory.path.name,
            "base": f"/sweeps/{key}",
            "trial_id": trial_id,
            "page": await run_in_threadpool(trial_text, directory, trial_id),
        }
        return as_html(self._pages.render("trial.html", **values))

    async def report(self, request: Request) -> Response:
        key = request.path_params["key"]
        directory = self._site.directory(key)
        file = await run_in_threadpool(self._report_of, key, directory)
        if file is None:
            return self._site.words(request, "The report is being made", "", again=request.url.path)
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
        server, job_id = self._site.job_server(request)
        text = await run_in_threadpool(server.log, job_id)
        return self._site.words(request, "What the job has printed", text[-MOST_LOG:])


def _order(row: dict[str, Any]) -> tuple[bool, float, str]:
    """Sweeps under way first, then those that ended last."""
    view: SweepView | None = row["view"]
    if view is None:
        return True, 0.0, row["name"]
    last = view.last.timestamp() if view.last else 0.0
    return view.state != "running", -last, row["name"]


async def _say_error(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{printable_text(str(error))}\n", status_code=409)


async def _say_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", status_code=error.status_code)
