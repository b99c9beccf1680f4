"""Which trials train how far next: a function of what trials were worth at rungs.

Nothing here depends on the order in which results arrive, nor on what trained them: those judged
together wait for each other at every rung.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int64

from sweep.config.scheduler import Rungs
from sweep.datasets import load_data
from sweep.planning.grid import Cells, TrialGrid
from sweep.planning.identities import identity_numbers
from sweep.planning.packs import Rows
from sweep.scheduling.rungs import Passing, first_rungs, rule_of, rung_epochs
from sweep.scheduling.settings import Members, Settings, settings_of
from sweep.scheduling.values import RungValues

LOSS, VALIDATION_LOSS = "loss", "validation_loss"


@dataclass(frozen=True)
class Step:
    """Trials to train on.

    Attributes:
        rows: where they stand in the grid, ascending.
        until: epochs of the rung at which they stop; None to train to their end.
    """

    rows: Rows
    until: int | None


@dataclass
class Cohort:
    """Settings that are judged together.

    Attributes:
        settings: those still in, in the order of the plan.
        n_settings: how many there were.
        rungs: where they are judged, as columns of the values.
        passing: who goes on.
        stage: how many rungs were judged.
        asked: whether what the present rung needs was asked for. waits: how many trials it lacks.
    """

    settings: Int64[np.ndarray, " settings"]
    n_settings: int
    rungs: range
    passing: Passing
    stage: int = 0
    asked: bool = False
    waits: int = 0

    @property
    def rung(self) -> int | None:
        """The present rung; None once all were judged."""
        return self.rungs[self.stage] if self.stage < len(self.rungs) else None


@dataclass
class Schedule:
    """How far each trial of a grid is to train.

    Attributes:
        rungs: epochs of the rungs, ascending.
        settings: which trials are judged as one.
        cohorts: which settings are judged together.
        values: what each trial was worth at each rung, nan where that is not known yet.
        ended: which trials have ended for good.
        out: which have been left behind.
    """

    grid: TrialGrid
    rungs: Int64[np.ndarray, " rungs"]
    settings: Settings
    cohorts: Sequence[Cohort]
    metrics: Sequence[str]
    values: Float64[np.ndarray, "trials rungs"]
    ended: Bool[np.ndarray, " trials"]
    out: Bool[np.ndarray, " trials"]
    _cohort_of: Int64[np.ndarray, " settings"]
    _members: Members = field(init=False)
    _finder: "_Finder" = field(init=False)

    def __post_init__(self) -> None:
        self._members = Members.of(self.settings.of_trials, len(self.settings))
        self._finder = _Finder(self.grid.cells)

    @classmethod
    def of(cls, grid: TrialGrid, scheduler: Rungs) -> "Schedule":
        """Return the schedule before anything is trained."""
        settings = settings_of(grid)
        limit = int(grid.cells.max_epochs.max(initial=0))
        rungs = rung_epochs(scheduler.first_rung, scheduler.eta, limit)
        firsts = first_rungs(scheduler, settings.places, len(rungs))
        labels = settings.scales * (len(rungs) + 1) + firsts
        found, codes = np.unique(labels, return_inverse=True)
        rule, cohorts = rule_of(scheduler), []
        for code, label in enumerate(found.tolist()):
            members = np.flatnonzero(codes == code)
            first = label % (len(rungs) + 1)
            cohorts.append(Cohort(members, len(members), range(first, len(rungs)), rule))
        return cls(
            grid=grid,
            rungs=rungs,
            settings=settings,
            cohorts=cohorts,
            metrics=[_metric(scheduler, grid, name) for name in settings.fingerprints],
            values=np.full((len(grid), len(rungs)), np.nan),
            ended=np.zeros(len(grid), bool),
            out=np.zeros(len(grid), bool),
            _cohort_of=codes,
        )

    def note(self, found: RungValues) -> None:
        """Take in what trials were worth, and which have ended."""
        rows, places = self._finder.find(found.trial_ids)
        if not len(rows):
            return
        settings = self.settings.of_trials[rows]
        metrics = np.array([metric == VALIDATION_LOSS for metric in self.metrics])
        held_out = metrics[self.settings.scales[settings]][:, None]
        values = {name: losses[places] for name, losses in found.losses.items()}
        fresh = np.where(held_out, values[VALIDATION_LOSS], values[LOSS])
        before = self.values[rows]
        self.values[rows] = np.where(np.isnan(before), fresh, before)
        self.ended[rows] |= found.ended[places]
        self._count(rows, before)

    def judge(self) -> None:
        """Judge the rungs of which everything is known."""
        for cohort in self.cohorts:
            while cohort.rung is not None and not self._lacks(cohort):
                self._judge_rung(cohort)

    def due(self) -> list[Step]:
        """Return what is to be trained now and was not asked for before; judge all that can be."""
        self.judge()
        wanted: dict[int | None, list[Rows]] = {}
        for cohort in self.cohorts:
            if not cohort.asked and len(rows := self._ask(cohort)):
                until = None if cohort.rung is None else int(self.rungs[cohort.rung])
                wanted.setdefault(until, []).append(rows)
        return [Step(np.sort(np.concatenate(rows)), until) for until, rows in wanted.items()]

    def is_over(self) -> bool:
        """Whether every trial was asked for to its end, or left behind."""
        return all(cohort.asked and cohort.rung is None for cohort in self.cohorts)

    @property
    def missing(self) -> int:
        """Trials that are still to be trained."""
        return int((~self.ended & ~self.out).sum())

    @property
    def left_behind(self) -> set[str]:
        """Identities of the trials that a scheduler stopped for good."""
        numbers = self.grid.cells.trial_ids[self.out & ~self.ended]
        return {f"{number:016x}" for number in numbers.tolist()}

    def _count(self, rows: Rows, before: Float64[np.ndarray, "rows rungs"]) -> None:
        """Count the trials that their cohorts lack no longer."""
        cohorts = self._cohort_of[self.settings.of_trials[rows]]
        for number in np.unique(cohorts).tolist():
            cohort = self.cohorts[number]
            if cohort.asked and cohort.rung is not None:
                own = cohorts == number
                lacked = np.isnan(before[own, cohort.rung]) & ~self.out[rows[own]]
                known = ~np.isnan(self.values[rows[own], cohort.rung])
                cohort.waits -= int((lacked & known).sum())

    def _lacks(self, cohort: Cohort) -> bool:
        """Whether the present rung of a cohort lacks the values of trials."""
        return bool(cohort.waits if cohort.asked else len(self._unknown(cohort)))

    def _ask(self, cohort: Cohort) -> Rows:
        """Return what the present rung of a cohort lacks, or after the last what is to end."""
        cohort.asked = True
        if cohort.rung is None:
            rows = self._members.of_settings(cohort.settings)
            return np.asarray(rows[~self.ended[rows]])
        lacking = self._unknown(cohort)
        cohort.waits = len(lacking)
        return lacking

    def _unknown(self, cohort: Cohort) -> Rows:
        """Return the trials whose value at the present rung of their cohort is not known."""
        rows = self._members.of_settings(cohort.settings)
        return np.asarray(rows[np.isnan(self.values[rows, cohort.rung])])

    def _judge_rung(self, cohort: Cohort) -> None:
        """Leave behind the settings that do not pass the present rung of a cohort."""
        assert cohort.rung is not None
        columns = slice(cohort.rungs[0], cohort.rung + 1)
        values = self._members.medians(cohort.settings, self.values[:, columns])
        kept = cohort.passing(values, cohort.n_settings)
        self.out[self._members.of_settings(cohort.settings[~kept])] = True
        cohort.settings = cohort.settings[kept]
        cohort.stage, cohort.asked = cohort.stage + 1, False


class _Finder:
    """Finds the rows of trials by their identities."""

    def __init__(self, cells: Cells) -> None:
        self._order = np.argsort(cells.trial_ids)
        self._sorted = cells.trial_ids[self._order]

    def find(self, trial_ids: Iterable[str]) -> tuple[Rows, Int64[np.ndarray, " found"]]:
        """Return the rows of those that are in the grid, and which of `trial_ids` they are."""
        numbers = identity_numbers(trial_ids)
        places = np.searchsorted(self._sorted, numbers)
        places = np.minimum(places, len(self._sorted) - 1)
        known = np.flatnonzero(self._sorted[places] == numbers)
        return self._order[places[known]], known


def _metric(scheduler: Rungs, grid: TrialGrid, fingerprint: str) -> str:
    if scheduler.metric is not None:
        return scheduler.metric
    held_out = load_data(grid.datasets[fingerprint]).validation_inputs
    return LOSS if held_out is None else VALIDATION_LOSS
