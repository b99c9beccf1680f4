"""The broker between driver, Tune and workers: an actor in the driver's job."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sweep.ray.liveness import end_with_parent
from sweep.running.messages import (
    Broken,
    Delivery,
    Ended,
    Item,
    Job,
    Message,
    Offer,
    Saved,
    Tally,
)


@dataclass
class _Entry:
    """A pack between its offer and its end."""

    offer: Offer
    work: bytes
    checkpoint: bytes | None
    attempt: int = 0
    host: str | None = None
    worker: Any = None
    tally: Tally = field(default_factory=Tally)
    stalled: bool = False


class Broker:
    """Hands out packs by name and holds each message until the driver has confirmed it.

    `put` returns only then, so a worker never goes on past rows that could still be lost; a message
    whose sender died waiting is delivered all the same. Every worker waits on one message at most
    and a pack is dropped when it ends, so memory is bounded by the packs under way and ahead.

    Args:
        ahead: how many packs to hold ready, and to hand out without waiting for them to start,
            for each kind of resources.
        import_paths: directories to import the user's modules from, handed on to workers.
    """

    def __init__(self, ahead: int, import_paths: tuple[str, ...] = ()) -> None:
        self._ahead = ahead
        self._import_paths = import_paths
        self._entries: dict[str, _Entry] = {}
        self._queues: dict[tuple[float, float], deque[Offer]] = {}
        self._starting: dict[str, Offer] = {}
        self._items: deque[Item] = deque()
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        self._arrived = asyncio.Event()
        self._number = 0
        self._epochs = 0
        self._closed = False
        self._stopped = False

    # The driver's side

    async def share_fate(self) -> None:
        """End with the process that started this one."""
        end_with_parent()

    async def offer(self, offer: Offer, work: bytes, checkpoint: bytes | None = None) -> None:
        """Accept a pack to be run, to go on from `checkpoint` if there is one."""
        self._entries[offer.pack_id] = _Entry(offer, work, checkpoint)
        self._queues.setdefault((offer.cpus, offer.gpus), deque()).append(offer)

    async def close(self) -> None:
        """Take note that no more packs will be offered."""
        self._closed = True

    async def stop(self) -> None:
        """Ask every worker to stop, and start nothing more."""
        self._stopped = self._closed = True
        self._queues.clear()

    async def workers(self) -> list[Any]:
        """Return the handles of the actors that train a pack."""
        return [entry.worker for entry in self._entries.values() if entry.worker is not None]

    async def take(self, confirmed: Sequence[int], seconds: float) -> Delivery:
        """Release the senders of `confirmed`; return what has come, waiting `seconds` for it."""
        for number in confirmed:
            waiter = self._unconfirmed.pop(number)
            if not waiter.done():
                waiter.set_result(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)
        items = tuple(self._items)
        self._items.clear()
        self._arrived.clear()
        return Delivery(items, self._tally(), self._room())

    def _tally(self) -> Tally:
        tallies = [entry.tally for entry in self._entries.values()]
        epochs, self._epochs = self._epochs, 0
        active, waiting = sum(t.active for t in tallies), sum(t.waiting for t in tallies)
        return Tally(epochs, active, waiting, sum(t.compiling for t in tallies))

    def _room(self) -> int:
        queued = sum(map(len, self._queues.values()))
        kinds = max(1, len(self._queues))
        return 0 if self._closed else max(0, kinds * self._ahead - queued)

    # Tune's side

    async def next_offer(self) -> Offer | None:
        """Return a pack to start now; None if there is none, or enough are starting already."""
        for kind, queue in self._queues.items():
            starting = sum((o.cpus, o.gpus) == kind for o in self._starting.values())
            if queue and starting < self._ahead:
                offer = queue.popleft()
                self._starting[offer.pack_id] = offer
                return offer
        return None

    async def is_drained(self) -> bool:
        """Return whether no pack is left to hand out, now or later."""
        return self._closed and not any(self._queues.values())

    async def retire(self, pack_id: str, *, lost: bool) -> None:
        """Forget a pack that will not run again, and tell the driver so."""
        self._starting.pop(pack_id, None)
        if entry := self._entries.pop(pack_id, None):
            self._enqueue(pack_id, Ended(lost, entry.attempt, entry.host))

    # The worker's side

    async def start(self, pack_id: str, *, host: str, worker: Any = None) -> Job | None:
        """Return the pack to train on `host`; None if the sweep has been stopped.

        Args:
            pack_id: the pack.
            host: where it is trained.
            worker: handle of the actor that trains it.

        Raises:
            RuntimeError: its worker stood still before, so that it is not tried again as it is.
        """
        self._starting.pop(pack_id, None)
        entry = self._entries.get(pack_id)
        if self._stopped or entry is None:
            return None
        if entry.stalled:
            raise RuntimeError(f"pack {pack_id} stalled")
        entry.attempt += 1
        entry.host, entry.worker = host, worker
        return Job(entry.work, entry.checkpoint, entry.attempt, self._import_paths)

    async def put(self, pack_id: str, message: Message) -> None:
        """Deliver a message; return once the driver has kept it."""
        entry = self._entries.get(pack_id)
        if isinstance(message, Broken) and entry:
            message = replace(message, attempt=entry.attempt)
        await self._enqueue(pack_id, message)
        if isinstance(message, Saved) and entry:
            entry.checkpoint = message.data
        if isinstance(message, Broken) and entry:
            entry.tally = Tally()
            entry.stalled = message.stalled

    async def beat(self, pack_id: str, tally: Tally) -> bool:
        """Take note of a pack's progress; return whether it should stop."""
        self._epochs += tally.epochs
        if entry := self._entries.get(pack_id):
            entry.tally = tally
        return self._stopped

    def _enqueue(self, pack_id: str, message: Message) -> asyncio.Future[None]:
        self._number += 1
        waiter = asyncio.get_running_loop().create_future()
        self._unconfirmed[self._number] = waiter
        self._items.append(Item(self._number, pack_id, message))
        self._arrived.set()
        return waiter
