"""The stop rules that every training answers besides its own. Standard library only.

A *rung* is a rule with its numbers: delta or early stopping at one of `TOLERANCES` with one of
`PATIENCES`, or a loss of `LEVELS` to come down to. Rungs lie in arrays in the order of `RUNGS`.
"""

from itertools import product
from typing import NamedTuple

TOLERANCES = tuple(float(f"1e-{k}") for k in range(2, 10))
"""Of the delta rule, and min_delta of early stopping: 1e-2 to 1e-9."""

PATIENCES = (1, 10, 100, 1000)
LEVELS = tuple(float(f"{10.0 ** (-k / 2):.3g}") for k in range(19))
"""Losses in half decades: 1, 0.316, 0.1, … 1e-9."""


class Rung(NamedTuple):
    """A rule with its numbers; `tolerance` of `loss` is the level, of `pattern` the margin.

    The patience of these two is 0. No rung of `pattern` is on the ladder.
    """

    rule: str
    tolerance: float
    patience: int


RULES = ("delta", "early_stopping")
RUNGS = (
    *(Rung(*parts) for parts in product(RULES, TOLERANCES, PATIENCES)),
    *(Rung("loss", level, 0) for level in LEVELS),
)


def comes_first(rung: Rung, later: Rung) -> bool:
    """Whether a rule is met no later than another, on any path.

    The delta rule is met the sooner the larger its tolerance, as are a loss and a pattern. Of early
    stopping that holds between min_delta 0 and any other alone: at two others, bests are renewed at
    different epochs. A longer patience puts any rule off by the epochs that it is longer.
    """
    if rung.rule != later.rule or rung.patience > later.patience:
        return False
    if rung.rule == "early_stopping":
        return later.tolerance in (0.0, rung.tolerance)
    return rung.tolerance >= later.tolerance
