"""What a point of a search is judged by: columns of its trials, aggregated over their seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isnan
from statistics import fmean, median

from sweep.components.stopping import VALIDATION_LOSS
from sweep.config.search import Objective, Quantile
from sweep.config.sweepfile import SweepConfig
from sweep.datasets import load_data
from sweep.errors import Fault
from sweep.trial import Status

HELD_OUT = (VALIDATION_LOSS, "best_validation_loss", "best_validation_epoch")
Values = tuple[float, ...]
"""A number for each objective, less being better whatever its direction."""


@dataclass(frozen=True)
class Judge:
    """Judges points by their trials.

    Attributes:
        objectives: the columns. over: how trials of several seeds become one number.
    """

    objectives: tuple[Objective, ...]
    over: str | Quantile

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(objective.column for objective in self.objectives)

    @property
    def worst(self) -> Values:
        """What a point comes to that no trial of can be judged."""
        return (inf,) * len(self.objectives)

    def values_of(self, row: Mapping[str, object]) -> Values:
        """Return what a trial comes to; the worst if it diverged, failed or lacks a number."""
        if row["status"] != Status.FINISHED:
            return self.worst
        return tuple(_signed(row[each.column], each.direction) for each in self.objectives)

    def judge(self, trials: Sequence[Values]) -> Values:
        """Return what a point comes to, of whose trials these are the values."""
        return tuple(self._over(values) for values in zip(*trials, strict=True))

    def _over(self, values: Sequence[float]) -> float:
        if isinstance(self.over, Quantile):
            return sorted(values)[ceil(self.over.quantile * len(values)) - 1]
        return median(values) if self.over == "median" else fmean(values)


def judge_of(config: SweepConfig) -> Judge:
    """Return what the points of a search are judged by.

    Left out, that is the held-out loss where all data have samples held out, else the final one.
    """
    assert config.search is not None
    given = config.search.objective
    if given is None:
        given = [Objective(column=VALIDATION_LOSS if _all_held_out(config) else "final_loss")]
    return Judge(tuple(given), config.search.over)


def objective_faults(config: SweepConfig) -> Iterator[Fault]:
    """Yield what the data or the sampler of a search cannot give."""
    search = config.search
    if search is None or search.optuna is None:
        return
    where, columns = f"sweep {config.name}", [o.column for o in search.objective or ()]
    if len(set(columns)) < len(columns):
        got = ", ".join(columns)
        yield Fault(where=where, key="search.objective", must="name each column once", got=got)
    if search.optuna == "cmaes" and len(columns) > 1:
        must, hint = "be one column with cmaes", "nsga2, tpe and gp take several"
        got = ", ".join(columns)
        yield Fault(where=where, key="search.objective", must=must, got=got, hint=hint)
    for column in {*columns} & {*HELD_OUT}:
        if not _all_held_out(config):
            must = "be known of every trial: some data hold no samples out of training"
            hint = "give dataset.validation, a share such as 0.2"
            yield Fault(where=where, key="search.objective", must=must, got=column, hint=hint)


def _all_held_out(config: SweepConfig) -> bool:
    data = [load_data(spec) for spec in config.expansion.datasets.values()]
    return bool(data) and all(each.validation_inputs is not None for each in data)


def _signed(value: object, direction: str) -> float:
    if not isinstance(value, int | float) or isnan(value):
        return inf
    return float(value) if direction == "minimise" else -float(value)
