"""The work queue of a run with a scheduler: packs up to a rung, and then of what goes on."""

from collections.abc import Iterator
from itertools import chain

import pyarrow.compute as pc
from jaxtyping import Int64
from numpy import ndarray

from sweep.planning.packs import plan_packs
from sweep.planning.plan import Plan
from sweep.running.environment import RunEnvironment
from sweep.running.messages import Rows
from sweep.running.work_queue import WorkMaker, alternate
from sweep.scheduling.schedule import Schedule, Step
from sweep.scheduling.values import CURVES, TRIALS, RungValues, values_at
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.encoding import decode
from sweep.store.tables.snapshot import read_rows
from sweep.training.work import Work
from sweep.trial import Status


class RungQueue:
    """The packs that a schedule asks for; none while it waits for the rest of a rung.

    Args:
        schedule: which trials train how far; it knows what is in the table.
        plan: whose trials they are.
        directory: where states lie from which trials go on.
        environment: recorded with each trial.
        workers: packs to train at a time.
    """

    def __init__(
        self,
        schedule: Schedule,
        plan: Plan,
        directory: ResultsDir,
        environment: RunEnvironment,
        workers: int,
    ) -> None:
        self._schedule, self._plan, self._workers = schedule, plan, workers
        self._maker = WorkMaker(plan, directory, environment)
        self._packs: Iterator[Work] = iter(())
        self._is_empty = False

    def take(self) -> Work | None:
        work = next(self._packs, None)
        if work is None:
            self._packs = chain.from_iterable(map(self._works, self._schedule.due()))
            work = next(self._packs, None)
        self._is_empty = work is None
        return work

    def ended(self) -> bool:
        return self._is_empty and self._schedule.is_over()

    def hear(self, rows: Rows) -> None:
        """Take note of what trials were worth."""
        batch = decode(rows.data)
        trials, curves = batch.trials, batch.tables[TableName.CURVES]
        self._schedule.note(values_at(self._schedule.rungs, trials, curves))

    def _works(self, step: Step) -> Iterator[Work]:
        resources = self._plan.config.resources
        planned = plan_packs(self._plan.grid, step.rows, resources=resources, workers=self._workers)
        return self._maker.make(alternate(planned), step.until)


def read_schedule(
    plan: Plan, directory: ResultsDir, *, retry_failed: bool = False
) -> Schedule | None:
    """Return how far trials are to train by what a table says; None without a scheduler.

    Args:
        plan: of the trials.
        directory: of the table, which need not be there yet.
        retry_failed: whether what failed is to be trained again.
    """
    scheduler = plan.config.scheduler
    if scheduler is None:
        return None
    schedule = Schedule.of(plan.grid, scheduler)
    if directory.exists:
        schedule.note(_read_values(schedule.rungs, directory, retry_failed=retry_failed))
    schedule.judge()
    return schedule


def _read_values(
    rungs: Int64[ndarray, " rungs"], directory: ResultsDir, *, retry_failed: bool
) -> RungValues:
    """Read what the trials of a table were worth at rungs; of those to be tried again nothing."""
    trials = read_rows(directory.path, TableName.TRIALS, columns=TRIALS)
    if retry_failed:
        trials = trials.filter(pc.not_equal(trials["status"], str(Status.FAILED)))
    curves = read_rows(directory.path, TableName.CURVES, columns=CURVES)
    return values_at(rungs, trials, curves)
