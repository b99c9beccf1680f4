"""What a sweep comes to before anything is trained. Knows nothing of files or workers."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sweep.config.sweepfile import SweepConfig
from sweep.datasets import Data, load_data
from sweep.errors import ConfigError, Fault
from sweep.planning.disk import disk_bytes
from sweep.planning.grid import Grid, expand
from sweep.planning.machine import available_cpus
from sweep.planning.packs import Batch, Pack, Rows, count_unfused, make_packs, plan_packs
from sweep.planning.warnings import MANY_TRIALS, PlanWarning, find_warnings, many_trials


@dataclass(frozen=True)
class Plan:
    """A sweep expanded, what is done left out, the rest in packs.

    Attributes:
        config: the sweep. grid: its trials, those done included.
        done: how many of them are. others: trials that are done, but not asked for.
        derived: how many follow from those done and need no training.
        batches: the packs to train.
        unfused: missing trials that the fused engine cannot train, by what it does not take.
        workers: packs to train at a time.
        paths: trainings of the missing trials; several stop rules on one path share one.
        keys: pack keys of the missing trials.
        max_epochs: most epochs that the missing paths can take, all together, with pretraining.
        warnings: what is likely not meant.
    """

    config: SweepConfig
    grid: Grid
    done: int
    derived: int
    others: int
    batches: tuple[Batch, ...]
    unfused: Mapping[str, int]
    workers: int
    paths: int
    keys: int
    max_epochs: int
    warnings: tuple[PlanWarning, ...]

    @property
    def trials(self) -> int:
        """Trials asked for."""
        return len(self.grid)

    @property
    def missing(self) -> int:
        """Trials to train."""
        return self.trials - self.done - self.derived

    @property
    def data(self) -> tuple[Data, ...]:
        """What the trials learn."""
        return tuple(load_data(spec) for spec in self.grid.datasets.values())

    @property
    def engines(self) -> Mapping[str, int]:
        """Missing trials by engine and device, such as `torch on cpu`."""
        counts: dict[str, int] = {}
        for batch in self.batches:
            name = f"{batch.engine} on {batch.device}"
            counts[name] = counts.get(name, 0) + len(batch.rows)
        return counts

    @property
    def disk(self) -> Mapping[str, int]:
        """About the most bytes that the results of the missing trials take, by table."""
        return disk_bytes(self.grid, self.rows, self.config.record)

    @property
    def rows(self) -> Rows:
        """Where the trials to train stand in the grid, ascending."""
        parts = [batch.rows for batch in self.batches]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))

    def without(self, derived: Collection[str]) -> "Plan":
        """Return the plan with some of its missing trials, by identity, as derived."""
        if not derived:
            return self
        rows = np.intersect1d(self.rows, self.grid.missing(derived))
        counts = _training(self.config, self.grid, rows, self.workers)
        return replace(self, derived=self.derived + len(derived), **counts)

    def packs(self) -> Iterator[Pack]:
        """Yield the packs to train, each made as it is asked for."""
        return make_packs(self.grid, self.batches, resources=self.config.resources)


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
    grid = expand(config)
    workers = workers or config.resources.workers or available_cpus()
    rows = grid.missing(done)
    held = len(grid) - len(rows)
    training = _training(config, grid, rows, workers)
    warnings = find_warnings((block.source for block in grid.blocks), grid.datasets)
    size = sum(disk_bytes(grid, rows, config.record).values()) if len(rows) >= MANY_TRIALS else 0
    return Plan(
        config=config,
        grid=grid,
        done=held,
        derived=0,
        others=len(done) - held,
        workers=workers,
        warnings=(*warnings, *many_trials(len(rows), training["max_epochs"], size, workers)),
        **training,
    )


def _training(config: SweepConfig, grid: Grid, rows: Rows, workers: int) -> dict[str, Any]:
    """Return what a plan says of the trials to train, by its names."""
    cells = grid.cells.take(rows)
    unfused = count_unfused(grid, rows, config.resources)
    if config.resources.engine == "fused" and unfused:
        raise ConfigError(_unfused_faults(config.name, unfused))
    batches = plan_packs(grid, rows, resources=config.resources, workers=workers)
    paths, code = np.unique(cells.path_ids, return_inverse=True)
    longest = np.zeros(len(paths))
    np.maximum.at(longest, code, cells.max_epochs + cells.pretraining_epochs)
    return {
        "batches": tuple(batches),
        "unfused": unfused,
        "paths": len(paths),
        "keys": len(np.unique(cells.keys)),
        "max_epochs": int(longest.sum()),
    }


def _unfused_faults(name: str, unfused: Mapping[str, int]) -> Iterator[Fault]:
    for reason, trials in unfused.items():
        yield Fault(
            where=f"sweep {name}",
            key="engine fused",
            must=f"not meet {reason}",
            got=f"{trials:,} such trials",
            hint="auto trains these with torch, the others with fused",
        )
