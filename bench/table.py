"""Rows of figures and the goals they are held to, as Markdown. Measures nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

HEADINGS = ["work", "ours", "contender", "figure", "goal", "met"]


class Unit(StrEnum):
    """What a figure counts."""

    TIMES = "x"
    SECONDS = " s"
    PERCENT = " %"
    MEGABYTES = " MB"


@dataclass(frozen=True)
class Goal:
    """A bound on a figure, and a better one to stretch for."""

    bound: float
    at_least: bool = True
    stretch: float | None = None

    def is_met(self, figure: float) -> bool:
        return figure >= self.bound if self.at_least else figure <= self.bound

    def describe(self, unit: Unit) -> str:
        sign = "≥" if self.at_least else "≤"
        text = f"{sign} {self.bound:g}{unit}"
        return text if self.stretch is None else f"{text} (stretch {self.stretch:g}{unit})"


def at_least(bound: float, stretch: float | None = None) -> Goal:
    return Goal(bound, at_least=True, stretch=stretch)


def at_most(bound: float, stretch: float | None = None) -> Goal:
    return Goal(bound, at_least=False, stretch=stretch)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        work: what was done. ours, contender: what each took.
        figure: what the goal is about, in `unit`: often how many times less ours took; None where
            it could not be measured.
        note: what must be known to read it.
    """

    work: str
    ours: str
    contender: str = ""
    figure: float | None
    unit: Unit
    goal: Goal | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.figure is not None and self.goal.is_met(self.figure)

    def cells(self) -> list[str]:
        met = {True: "yes", False: "**no**", None: ""}[self.is_met]
        goal = "" if self.goal is None else self.goal.describe(self.unit)
        return [self.work, self.ours, self.contender, self._figure(), goal, met]

    def _figure(self) -> str:
        if self.figure is None:
            return ""
        return (
            f"{self.figure:,.0f}{self.unit}"
            if self.figure >= 1000
            else f"{self.figure:.3g}{self.unit}"
        )


def markdown(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table, their notes below it."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(row.cells() for row in rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    notes = "\n".join(f"- {row.work}: {row.note}" for row in rows if row.note)
    return f"{table}\n\n{notes}\n" if notes else f"{table}\n"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} us"


def in_seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"
