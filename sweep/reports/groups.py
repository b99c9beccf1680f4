"""Groups trials by what varies among them, for comparison.

A grid of a base and of what departs from it, one remedy at a time for example, is told as such.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.components.registry import ACTIVATIONS, INITIALISERS
from sweep.reports.axes import MOST_LEVELS, Axis, axes_of, level_of, varying_parameters
from sweep.trial import PARAMETERS, REPEATS

FIRST = ("activation", "initialiser")
DATA = "dataset"  # last: it often follows from the topology
AMBIGUOUS = frozenset(ACTIVATIONS) & frozenset(INITIALISERS)
"""Values that do not say which parameter they are of."""
PLAIN = "plain"
FEWEST_DEPARTING = 4
"""Settings below which all that varies is as short as how they depart from a base."""
Key = tuple[object, ...]
"""The value of each factor, None where it is missing."""


@dataclass(frozen=True)
class Group:
    """Trials of one setting.

    Attributes:
        factor: the parameter that sets them apart from others; empty where all that varies does.
        label: what they have in common, or how they depart from the base.
        trials: their rows.
        is_base: whether others are told by how they depart from these.
    """

    factor: str
    label: str
    trials: pd.DataFrame
    is_base: bool = False

    @property
    def name(self) -> str:
        return "the base" if self.is_base else self.label


def factors_of(trials: pd.DataFrame, *, apart: Collection[str] = ()) -> list[str]:
    """Return the parameters that tell trials apart, but for repeats and those in `apart`.

    Left out are parameters that follow from others, as an activation's slope from the activation
    where there is only one. What was drawn from an interval tells every setting apart, and nothing
    follows from it.
    """
    varying = [n for n in varying_parameters(trials) if n not in (*REPEATS, *apart)]
    varying.sort(key=lambda name: (name == DATA, name not in FIRST))
    chosen: list[str] = []
    telling: list[str] = []
    count = 1
    for name in varying:
        if _is_drawn(trials, name, varying):
            chosen.append(name)
        elif (split := _count_groups(trials, [*telling, name])) > count:
            chosen, telling, count = [*chosen, name], [*telling, name], split
    return chosen


def _is_drawn(trials: pd.DataFrame, name: str, varying: list[str]) -> bool:
    """Return whether most settings that have a parameter have a value of their own for it.

    Data sets are left out, as each of them may be learnt by every setting.
    """
    values = trials[name]
    levels = values.nunique()
    if levels <= MOST_LEVELS or not pd.api.types.is_numeric_dtype(values.dtype):
        return False
    settings = [other for other in varying if other != DATA]
    return 2 * levels > _count_groups(trials[values.notna()], settings)


def groups_of(trials: pd.DataFrame, *, most: int, apart: Collection[str] = ()) -> list[Group]:
    """Group trials by all that varies, or, if that makes too many groups, by one thing at a time.

    Where most settings share most of what they are, the one that is in all as most are is the base,
    first, and others are told by how they depart from it, those that depart in the least first.

    Args:
        trials: the table.
        most: most groups to make by all that varies; by one thing at a time each trial is in as
            many groups as there are factors.
        apart: parameters not to group by, beside repeats.
    """
    factors = factors_of(trials, apart=apart)
    if not factors:
        return [Group("", PLAIN, trials)] if len(trials) else []
    if _count_groups(trials, factors) <= most:
        found = trials.groupby(factors, dropna=False, sort=True)
        parts = [(tuple(map(_known, key)), rows) for key, rows in found]
        if base := _base_of([key for key, _ in parts]):
            told = [_departing(factors, base, key, rows) for key, rows in parts]
            return [group for _, group in sorted(told, key=lambda item: item[0])]
        return [Group("", setting_label(factors, key), rows) for key, rows in parts]
    axes = [axis for axis in axes_of(trials) if axis.name in factors]
    return [_level(trials, axis, level) for axis in axes for level in axis.order]


def _count_groups(trials: pd.DataFrame, factors: list[str]) -> int:
    return int(trials.groupby(factors, dropna=False).ngroups)


def _known(value: object) -> object:
    return None if pd.isna(value) else value  # type: ignore[call-overload]


def _base_of(keys: Sequence[Key]) -> Key | None:
    """Return the setting from which all others together depart least; None if it tells nothing.

    It does where they depart from it, on the average, in less than half of the factors, which they
    never do in a full grid.
    """
    if len(keys) < FEWEST_DEPARTING:
        return None
    base = min(keys, key=lambda key: _departures(keys, key))
    return base if _departures(keys, base) < 0.5 * len(base) * (len(keys) - 1) else None


def _departures(keys: Sequence[Key], base: Key) -> int:
    return sum(len(_differing(key, base)) for key in keys)


def _differing(key: Key, other: Key) -> list[int]:
    """Return the places at which two settings differ."""
    return [i for i, (a, b) in enumerate(zip(key, other, strict=True)) if a != b]


def _departing(
    factors: list[str], base: Key, key: Key, rows: pd.DataFrame
) -> tuple[list[int], Group]:
    """Return what to sort a group by, and the group, told by how it departs from the base."""
    values = dict(zip(factors, key, strict=True))
    if values.get("output_activation", "") == values.get("activation"):
        values["output_activation"] = None  # goes without saying
    places = _differing(key, base)
    if not places:
        return [], Group(
            "", f"base: {setting_label(factors, tuple(values.values()))}", rows, is_base=True
        )
    names = [factors[i] for i in places]
    told = [_named(name, values[name]) for name in names if values[name] is not None]
    label = ", ".join(told or [f"no {name}" for name in names])
    return [len(places), *places], Group("", label, rows)


def setting_label(factors: Sequence[str], key: Key) -> str:
    """Return what a setting is in few words: its values, but for those that go without saying."""
    named = zip(factors, key, strict=True)
    return ", ".join(_named(name, value) for name, value in named if _tells(name, value)) or PLAIN


def _tells(name: str, value: object) -> bool:
    return not pd.isna(value) and value != PARAMETERS[name].metadata["neutral"]  # type: ignore[call-overload]


def _named(name: str, value: object) -> str:
    label = PARAMETERS[name].metadata["label"]
    if label == "" and value not in AMBIGUOUS:
        return str(value)
    return name if value is True else f"{label or name} {level_of(value)}"


def _level(trials: pd.DataFrame, axis: Axis, level: str) -> Group:
    return Group(axis.name, _named(axis.name, level), trials[axis.levels == level])
