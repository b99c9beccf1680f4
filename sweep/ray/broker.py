"""The broker between driver, Tune and workers: an actor in the driver's job."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from sweep.ray.assignments import Assignment, Assignments, Worker
from sweep.ray.liveness import end_with_parent
from sweep.ray.mailbox import Mailbox
from sweep.ray.staffing import Places, Staffing
from sweep.running.messages import (
    Broken,
    Delivery,
    Demand,
    Ended,
    Heard,
    Job,
    Kind,
    Message,
    Offer,
    Saved,
    Tally,
    Turn,
    WorkerState,
)

TRIALS_AHEAD = 1024
"""Trials to hold ready where packs are small: what workers take while the driver does else."""

SECONDS_BETWEEN_BEATS = 0.25
SECONDS_OF_BEAT = 0.001
"""How much longer for each worker: thousands of them leave the broker time for rows."""

MOST_STATES = 256
"""Workers of whom the driver hears what they do."""

SECONDS_BETWEEN_STATES = 1.0
SECONDS_IDLE = 30.0
"""How long a worker waits for a pack before it gives up its place."""


class Broker:
    """Hands out packs to workers and holds each message until the driver has confirmed it.

    `put` returns only then, and a worker has one call of it under way: messages are kept in the
    order in which they are sent, a checkpoint after the rows before it. A message whose sender died
    waiting is delivered all the same. What a worker sends before it waits is bounded and a pack is
    dropped when it ends, so that memory is bounded by the packs under way and ahead.

    Args:
        places: how many packs to hold ready and how many workers to ask for.
        retries: how often a pack that failed is begun again.
        import_paths: directories to import the user's modules from, handed on to workers.
    """

    def __init__(self, places: Places, retries: int, import_paths: tuple[str, ...] = ()) -> None:
        self._ahead, self._import_paths = places.ahead, import_paths
        self._assignments = Assignments(retries)
        self._staffing = Staffing(places, self._assignments)
        self._mailbox = Mailbox()
        self._idle: dict[Kind, dict[int, asyncio.Future[Job | None]]] = {}
        self._tally = Tally()
        self._closed = False
        self._stopped = False
        self._told = 0.0

    # The driver's side

    async def share_fate(self) -> None:
        """End with the process that started this one."""
        end_with_parent()

    async def offer(self, offers: Sequence[Offer]) -> None:
        """Accept packs to be trained."""
        for offer in offers:
            self._assignments.offer(offer)
            self._serve(offer.kind)

    async def close(self) -> None:
        """Take note that no more packs will be offered: a worker that has none ends."""
        self._closed = True
        for kind in self._idle:
            self._serve(kind)

    async def stop(self) -> None:
        """Ask every worker to stop, and start nothing more."""
        self._stopped = True
        self._assignments.clear()
        await self.close()

    async def workers(self) -> list[bytes]:
        """Return the pickled handles of the actors that train a pack."""
        return [w.handle for w in self._assignments.workers.values() if w.packs and w.running]

    async def take(self, confirmed: Sequence[int], seconds: float) -> Delivery:
        """Release the senders of `confirmed`; return what has come, waiting `seconds` for it."""
        items = await self._mailbox.take(confirmed, seconds)
        tally, self._tally = self._tally, replace(self._tally, epochs=0)
        states = self._states()
        if self._closed:
            return Delivery(items, tally, 0, workers=states)
        kinds = self._assignments.kinds()
        queued = sum(map(self._assignments.queued, kinds))
        room = max(0, max(1, len(kinds)) * self._ahead - queued)
        spare = max(0, TRIALS_AHEAD - self._assignments.queued_trials)
        return Delivery(items, tally, room, spare, states)

    # Tune's side

    async def hire(self) -> Demand:
        """Return the workers to start now as one trial of Tune, if more are wanted."""
        kind = None if self._closed else self._staffing.wanted()
        crew = self._assignments.hire(kind, self._staffing.crew(kind)) if kind else ()
        return Demand(kind, crew, self._closed)

    async def lose(self, number: int) -> None:
        """Take back the packs of a worker whose process died, or could not start."""
        if worker := self._worker(number):
            self._lose(worker)

    async def dismiss(self, number: int) -> None:
        """Forget a worker that will not be started again."""
        if worker := self._worker(number):
            if worker.packs:
                self._lose(worker)
            self._note(worker, Tally())
            self._assignments.dismiss(worker)

    # The worker's side

    async def enter(self, number: int, *, host: str, handle: bytes = b"") -> None:
        """Note that a process on `host` takes the place of worker `number`."""
        if worker := self._worker(number):
            if worker.running:
                self._lose(worker)  # the process before this one, of which nobody has told yet
            self._assignments.enter(worker, host, handle)

    async def next(self, number: int) -> Job | None:
        """Return a pack to begin now, as soon as there is one; None if the worker is to end."""
        worker = self._worker(number)
        if worker is None or self._closed or self._staffing.gives_way(worker.kind):
            return None
        if pack := self._assignments.take(worker):
            return self._job(pack)
        self._note(worker, Tally())
        if self._staffing.is_needed_elsewhere(worker.kind):
            return None
        return await self._wait(worker)

    async def begin(self, number: int, pack_id: str) -> Turn:
        """Note that a worker begins a pack, which an idle one may have taken from it meanwhile."""
        worker = self._worker(number)
        if worker is None:
            return Turn(False, None)
        granted = self._assignments.begin(worker, pack_id)
        if self._closed or self._staffing.starved(worker.kind):
            return Turn(granted, None)
        ahead = self._assignments.promise(worker)
        return Turn(granted, self._job(ahead) if ahead else None)

    async def put(
        self, number: int, messages: Sequence[tuple[str, Message]], tally: Tally
    ) -> float:
        """Deliver messages, each of a pack; return once the driver has kept all of them.

        Returns:
            The seconds that the driver took.
        """
        began = time.monotonic()
        if worker := self._worker(number):
            self._note(worker, tally)
        posted = [self._accept(number, pack_id, message) for pack_id, message in messages]
        kept = [waiter for waiter in posted if waiter]
        if kept:
            await kept[-1]
        for pack_id, message in messages:
            pack = self._assignments.find(pack_id)
            if isinstance(message, Saved) and pack and pack.worker == number:
                pack.checkpoint = message.data
        return time.monotonic() - began

    async def beat(self, number: int, tally: Tally) -> Heard:
        """Take note of a worker's progress."""
        if worker := self._worker(number):
            self._note(worker, tally)
        pause = SECONDS_OF_BEAT * len(self._assignments.workers)
        return Heard(self._stopped or worker is None, max(SECONDS_BETWEEN_BEATS, pause))

    def _states(self) -> tuple[WorkerState, ...] | None:
        """Return what workers do; None if that was told within the last second."""
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_STATES:
            return None
        self._told = now
        return self._assignments.states(MOST_STATES)

    def _worker(self, number: int) -> Worker | None:
        return self._assignments.workers.get(number)

    def _job(self, pack: Assignment) -> Job:
        attempt = pack.attempt if pack.begun else pack.attempt + 1
        offer = pack.offer
        return Job(offer.pack_id, offer.work, pack.checkpoint, attempt, self._import_paths)

    async def _wait(self, worker: Worker) -> Job | None:
        idle = self._idle.setdefault(worker.kind, {})
        waiter: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
        idle[worker.number] = waiter
        while not waiter.done():
            await asyncio.wait([waiter], timeout=SECONDS_IDLE)
            if not waiter.done() and self._is_crew_idle(worker):
                del idle[worker.number]
                return None
        return waiter.result()

    def _is_crew_idle(self, worker: Worker) -> bool:
        """Return whether none of its crew, whose place is given up as a whole, has a pack."""
        workers = map(self._worker, worker.crew)
        return not any(mate and mate.running and mate.packs for mate in workers)

    def _serve(self, kind: Kind) -> None:
        """Give idle workers what there is: packs, or leave to go."""
        idle = self._idle.get(kind, {})
        for number in list(idle):
            pack = (
                None if self._closed else self._assignments.take(self._assignments.workers[number])
            )
            if pack or self._closed:
                idle.pop(number).set_result(self._job(pack) if pack else None)
            else:
                return

    def _accept(self, number: int, pack_id: str, message: Message) -> asyncio.Future[None] | None:
        match message:
            case Ended(lost=lost):
                return self._end(pack_id, lost=lost)
            case Broken():
                return self._break(number, pack_id, message)
            case _:
                return self._mailbox.post(pack_id, message)

    def _break(self, number: int, pack_id: str, broken: Broken) -> asyncio.Future[None] | None:
        """Tell the driver what a worker's attempt raised, and have another made if it may be."""
        pack = self._assignments.find(pack_id)
        if pack is None or pack.worker != number:
            return None
        told = self._mailbox.post(pack_id, replace(broken, attempt=pack.attempt))
        if broken.stalled or self._stopped:
            self._end(pack_id, lost=not self._stopped)
        elif over := self._assignments.fail(pack_id):
            self._tell_end(over, lost=True)
        self._serve(pack.offer.kind)
        return told

    def _lose(self, worker: Worker) -> None:
        for pack_id in worker.packs.copy() if self._stopped else ():
            self._end(pack_id, lost=False)
        for pack in self._assignments.lose(worker):
            self._tell_end(pack, lost=True)
        self._note(worker, Tally())
        if waiter := self._idle.get(worker.kind, {}).pop(worker.number, None):
            waiter.set_result(None)
        self._serve(worker.kind)

    def _end(self, pack_id: str, *, lost: bool) -> asyncio.Future[None] | None:
        pack = self._assignments.end(pack_id)
        return self._tell_end(pack, lost=lost) if pack else None

    def _tell_end(self, pack: Assignment, *, lost: bool) -> asyncio.Future[None]:
        return self._mailbox.post(pack.offer.pack_id, Ended(lost, pack.attempt, pack.host))

    def _note(self, worker: Worker, tally: Tally) -> None:
        """Take the progress of a worker in place of its last into that of all."""
        before, worker.tally = worker.tally, tally
        total = self._tally
        self._tally = Tally(
            total.epochs + tally.epochs,
            total.active + tally.active - before.active,
            total.waiting + tally.waiting - before.waiting,
            total.compiling + tally.compiling - before.compiling,
        )
