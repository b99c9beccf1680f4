"""The work queue of a run: packs, one at a time, with what they go on from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import chain, zip_longest
from typing import Protocol

import numpy as np

from sweep.pack import Pack
from sweep.planning.disk import MOST_TRIALS_WITH_STATES
from sweep.planning.packs import PlannedPack, make_packs
from sweep.planning.plan import Plan
from sweep.reuse.checkpoint_files import read_checkpoints
from sweep.reuse.resume import match_starts
from sweep.running.environment import RunEnvironment
from sweep.running.messages import Rows
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_states, stated_paths
from sweep.training.work import KeepCodes, KeepState, RecordOptions, Work


class WorkQueue(Protocol):
    """The packs of a run, in the order in which they are to begin."""

    def take(self) -> Work | None:
        """Return the next pack; None if there is none now."""
        ...

    def ended(self) -> bool:
        """Return whether there will be none again, whatever comes of those under way."""
        ...

    def hear(self, rows: Rows) -> None:
        """Take note of results that are durable now."""
        ...


class PlanQueue:
    """The missing packs of a plan, each made as it is taken.

    Args:
        plan: what to train.
        directory: where states lie from which trials go on.
        environment: recorded with each trial.
        workers: packs to train at a time.
    """

    def __init__(
        self, plan: Plan, directory: ResultsDir, environment: RunEnvironment, workers: int
    ) -> None:
        planned = alternate(plan.for_workers(workers).planned_packs)
        self._packs = WorkMaker(plan, directory, environment).make(planned)
        self._ended = False

    def take(self) -> Work | None:
        work = next(self._packs, None)
        self._ended = work is None
        return work

    def ended(self) -> bool:
        return self._ended

    def hear(self, rows: Rows) -> None:
        """Take no note, as the packs of a plan depend on no results."""


class WorkMaker:
    """Makes packs with the states from which their trials go on.

    Args:
        plan: of which the packs are.
        directory: where states lie.
        environment: recorded with each trial.
    """

    def __init__(self, plan: Plan, directory: ResultsDir, environment: RunEnvironment) -> None:
        self._plan, self._environment = plan, environment
        self._starts = _Starts(directory)

    def make(self, planned: Sequence[PlannedPack], until: int | None = None) -> Iterator[Work]:
        """Yield the packs one by one, each made as it is asked for.

        Args:
            planned: the packs.
            until: the epoch after which their trials wait; None to train them to the end.
        """
        self._starts.refresh()
        plan = self._plan
        for pack in make_packs(plan.grid, planned, resources=plan.config.resources):
            yield Work(
                pack=pack if until is None else _named_by_rung(pack, until),
                starts=self._starts.of(pack),
                record=_record(plan),
                ray_version=self._environment.ray_version,
                git_revision=self._environment.git_revision,
                until=until,
            )


def _named_by_rung(pack: Pack, until: int) -> Pack:
    """Return the pack under a name of its own at each rung, as its trials may be the same."""
    name = sha256(f"{pack.pack_id} until {until}".encode()).hexdigest()[:16]
    return replace(pack, pack_id=name)


def alternate(batches: Iterable[PlannedPack]) -> list[PlannedPack]:
    """Return the packs with devices in turn, so that no device waits for the end of the queue."""
    devices: dict[str, list[PlannedPack]] = {}
    for batch in batches:
        devices.setdefault(batch.device, []).append(batch)
    turns = chain.from_iterable(zip_longest(*devices.values()))
    return [batch for batch in turns if batch is not None]


class _Starts:
    """The saved states of earlier runs, read only for the packs that have any."""

    def __init__(self, directory: ResultsDir) -> None:
        self._path = directory.path
        self._left = read_checkpoints(directory)
        self._paths: set[str] = set()

    def refresh(self) -> None:
        """Take note of the states that are saved now."""
        self._paths = stated_paths(self._path)

    def of(self, pack: Pack) -> dict[str, dict[str, np.ndarray]]:
        """Return the states from which trials of `pack` go on, by trial."""
        known = self._paths & {trial.path_id for trial in pack.trials}
        saved = read_states(self._path, known) if known else []
        return match_starts(pack.trials, [*saved, *self._left])


def _record(plan: Plan) -> RecordOptions:
    record = plan.config.record
    few = plan.trials <= MOST_TRIALS_WITH_STATES
    auto = KeepState.ALL if few else KeepState.RESUMABLE
    return RecordOptions(
        curves=record.curves,
        validation_every=record.validation_every,
        weights=record.weights,
        state=auto if record.state == "auto" else KeepState(record.state),
        ladder=record.ladder,
        gradients=record.gradients,
        codes=KeepCodes(record.codes),
    )
