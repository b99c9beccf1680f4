"""The sweeps on a cluster as jobs of its job server: lists, follows and stops them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sweep.errors import SweepError, nearest
from sweep.ray.access import asking, connecting, job_address, job_client, require_listener
from sweep.ray.session import set_environment

STOPPED = 130
FAILED = 1
OWN_CODES = {1, 2, STOPPED}
SECONDS_BETWEEN_LOOKS = 0.3
SECONDS_BEFORE_RETRY = 2.0


class JobState(StrEnum):
    """Where a job is, in Ray's words."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        return self not in (JobState.PENDING, JobState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class SweepJob:
    """A sweep on a cluster.

    Attributes:
        job_id: its name on the cluster. sweep: name of the sweep.
        results: where its results lie, as the cluster's head has it.
        state: where it is. message: what Ray says of it.
        started, ended: UTC; None before.
        exit_code: of its `sweep run`; None unless that ended by itself.
        node_id: of the node that its driver runs on; None before.
    """

    job_id: str
    sweep: str
    results: str
    state: JobState
    message: str
    started: datetime | None
    ended: datetime | None
    exit_code: int | None
    node_id: str | None

    @property
    def outcome(self) -> int:
        """The exit code for whoever waited for the job: 0, 1 failed, 2 wrong input, 130 stopped."""
        if self.state == JobState.SUCCEEDED:
            return 0
        if self.state == JobState.STOPPED:
            return STOPPED
        return self.exit_code if self.exit_code in OWN_CODES else FAILED

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        if self.started is None:
            return 0.0
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()


class JobServer:
    """A cluster's job server.

    Args:
        address: such as `http://head:8265`; None for that in RAY_ADDRESS.

    Raises:
        SweepError: it cannot be reached, or does not accept the token; so does every method.
    """

    def __init__(self, address: str | None = None) -> None:
        set_environment()
        self.address = job_address(address)
        with connecting(self.address):
            require_listener(self.address)
            self._client = job_client(self.address)

    def submit(
        self, job_id: str, command: str, runtime_env: Mapping[str, Any], metadata: Mapping[str, str]
    ) -> None:
        """Start a job; Ray itself refuses a `job_id` that was ever used."""
        with asking(self.address):
            self._client.submit_job(
                entrypoint=command,
                submission_id=job_id,
                runtime_env=dict(runtime_env),
                metadata=dict(metadata),
            )

    def jobs(self) -> list[SweepJob]:
        """Return the sweeps that were ever submitted, the oldest first."""
        with asking(self.address):
            found = self._client.list_jobs()
        ours = [_job_of(info) for info in found if "sweep" in (info.metadata or {})]
        return sorted(ours, key=lambda job: (job.started or datetime.now(UTC), job.job_id))

    def find(self, name: str) -> SweepJob:
        """Return the job of this name, else the latest job of the sweep of this name.

        Raises:
            SweepError: there is none.
        """
        jobs = self.jobs()
        named = [job for job in jobs if job.job_id == name]
        if found := named or [job for job in jobs if job.sweep == name]:
            return found[-1]
        known = [job.job_id for job in jobs]
        hint = nearest(name, known) or "`sweep jobs` lists them"
        raise SweepError(f"{self.address}: must have a job or a sweep {name!r} (got none; {hint})")

    def look(self, job_id: str) -> SweepJob:
        """Return a job as it is now, also one that is no sweep."""
        with asking(self.address):
            return _job_of(self._client.get_job_info(job_id))

    def log(self, job_id: str) -> str:
        """Return what a job has printed."""
        with asking(self.address):
            text: str = self._client.get_job_logs(job_id)
        return text

    def follow(self, job_id: str) -> Iterator[str]:
        """Yield what a job has printed and goes on to print, until it ends.

        A connection that breaks is made anew, and goes on where it was; where none can be made, the
        log is asked for now and then.
        """
        try:
            from aiohttp import ClientError
        except ImportError as error:
            raise SweepError(
                "to follow a job, aiohttp must be there: pip install 'autoencoder-sweep[cluster]'"
            ) from error
        seen = 0
        while True:
            come = 0
            try:
                for text in _iterate(self._client.tail_job_logs(job_id)):
                    yield text[max(0, seen - come) :]
                    come += len(text)
                    seen = max(seen, come)
            except (RuntimeError, OSError, ClientError):
                missed = self.log(job_id)[seen:]
                yield missed
                seen += len(missed)
            if self.look(job_id).state.is_over:
                yield self.log(job_id)[seen:]
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def stop(self, job_id: str) -> SweepJob:
        """End a job, giving it the time to keep what it has; return it as it ended."""
        while not (job := self.look(job_id)).state.is_over:
            with asking(self.address):
                self._client.stop_job(job_id)
            self.wait(job_id, until=lambda job: job.state.is_over, seconds=SECONDS_BEFORE_RETRY)
        return job

    def wait(self, job_id: str, *, until: Callable[[SweepJob], bool], seconds: float) -> bool:
        """Wait until a job is as wanted; return whether it came to that in time."""
        end = time.monotonic() + seconds
        while not until(self.look(job_id)):
            if time.monotonic() > end:
                return False
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return True

    def forget(self, job_id: str) -> None:
        """Take a job that is over off the list."""
        with asking(self.address):
            self._client.delete_job(job_id)

    def download(self, node_id: str, name: str, target: Path) -> None:
        """Copy a file of the folder in which a node keeps its logs, as bytes."""
        with target.open("wb") as file:
            for chunk in self._file(node_id, name):
                file.write(chunk)

    def read(self, node_id: str, name: str) -> bytes:
        """Return a small file of that folder."""
        return b"".join(self._file(node_id, name))

    def _file(self, node_id: str, name: str) -> Iterator[bytes]:
        query = {"node_id": node_id, "filename": name, "lines": "-1", "timeout": "86400"}
        with asking(self.address):
            # The client's own request: it adds the token, and the certificates.
            reply = self._client._do_request("GET", "/api/v0/logs/file", params=query, stream=True)
            reply.raise_for_status()
            yield from reply.iter_content(2**20)


def _iterate(texts: AsyncIterator[str]) -> Iterator[str]:
    """Iterate as if it were synchronous; Ctrl-C ends the wait for the next."""

    async def following() -> str | None:
        return await anext(texts, None)

    with asyncio.Runner() as runner:
        while (text := runner.run(following())) is not None:
            yield text


def _job_of(info: Any) -> SweepJob:
    about = info.metadata or {}
    return SweepJob(
        job_id=info.submission_id,
        sweep=about.get("sweep", ""),
        results=about.get("results", ""),
        state=JobState(info.status.value.lower()),
        message=info.message or "",
        started=_moment(info.start_time),
        ended=_moment(info.end_time),
        exit_code=info.driver_exit_code,
        node_id=info.driver_node_id,
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
