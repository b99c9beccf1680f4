"""The plan of a sweep: what is to be trained, and its size, before anything is."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sweep.config.sweepfile import SweepConfig
from sweep.datasets import Data, load_data
from sweep.errors import ConfigError, Fault
from sweep.pack import Pack
from sweep.planning.disk import available_cpus, disk_bytes
from sweep.planning.grid import Cells, TrialGrid, expand
from sweep.planning.packs import (
    PlannedPack,
    Rows,
    count_unfused,
    make_packs,
    plan_packs,
    train_on_gpu,
)
from sweep.planning.searches import SearchSummary, summarise_search
from sweep.planning.warnings import MANY_TRIALS, PlanWarning, find_warnings, many_trials
from sweep.search.objectives import objective_faults


@dataclass(frozen=True)
class Plan:
    """An expanded sweep without the trials that are done; sizes are computed when first asked for.

    Attributes:
        config: the sweep. grid: its trials, those done included.
        rows: where the trials to train stand in the grid, ascending.
        done: trials that are done. others: those done that are not asked for.
        derived: how many follow from those done and need no training.
        workers: packs to train at a time.
        of: trials of the whole sweep, of which these are a part; None where they are all.
    """

    config: SweepConfig
    grid: TrialGrid
    rows: Rows
    done: int
    derived: int
    others: int
    workers: int
    of: int | None = None

    @property
    def trials(self) -> int:
        """Trials asked for."""
        return len(self.grid) if self.of is None else self.of

    @cached_property
    def search(self) -> SearchSummary | None:
        """What is searched; None where all combinations are trained."""
        return summarise_search(self.config)

    @property
    def missing(self) -> int:
        """Trials to train."""
        return len(self.rows)

    @property
    def data(self) -> tuple[Data, ...]:
        """What the trials learn."""
        return tuple(load_data(spec) for spec in self.grid.datasets.values())

    @cached_property
    def planned_packs(self) -> tuple[PlannedPack, ...]:
        """The packs to train."""
        resources = self.config.resources
        return tuple(plan_packs(self.grid, self.rows, resources=resources, workers=self.workers))

    @cached_property
    def unfused(self) -> Mapping[str, int]:
        """Missing trials that the fused engine cannot train, counted by the feature it lacks."""
        return count_unfused(self.grid, self.rows, self.config.resources)

    @property
    def on_gpu(self) -> bool:
        """Whether any trial is to be trained on a GPU."""
        return bool(train_on_gpu(self.grid, self.config.resources)[self.rows].any())

    @property
    def paths(self) -> int:
        """Trainings of the missing trials; several stop rules on one path share one."""
        return len(np.unique(self._cells.path_ids))

    @property
    def keys(self) -> int:
        """Pack keys of the missing trials."""
        return len(np.unique(self._cells.keys))

    @cached_property
    def max_epochs(self) -> int:
        """Most epochs that the missing paths can take, all together, with pretraining."""
        cells = self._cells
        paths, code = np.unique(cells.path_ids, return_inverse=True)
        longest = np.zeros(len(paths))
        np.maximum.at(longest, code, cells.max_epochs + cells.pretraining_epochs)
        return int(longest.sum())

    @cached_property
    def warnings(self) -> tuple[PlanWarning, ...]:
        """Warnings about combinations that are probably mistakes."""
        found = find_warnings(
            (product.source for product in self.grid.products), self.grid.datasets
        )
        size = sum(self.disk.values()) if self.missing >= MANY_TRIALS else 0
        return (*found, *many_trials(self.missing, self.max_epochs, size, self.workers))

    @property
    def engines(self) -> Mapping[str, int]:
        """Missing trials by engine and device, such as `torch on cpu`."""
        counts: dict[str, int] = {}
        for pack in self.planned_packs:
            name = f"{pack.engine} on {pack.device}"
            counts[name] = counts.get(name, 0) + len(pack.rows)
        return counts

    @cached_property
    def disk(self) -> Mapping[str, int]:
        """About the most bytes that the results of the missing trials take, by table."""
        return disk_bytes(self.grid, self.rows, self.config.record)

    @cached_property
    def _cells(self) -> Cells:
        return self.grid.cells.take(self.rows)

    def without(self, derived: Collection[str]) -> "Plan":
        """Return the plan with some of its missing trials, by identity, as derived."""
        if not derived:
            return self
        rows = np.intersect1d(self.rows, self.grid.missing(derived))
        return replace(self, rows=rows, derived=self.derived + len(derived))

    def settled(self, trial_ids: Collection[str]) -> "Plan":
        """Return the plan with some of its missing trials, by identity, as done."""
        rows = np.intersect1d(self.rows, self.grid.missing(trial_ids))
        return replace(self, rows=rows, done=self.done + len(self.rows) - len(rows))

    def for_workers(self, workers: int) -> "Plan":
        """Return the plan with packs for so many workers."""
        return self if workers == self.workers else replace(self, workers=workers)

    def packs(self) -> Iterator[Pack]:
        """Yield the packs to train, each made as it is asked for."""
        return make_packs(self.grid, self.planned_packs, resources=self.config.resources)


def make_plan(
    config: SweepConfig, done: Collection[str] = (), *, workers: int | None = None
) -> Plan:
    """Plan a sweep.

    Args:
        config: the sweep.
        done: identities of the trials not to train again.
        workers: packs to train at a time; the sweep's own wish where None.

    Raises:
        ConfigError: the sweep has faults that only its expansion shows.
    """
    faults = list(objective_faults(config))
    if faults:
        raise ConfigError(faults)
    grid = expand(config)
    rows = grid.missing(done)
    held = len(grid) - len(rows)
    plan = Plan(
        config=config,
        grid=grid,
        rows=rows,
        done=held,
        derived=0,
        others=len(done) - held,
        workers=workers or config.resources.workers or available_cpus(),
    )
    if config.resources.engine == "fused" and plan.unfused:
        raise ConfigError(_unfused_faults(config.name, plan.unfused))
    return plan


def _unfused_faults(name: str, unfused: Mapping[str, int]) -> Iterator[Fault]:
    for reason, trials in unfused.items():
        yield Fault(
            where=f"sweep {name}",
            key="engine fused",
            must=f"not meet {reason}",
            got=f"{trials:,} such trials",
            hint="auto trains these with torch, the others with fused",
        )
