"""How many workers of each kind are wanted. Knows nothing of Tune."""

import math
import time
from dataclasses import dataclass

from sweep.ray.assignments import Assignments
from sweep.running.messages import Kind

MOST_STARTING = 8
"""Workers of a kind that may be starting beyond those for which there was room: the demand by
which a cluster grows.
"""

MOST_CREW = 16
"""Workers of one trial of Tune, at most."""

SLOTS_FOR_CREWS = 64
"""Workers from which on they are crews: fewer cost Tune two seconds one by one."""

SECONDS_STARVED = 30.0
"""How long packs of a kind wait for a first worker until one of another kind gives up its place."""


@dataclass(frozen=True)
class Places:
    """What there is for workers.

    Attributes:
        ahead: packs of each kind to hold ready, and workers to start before any has come.
        most: workers at a time; None for as many as the cluster holds.
        cpus, gpus: of the cluster; None where it may grow.
        nodes: CPUs and GPUs of each node seen.
        slots_for_crews: workers from which on they are crews.
    """

    ahead: int
    most: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    nodes: tuple[tuple[float, float], ...] = ()
    slots_for_crews: int = SLOTS_FOR_CREWS

    def of(self, kind: Kind) -> float:
        """Return how many workers of a kind there is room for, if all are of it."""
        shares = ((self.cpus, kind.cpus), (self.gpus, kind.gpus))
        return min((h // want for h, want in shares if want and h is not None), default=math.inf)

    def seen(self, kind: Kind) -> int:
        """Return how many workers of a kind the nodes seen have room for, if all are of it."""
        return sum(self._rooms(kind))

    def crew(self, kind: Kind) -> int:
        """Return how many workers of a kind are one trial of Tune.

        Several where there are many workers: each crew on one node, and as many as divide the room
        of every node, so that none of it is left empty.
        """
        rooms = self._rooms(kind)
        if min(sum(rooms), self.most or math.inf) < self.slots_for_crews:
            return 1
        return max(size for size in range(1, MOST_CREW + 1) if math.gcd(*rooms) % size == 0)

    def _rooms(self, kind: Kind) -> list[int]:
        """Return how many workers of a kind each node has room for, of those that have any."""
        wants = (kind.cpus, kind.gpus)
        shares = [
            [int(held / want + 1e-6) for held, want in zip(node, wants, strict=True) if want]
            for node in self.nodes
        ]
        return [room for share in shares if (room := min(share, default=0))]


class Staffing:
    """Decides whether to start a worker, and when one gives up its place to another kind."""

    def __init__(self, places: Places, assignments: Assignments) -> None:
        self._places, self._assignments = places, assignments
        self._starved: dict[Kind, float] = {}

    def wanted(self) -> Kind | None:
        """Return the kind of a worker to start now, kinds in turn; None for none."""
        held = self._assignments
        if self._places.most and len(held.workers) >= self._places.most:
            return None
        short = [kind for kind in held.kinds() if self._is_short(kind)]
        return min(short, key=lambda k: (held.running[k] + held.starting[k], -k.gpus), default=None)

    def crew(self, kind: Kind) -> int:
        """Return how many workers of a kind to start as one trial of Tune now.

        One where the nodes seen have no more room, as those to come may be smaller, and where packs
        of another kind may want a part of a node.
        """
        held, size = self._assignments, self._places.crew(kind)
        there = held.running[kind] + held.starting[kind]
        if len(held.kinds()) > 1 or there + size > self._places.seen(kind):
            return 1
        most = (self._places.most or math.inf) - len(held.workers)
        return int(max(1, min(size, most, held.queued(kind) - held.starting[kind])))

    def _is_short(self, kind: Kind) -> bool:
        held = self._assignments
        running, starting = held.running[kind], held.starting[kind]
        most_starting = max(self._places.ahead - running, MOST_STARTING)
        room = running + starting < self._places.of(kind) and starting < most_starting
        return room and starting < held.queued(kind)

    def starved(self, kind: Kind) -> Kind | None:
        """Return another kind whose packs have waited for a first worker for too long, if any."""
        now = time.monotonic()
        for other in self._assignments.kinds():
            if not self._assignments.queued(other) or self._assignments.running[other]:
                self._starved.pop(other, None)
            elif other != kind and now - self._starved.setdefault(other, now) > SECONDS_STARVED:
                return other
        return None

    def gives_way(self, kind: Kind) -> bool:
        """Return whether a worker that has no pack should end for the sake of another kind."""
        if other := self.starved(kind):
            self._starved[other] = time.monotonic()
        return other is not None

    def is_needed_elsewhere(self, kind: Kind) -> bool:
        """Return whether packs of another kind wait, for which an idle worker can make room."""
        held = self._assignments
        return any(held.queued(other) for other in held.kinds() if other != kind)
