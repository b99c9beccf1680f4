"""What a first look at data tells: how much there is, and in which range."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LeftOut:
    """A column that is not used, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Contents:
    """What a user's data hold.

    Attributes:
        title: the data in a few words, such as `wine.csv`.
        what: its size in words, such as `178 rows of 13 columns`.
        dataset: the sweep file's keys of the data set, without what `Settings` chooses.
        rows: samples to train on or to hold out. features: numbers in each.
        low, high: range of all values.
        levels: how many different values there are, at most 3 counted.
        test_rows: samples to validate on that the data come with.
        images: whether the rows are images.
        left_out: columns that are not used.
    """

    title: str
    what: str
    dataset: Mapping[str, object]
    rows: int
    features: int
    low: float
    high: float
    levels: int
    test_rows: int = 0
    images: bool = False
    left_out: tuple[LeftOut, ...] = ()
