"""A worker's end of the channel to the driver, for one pack after another."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ray

from sweep.ray.outbox import Outbox, Parcel, is_ready
from sweep.ray.watchdog import Watchdog
from sweep.result import TrialResult
from sweep.running.messages import Broken, Ended, Heard, Job, Saved, Tally, Turn
from sweep.training.work import Progress

SECONDS_BETWEEN_LOOKS = 0.05


class Withdrawn(Exception):  # noqa: N818 (nothing is wrong)
    """Another worker has begun the pack before."""


class WorkerChannel:
    """Gets packs from the broker, the next while one is trained, and sends what comes of them.

    A worker begins the next pack at once and hears later whether it may: until then it sends
    nothing of it.

    Attributes:
        watchdog: hears of every chunk of epochs; once it has begun, no chunk may take longer than
            `stall_seconds`.
    """

    def __init__(self, broker: Any, worker: int, sweep: str, stall_seconds: float) -> None:
        self.watchdog = Watchdog(stall_seconds, self._report_stall)
        self._stall_seconds = stall_seconds
        self._broker, self._worker = broker, worker
        self._outbox = Outbox(sweep, self._put, self._get)
        self._pack_id = ""
        self._begun: Any = None
        self._turn = Turn(True, None)
        self._tally = Tally()
        self._beat: Any = None
        self._next_beat = self._next_look = 0.0
        self._stop = False

    # From pack to pack

    def enter(self, *, host: str, handle: bytes) -> None:
        """Take up the worker's place."""
        self._get(self._broker.enter.remote(self._worker, host=host, handle=handle))

    def next_job(self) -> Job | None:
        """Return the next pack; None at the end, when the driver has kept all that was sent."""
        job = self._hear_turn().ahead or self._ask()
        if job is None:
            self._outbox.flush()
            return None
        self._pack_id = job.pack_id
        self._begun = self._broker.begin.remote(self._worker, job.pack_id)
        return job

    def end_pack(self) -> None:
        """Note that the pack is trained and all its rows are given to the channel."""
        self._require_pack()
        self._tally = Tally(self._tally.epochs)
        self._outbox.add(self._pack_id, Ended(False))
        self._outbox.send_due()

    def report(self, broken: Broken) -> None:
        """Tell of an attempt that failed; return once the driver has kept it, and all before."""
        self._outbox.add(self._pack_id, broken)
        self._outbox.flush()

    def _ask(self) -> Job | None:
        asked = self._broker.next.remote(self._worker)
        self._outbox.send()  # rows are not kept back while a worker has nothing to do
        job: Job | None = self._get(asked)
        self._turn = Turn(True, None)
        return job

    def _hear_turn(self) -> Turn:
        if self._begun is not None:
            self._turn, self._begun = self._get(self._begun), None
        return self._turn

    def _require_pack(self) -> None:
        """Raise `Withdrawn` if the pack at hand is another worker's."""
        if not self._hear_turn().granted:
            raise Withdrawn

    # What is called while a pack is trained

    def rows(self, results: Sequence[TrialResult]) -> None:
        """Send rows soon, and before any later message is."""
        self._require_pack()
        self._outbox.add_rows(results)
        self._outbox.send_due()

    def checkpoint(self, data: bytes) -> None:
        """Send a checkpoint behind all rows before it: the driver keeps them in this order."""
        self._require_pack()
        self._outbox.add(self._pack_id, Saved(data))
        self._outbox.send()

    def progress(self, progress: Progress) -> None:
        self._tally = Tally.of(progress, self._tally.epochs)
        if progress.compiling:  # the next chance is a while off
            self._hear_beat()
            self._send_beat()
        elif not progress.active:
            self._look()

    def should_stop(self) -> bool:
        """Report progress and hear whether to stop, a few times a second at most."""
        self.watchdog.hear()
        if time.monotonic() > self._next_look:
            self._look()
        return self._stop

    def _look(self) -> None:
        """Hear what has come and tell what is due, without waiting for either."""
        now = time.monotonic()
        self._next_look = now + SECONDS_BETWEEN_LOOKS
        if self._beat is not None and is_ready(self._beat):
            self._hear_beat()
        if self._beat is None and now > self._next_beat:
            self._send_beat()
        if self._begun is not None and is_ready(self._begun):
            self._require_pack()
        self._outbox.send_due()

    def _send_beat(self) -> None:
        self._beat = self._broker.beat.remote(self._worker, self._told())

    def _hear_beat(self) -> None:
        if self._beat is not None:
            heard: Heard = self._get(self._beat)
            self._beat, self._stop = None, heard.stop
            self._next_beat = time.monotonic() + heard.pause

    def _told(self) -> Tally:
        """Return the progress, whose epochs are not told again."""
        tally, self._tally = self._tally, replace(self._tally, epochs=0)
        return tally

    def _put(self, parcel: Parcel) -> Any:
        return self._broker.put.remote(self._worker, parcel, self._told())

    def _get(self, answer: Any) -> Any:
        with self.watchdog.patient():
            return ray.get(answer)

    def _report_stall(self, stack: str) -> None:
        error = (
            f"no chunk of epochs ended within {self._stall_seconds:g} s "
            "(resources.stall_seconds allows more)"
        )
        self.report(Broken(error, stack, stalled=True))
