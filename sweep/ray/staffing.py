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

SECONDS_STARVED = 30.0
"""How long packs of a kind wait for a first worker until one of another kind gives up its place."""


@dataclass(frozen=True)
class Places:
    """What there is for workers.

    Attributes:
        ahead: packs of each kind to hold ready, and workers to start before any has come.
        most: workers at a time; None for as many as the cluster holds.
        cpus, gpus: of the cluster; None where it may grow.
    """

    ahead: int
    most: int | None = None
    cpus: float | None = None
    gpus: float | None = None

    def of(self, kind: Kind) -> float:
        """Return how many workers of a kind there is room for, if all are of it."""
        shares = ((self.cpus, kind.cpus), (self.gpus, kind.gpus))
        return min((h // want for h, want in shares if want and h is not None), default=math.inf)


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
