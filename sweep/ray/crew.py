"""Several workers of a node as one trial of Ray Tune, each in a process of its own."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import ray

Train = Callable[[int], None]


class Crew:
    """Keeps workers going as actors within the placement group of this process, until all end.

    A worker whose process dies, or that raises, is started again in a new process, as Tune does
    with a worker that is a trial of its own. The actors end with this process.

    Args:
        broker: handle of the `Broker` actor, which is told of each such worker and of each end.
        train: what a worker does, given its number.
        cpus, gpus: what a worker occupies.
    """

    def __init__(self, broker: Any, train: Train, *, cpus: float, gpus: float) -> None:
        self._broker, self._train = broker, ray.put(train)
        self._member = ray.remote(Member).options(num_cpus=cpus, num_gpus=gpus)
        self._members: dict[Any, tuple[int, Any]] = {}

    def work(self, workers: Sequence[int]) -> None:
        """Run the workers of these numbers; return when all have ended."""
        for worker in workers:
            self._start(worker)
        while self._members:
            (over,), _ = ray.wait(list(self._members), num_returns=1)
            worker, member = self._members.pop(over)
            try:
                ray.get(over)
            except ray.exceptions.RayError:
                self._tell(self._broker.lose.remote(worker))
                self._start(worker)
            else:
                self._tell(self._broker.dismiss.remote(worker))
            ray.kill(member)

    def _start(self, worker: int) -> None:
        member: Any = self._member.remote()
        self._members[member.train.remote(self._train, worker)] = worker, member

    def _tell(self, told: Any) -> None:
        with contextlib.suppress(ray.exceptions.ActorDiedError):  # then nobody needs to know
            ray.get(told)


class Member:
    """A worker of a crew: an actor, so that its process is its own and ends with it."""

    def train(self, train: Train, worker: int) -> None:
        train(worker)
