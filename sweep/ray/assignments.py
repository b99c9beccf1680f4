"""Which worker trains which pack, and which it begins next. Knows nothing of Ray or of messages."""

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import islice

from sweep.running.messages import Kind, Offer, Tally, WorkerState


@dataclass
class Assignment:
    """A pack between its offer and its end.

    Attributes:
        attempt: how often it was begun. failures: how many of its attempts failed.
        worker: the number of the one that has it; None while it is queued.
        begun: whether that worker trains it, or has; until then an idle one may take it.
        host: where it was begun last.
    """

    offer: Offer
    checkpoint: bytes | None
    attempt: int = 0
    failures: int = 0
    worker: int | None = None
    begun: bool = False
    host: str | None = None


@dataclass
class Worker:
    """A place for a process that trains pack after pack, started anew whenever it dies.

    Attributes:
        packs: those it has, in the order in which it got them: begun ones whose end it has not
            told yet, the last of which it trains, and one to begin next.
        running: whether its process has come. took: whether that process has been given a pack.
        crew: the numbers of the workers that are one trial of Tune with it, its own among them.
        handle: of the process, to end it, pickled: it brings along all that a worker imports.
    """

    number: int
    kind: Kind
    crew: tuple[int, ...]
    packs: list[str] = field(default_factory=list)
    running: bool = False
    took: bool = False
    host: str | None = None
    handle: bytes = b""
    tally: Tally = field(default_factory=Tally)


