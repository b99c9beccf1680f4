"""The levels of each axis as numbers, one for each trial that a page carries."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int16, Int64

from sweep.reports.page.table import PageTable

ALL = ("", "all")
"""The axis and level of all trials that count."""


@dataclass(frozen=True)
class Levels:
    """An axis.

    Attributes:
        axis: its column; empty for all trials together.
        order: its levels.
        codes: of each trial the place of its level, -1 where it does not count.
    """

    axis: str
    order: list[str]
    codes: Int16[np.ndarray, " trials"]

    def __iter__(self) -> Iterator[tuple[str, Int64[np.ndarray, " members"]]]:
        """Yield each level with the places of its trials."""
        for code, level in enumerate(self.order):
            yield level, np.flatnonzero(self.codes == code)


def levels_of(table: PageTable) -> list[Levels]:
    """Return the axes of a page, all trials together first."""
    trials, counted = table.trials.index, table.population.trials.index
    counts = np.isin(trials, counted)
    axis, level = ALL
    found = [Levels(axis, [level], np.where(counts, 0, -1).astype(np.int16))]
    for one in table.subject.axes:
        codes = np.full(len(trials), -1, np.int16)
        codes[counts] = one.levels.loc[trials[counts]].cat.set_categories(one.order).cat.codes
        found.append(Levels(one.name, one.order, codes))
    return found
