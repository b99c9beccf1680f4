"""What pages may ask for where sweeps may be submitted and stopped."""

import json
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sweep.errors import SweepError
from sweep.live.places import key_of
from sweep.serve import submission
from sweep.serve.site import Site, as_html


class Commands:
    """The answer to each of them; what takes a while is done in threads."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def submit_page(self, request: Request) -> Response:
        place = str(self._site.runs.folder) if self._site.runs else ""
        return as_html(self._site.pages.render("submit.html", place=place))

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
        if self._site.pages.address:
            return f"/jobs/{submission.submit_to(self._site.pages.address, text)}"
        assert self._site.runs is not None
        results = self._site.runs.start(text, found.name)
        self._site.catalogue.expect(results)
        return f"/sweeps/{key_of(results)}"

    async def stop_sweep(self, request: Request) -> Response:
        directory = self._site.directory(request.path_params["key"])
        await run_in_threadpool(submission.stop_here, directory)
        return Response(status_code=204)

    async def stop_job(self, request: Request) -> Response:
        server, job_id = self._site.job_server(request)
        await run_in_threadpool(server.stop, job_id)
        return Response(status_code=204)

    async def run_log(self, request: Request) -> Response:
        directory = self._site.directory(request.path_params["key"])
        if self._site.runs is None:
            raise HTTPException(404, "nothing is submitted here")
        text = await run_in_threadpool(self._site.runs.log, directory.path.name)
        return self._site.words(request, "What the run has printed", text)


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
        text.encode()  # as half a pair of surrogates cannot be
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise HTTPException(400, "a sweep file is sent as the text of a JSON object")
    return text