class Assignments:
    """The packs on offer and the workers that take them.

    A pack whose attempt fails goes back to the front of its queue until it has failed more than
    `retries` times. A worker that dies before it has taken any counts against the pack that it
    would have taken, so that one that can never start ends what it is for.

    Args:
        retries: how often a pack that failed is begun again.
    """

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._packs: dict[str, Assignment] = {}
        self._queues: dict[Kind, deque[str]] = {}
        self._promised: dict[Kind, dict[str, None]] = {}
        self._waiting_trials = self._hired = 0
        self.workers: dict[int, Worker] = {}
        self.running: Counter[Kind] = Counter()
        self.starting: Counter[Kind] = Counter()

    def find(self, pack_id: str) -> Assignment | None:
        return self._packs.get(pack_id)

    def kinds(self) -> list[Kind]:
        return list(self._queues)

    def queued(self, kind: Kind) -> int:
        """Return how many packs for such workers nobody has."""
        return len(self._queues[kind])

    @property
    def queued_trials(self) -> int:
        return self._waiting_trials

    def states(self, most: int) -> tuple[WorkerState, ...]:
        """Return what workers do, at most so many of them."""
        return tuple(map(self._state, islice(self.workers.values(), most)))

    def _state(self, worker: Worker) -> WorkerState:
        begun = [self._packs[pack_id] for pack_id in worker.packs if self._packs[pack_id].begun]
        if not begun:
            return WorkerState(worker.number, worker.host)
        pack, tally = begun[-1], worker.tally
        return WorkerState(
            number=worker.number,
            host=worker.host,
            pack_id=pack.offer.pack_id,
            trials=pack.offer.trials,
            attempt=pack.attempt,
            active=tally.active,
            waiting=tally.waiting,
            compiling=bool(tally.compiling),
        )

    # Packs

    def offer(self, offer: Offer) -> None:
        self._packs[offer.pack_id] = Assignment(offer, offer.checkpoint)
        self._promised.setdefault(offer.kind, {})
        self._queues.setdefault(offer.kind, deque()).append(offer.pack_id)
        self._waiting_trials += offer.trials

    def clear(self) -> None:
        """Forget the packs that nobody has begun."""
        for queue in self._queues.values():
            queue.clear()
        self._waiting_trials = 0
        for pack in [p for p in self._packs.values() if not p.begun]:
            self.end(pack.offer.pack_id)

    def end(self, pack_id: str) -> Assignment | None:
        """Forget a pack; return it, None if it is not known or no longer."""
        pack = self._packs.pop(pack_id, None)
        if pack is not None:
            self._take_back(pack)
        return pack

    def fail(self, pack_id: str) -> Assignment | None:
        """Count a failed attempt; return the pack if it is over, None if it is tried again."""
        pack = self._packs[pack_id]
        pack.failures += 1
        if pack.failures > self._retries:
            return self.end(pack_id)
        self._queue_again(pack)
        return None

    # Workers

    def hire(self, kind: Kind, count: int = 1) -> tuple[int, ...]:
        """Make places for so many workers, a crew; return their numbers."""
        crew = tuple(range(self._hired + 1, self._hired + count + 1))
        self.workers |= {number: Worker(number, kind, crew) for number in crew}
        self._hired += count
        self.starting[kind] += count
        return crew

    def enter(self, worker: Worker, host: str, handle: bytes) -> None:
        """Note that a process has taken a place whose last one, if any, is gone."""
        self.starting[worker.kind] -= 1
        self.running[worker.kind] += 1
        worker.running, worker.took = True, False
        worker.host, worker.handle = host, handle

    def take(self, worker: Worker) -> Assignment | None:
        """Return a pack that `worker` begins now: the next, else one that another has not begun."""
        queue, promised = self._queues.get(worker.kind), self._promised.get(worker.kind)
        if queue:
            return self._begin(self._next(queue), worker)
        if promised:
            pack = self._packs[next(iter(promised))]
            self._take_back(pack)
            return self._begin(pack, worker)
        return None

    def begin(self, worker: Worker, pack_id: str) -> bool:
        """Note that a worker begins a pack; return whether it is still its own."""
        pack = self._packs.get(pack_id)
        if pack is None or pack.worker != worker.number:
            return False
        if not pack.begun:
            worker.packs.remove(pack_id)
            self._begin(pack, worker)
        return True

    def promise(self, worker: Worker) -> Assignment | None:
        """Return the pack that `worker` is to begin next; None if none waits."""
        queue = self._queues[worker.kind]
        if not queue:
            return None
        pack = self._next(queue)
        pack.worker = worker.number
        worker.packs.append(pack.offer.pack_id)
        self._promised[worker.kind][pack.offer.pack_id] = None
        return pack

    def lose(self, worker: Worker) -> list[Assignment]:
        """Note that the process of a worker is gone; return the packs that are over by that."""
        packs = [self._packs[pack_id] for pack_id in worker.packs]
        begun = [pack.offer.pack_id for pack in packs if pack.begun]
        for pack in reversed(packs):
            if pack.offer.pack_id not in begun[-1:]:
                self._queue_again(pack)
        queue = self._queues.get(worker.kind)
        blamed = begun[-1:] or ([] if worker.took or not queue else [queue[0]])
        if worker.running:
            self.running[worker.kind] -= 1
            self.starting[worker.kind] += 1
        worker.running = worker.took = False
        worker.handle = b""
        return [over for pack_id in blamed if (over := self.fail(pack_id))]

    def dismiss(self, worker: Worker) -> None:
        """Forget a worker, which has no pack."""
        del self.workers[worker.number]
        (self.running if worker.running else self.starting)[worker.kind] -= 1

    def _next(self, queue: deque[str]) -> Assignment:
        pack = self._packs[queue.popleft()]
        self._waiting_trials -= pack.offer.trials
        return pack

    def _begin(self, pack: Assignment, worker: Worker) -> Assignment:
        pack.worker, pack.begun, pack.host = worker.number, True, worker.host
        pack.attempt += 1
        self._promised[worker.kind].pop(pack.offer.pack_id, None)
        worker.packs.append(pack.offer.pack_id)
        worker.took = True
        return pack

    def _take_back(self, pack: Assignment) -> None:
        """Take a pack from the worker that has it, or from its queue."""
        pack_id, kind = pack.offer.pack_id, pack.offer.kind
        if pack.worker is not None:
            self.workers[pack.worker].packs.remove(pack_id)
        elif pack_id in self._queues[kind]:
            self._queues[kind].remove(pack_id)
            self._waiting_trials -= pack.offer.trials
        self._promised[kind].pop(pack_id, None)
        pack.worker, pack.begun = None, False

    def _queue_again(self, pack: Assignment) -> None:
        self._take_back(pack)
        self._queues[pack.offer.kind].appendleft(pack.offer.pack_id)
        self._waiting_trials += pack.offer.trials
