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
    counted = len(table.population.trials)
    none = np.full(len(table) - counted, -1, np.int16)
    axis, level = ALL
    found = [Levels(axis, [level], np.concatenate([np.zeros(counted, np.int16), none]))]
    for one in table.subject.axes:
        codes = one.levels.cat.set_categories(one.order).cat.codes.to_numpy(np.int16)
        found.append(Levels(one.name, one.order, np.concatenate([codes, none])))
    return found
