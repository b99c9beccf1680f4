"""What the server shows, and how it answers."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sweep.jobs.control import JobServer
from sweep.serve.catalogue import Catalogue
from sweep.serve.pages import Pages, Part
from sweep.serve.reports import Reports
from sweep.serve.submission import Runs
from sweep.store.places.layout import ResultsDir


def as_html(text: str) -> Response:
    """Return text as a page."""
    return Response(text, media_type="text/html; charset=utf-8")


def if_changed(request: Request, part: Part) -> Response:
    """Return a part, or that it is what the page has already."""
    headers = {"ETag": part.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == part.tag:
        return Response(status_code=304, headers=headers)
    return Response(part.body, media_type="application/json", headers=headers)


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
    runs: Runs | None = None

    def directory(self, key: str) -> ResultsDir:
        """Return the results that a key names.

        Raises:
            HTTPException: there are none.
        """
        directory = self.catalogue.directory(key)
        if directory is None:
            raise HTTPException(404, "there is no such sweep here")
        return directory

    def job_server(self, request: Request) -> tuple[JobServer, str]:
        """Return the job server, and the job that an address names.

        Raises:
            HTTPException: there is no cluster, or it can be no job's name.
        """
        job_id = request.path_params["job_id"]
        if self.catalogue.server is None or self.catalogue.job(job_id) is None:
            raise HTTPException(404, "there is no such job")
        return self.catalogue.server, job_id

    def words(self, request: Request, title: str, text: str, *, again: str = "") -> Response:
        """Return a page of nothing but text; one that asks for `again` after a second, if given."""
        base = request.url.path.rpartition("/")[0]
        values = {"title": title, "text": text, "again": again, "base": base, "name": "its page"}
        return as_html(self.pages.render("words.html", **values))
