"""Knows what repeats a setting, and what to call it: trials that differ in that alone."""

from dataclasses import dataclass

import pandas as pd

from sweep.reports.axes import varies
from sweep.trial import REPEATS, SPLIT


@dataclass(frozen=True)
class Repeat:
    """What one trial of a setting has that others of it have not.

    Attributes:
        one, several: what to count it by.
        theirs: what trials differ in.
    """

    one: str
    several: str
    theirs: str


SEEDS = Repeat("seed", "seeds", "their seed")
OTHERS = {
    (SPLIT,): Repeat("split of the data", "splits of the data", "the split of their data"),
    REPEATS: Repeat(
        "pair of a seed and a split of the data",
        "pairs of a seed and a split of the data",
        "their seed and the split of their data",
    ),
}
"""By what varies."""


def repeats_of(trials: pd.DataFrame) -> list[str]:
    """Return the columns that tell the trials of one setting apart, as far as they are there."""
    return [name for name in REPEATS if name in trials.columns]


def repeat_of(trials: pd.DataFrame) -> Repeat:
    """Return what trials repeat their settings by."""
    varying = tuple(name for name in repeats_of(trials) if varies(trials[name]))
    return OTHERS.get(varying, SEEDS)
