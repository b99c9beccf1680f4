"""The sections of a report: what each is written from, and its place among the others.

A section registers itself: a function under `@section(place)` in a module of `PACKAGES` is all
that a new one takes.
"""

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from itertools import chain

import pandas as pd
from matplotlib.figure import Figure

from sweep.ladder import Rung
from sweep.reports.axes import Axis, varying_parameters
from sweep.reports.false_convergence import COLUMN
from sweep.reports.figures.panels import to_png
from sweep.reports.figures.printed import to_print
from sweep.reports.findings.finding import Finding
from sweep.reports.population import Population
from sweep.reports.published import Published
from sweep.reports.rejudging import COMMON
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath

PACKAGES = ("sweep.reports.sections", "sweep.studies")
"""Packages in which sections are looked for, at any depth."""


@dataclass(frozen=True)
class FigureFolder:
    """Where the figures of a report go: a folder beside it.

    Attributes:
        path: the folder.
        printed: pdf, svg or png, in which they go into its folder `print` too; None for no print.
    """

    path: AnyPath
    printed: str | None = None

    def show(self, name: str, title: str, figure: Figure) -> str:
        """Write a figure as `name`.png, and return the Markdown that shows it."""
        write_atomically(self.path / f"{name}.png", to_png(figure))
        if self.printed:
            file = self.path / "print" / f"{name}.{self.printed}"
            write_atomically(file, to_print(figure, self.printed))
        return f"![{title}](<{self.path.name}/{name}.png>)"


@dataclass(frozen=True)
class Context:
    """What a section is written from.

    Attributes:
        directory: the results, for tables beside that of trials.
        population: the trials that count, and those left out.
        axes: what varies among those that count.
        figures: takes the figures that a section shows.
        by: axes that the reader asks to see, at most two.
        rung: the rule to judge by in place of each trial's own; None for its own.
        against: published figures to compare with; None for none.
        findings: what was found.
    """

    directory: ResultsDir
    population: Population
    axes: Sequence[Axis]
    figures: FigureFolder
    by: Sequence[Axis] = ()
    rung: Rung | None = None
    against: Published | None = None
    findings: Sequence[Finding] = ()

    @property
    def trials(self) -> pd.DataFrame:
        """The trials that count: no section sees others."""
        return self.population.trials


Write = Callable[[Context], str]
"""Writes a section in Markdown, from its `##` title on; empty where there is nothing to say."""


@dataclass(frozen=True)
class Section:
    """A section of every report.

    Attributes:
        place: sections come in ascending order of it.
        write: writes it.
        columns: of the trials that it reads beside `COMMON` and what varies; None for all.
        without_trials: whether it is written even where no trial counts.
    """

    place: int
    write: Write
    columns: Sequence[str] | None
    without_trials: bool


_registered: dict[int, Section] = {}


def section(
    place: int, *, columns: Sequence[str] | None = (), without_trials: bool = False
) -> Callable[[Write], Write]:
    """Register a function as the section at that place of a report.

    Args:
        place: its place.
        columns: of the trials that it reads beside `COMMON` and what varies; None for all, which
            takes memory for all: only where few trials are looked at.
        without_trials: whether it is written even where no trial counts.
    """

    def register(write: Write) -> Write:
        assert place not in _registered, f"two sections at {place}: {_registered[place]}, {write}"
        _registered[place] = Section(place, write, columns, without_trials)
        return write

    return register


@cache
def all_sections() -> tuple[Section, ...]:
    """Return the sections of `PACKAGES` in order."""
    for package in map(import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return tuple(_registered[place] for place in sorted(_registered))


def compose_report(context: Context, sections: Sequence[Section]) -> str:
    """Return the text of a report: the sections that have something to say, in turn."""
    counted = len(context.trials) > 0
    wanted = [found for found in sections if counted or found.without_trials]
    varying = varying_parameters(context.trials)
    texts = [found.write(_seen_by(found, context, varying)) for found in wanted]
    return "\n\n".join(text for text in texts if text) + "\n"


def columns_read(sections: Iterable[Section]) -> list[str]:
    """Return the columns of the trials that these sections read, beside what varies."""
    own = (found.columns for found in sections if found.columns is not None)
    return list(dict.fromkeys(chain(COMMON, *own)))


def _seen_by(found: Section, context: Context, varying: Sequence[str]) -> Context:
    """Return the context with only those columns of the trials that the section says it reads."""
    if found.columns is None:
        return context
    wanted = {*COMMON, COLUMN, *varying, *found.columns}
    trials = context.trials
    seen = trials[[name for name in trials.columns if name in wanted]]
    return replace(context, population=replace(context.population, trials=seen))
