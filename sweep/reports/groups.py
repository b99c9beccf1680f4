"""Groups trials by what varies among them, for comparison. Knows nothing of what is compared."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from sweep.reports.selection import varying_parameters
from sweep.reports.summary import Axis, axes_of
from sweep.trial import PARAMETERS, Status

FIRST = ("activation", "initialiser")
DATA = "dataset"  # last: it often follows from the topology
SELF_EVIDENT = frozenset({"dataset", "topology", "activation", "initialiser", "optimizer"})
"""Parameters whose values say which parameter they are."""
SHORT = {"initialiser_constant": "c"}
PLAIN = "plain"
JUDGED = (Status.FINISHED, Status.DIVERGED)
"""A trial that failed or was cancelled says nothing of its settings; one that diverged does."""


@dataclass(frozen=True)
class Group:
    """Trials of one setting.

    Attributes:
        factor: the parameter that sets them apart from others; empty where all that varies does.
        label: what they have in common.
        trials: their rows.
    """

    factor: str
    label: str
    trials: pd.DataFrame


def judged_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that ended by themselves, by divergence too."""
    return trials[trials["status"].isin(JUDGED)]


def factors_of(trials: pd.DataFrame, *, apart: Collection[str] = ()) -> list[str]:
    """Return the parameters that tell trials apart, but for the seed and those in `apart`.

    Left out are parameters that follow from others, as the slope of leaky_relu from the activation
    where there is only one.
    """
    varying = [n for n in varying_parameters(trials) if n != "seed" and n not in apart]
    varying.sort(key=lambda name: (name == DATA, name not in FIRST))
    chosen: list[str] = []
    count = 1
    for name in varying:
        split = _count_groups(trials, [*chosen, name])
        if split > count:
            chosen, count = [*chosen, name], split
    return chosen


def groups_of(trials: pd.DataFrame, *, most: int, apart: Collection[str] = ()) -> list[Group]:
    """Group trials by all that varies, or, if that makes too many groups, by one thing at a time.

    Args:
        trials: the table.
        most: most groups to make by all that varies; by one thing at a time each trial is in as
            many groups as there are factors.
        apart: parameters not to group by, beside the seed.
    """
    factors = factors_of(trials, apart=apart)
    if not factors:
        return [Group("", PLAIN, trials)] if len(trials) else []
    if _count_groups(trials, factors) <= most:
        parts = trials.groupby(factors, dropna=False, sort=True)
        return [Group("", _label(factors, key), rows) for key, rows in parts]
    axes = [axis for axis in axes_of(trials) if axis.name in factors]
    return [_level(trials, axis, level) for axis in axes for level in axis.order]


def _count_groups(trials: pd.DataFrame, factors: list[str]) -> int:
    return int(trials.groupby(factors, dropna=False).ngroups)


def _label(factors: list[str], key: tuple[object, ...]) -> str:
    named = zip(factors, key, strict=True)
    return ", ".join(_named(name, value) for name, value in named if _tells(name, value)) or PLAIN


def _tells(name: str, value: object) -> bool:
    return not pd.isna(value) and value != PARAMETERS[name].metadata["neutral"]  # type: ignore[call-overload]


def _named(name: str, value: object) -> str:
    if name in SELF_EVIDENT:
        return str(value)
    return name if value is True else f"{SHORT.get(name, name)} {_number(value)}"


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _level(trials: pd.DataFrame, axis: Axis, level: str) -> Group:
    return Group(axis.name, _named(axis.name, level), trials[axis.levels == level])
