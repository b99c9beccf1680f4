"""Finds what differs between sweeps in what was asked for, and in what trained it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sweep.reports.axes import UNTELLING
from sweep.reports.compare.sides import NONE, VERSIONS, Side
from sweep.trial import PARAMETERS

MOST_VALUES = 6
"""Of an axis that are told; of more, the ends and how many."""


class Kind(StrEnum):
    """In what way something differs."""

    SETTING = "setting"
    AXIS = "axis"
    VERSION = "version"


@dataclass(frozen=True)
class Difference:
    """A column whose values are not the same in all sweeps.

    Attributes:
        kind: a setting has one value in each sweep, an axis several in some; a version is of what
            trained them.
        name: the column.
        values: of each sweep in turn, those that its trials have, ascending.
    """

    kind: Kind
    name: str
    values: tuple[tuple[str, ...], ...]


def differences_of(sides: Sequence[Side]) -> list[Difference]:
    """Return what differs: settings first, then axes, then versions.

    A column that follows from another, as the fingerprint of the data from their name, is left
    out, and so are options that no trial of some sweep has because what they are options of
    differs.
    """
    found = []
    for name in (*PARAMETERS, *VERSIONS):
        values = tuple(tuple(side.levels(name)) for side in sides)
        if len(set(values)) > 1:
            several = any(len(levels) > 1 for levels in values)
            kind = Kind.AXIS if several else Kind.SETTING
            found.append(Difference(Kind.VERSION if name in VERSIONS else kind, name, values))
    names = {item.name for item in found}
    if "dataset" in names:
        found = [item for item in found if item.name not in UNTELLING]
    found = [item for item in found if not _follows(item, names)]
    return sorted(found, key=lambda item: list(Kind).index(item.kind))


def _follows(item: Difference, names: set[str]) -> bool:
    is_option = any(item.name.startswith(f"{other}_") for other in names)
    return is_option and any(levels == (NONE,) for levels in item.values)


def describe_levels(levels: Sequence[str]) -> str:
    """Write the values of a column in one line: `0.1, 0.2`, or `0 to 99 (100 values)`."""
    if len(levels) <= MOST_VALUES:
        return ", ".join(levels)
    return f"{levels[0]} to {levels[-1]} ({len(levels):,} values)"
