"""What the sections of a report are written from. Knows nothing of what they say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from sweep.reports.figures import to_png
from sweep.reports.population import Population
from sweep.reports.summary import Axis
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath


@dataclass(frozen=True)
class FigureFolder:
    """Where the figures of a report go: a folder beside it."""

    path: AnyPath

    def show(self, name: str, title: str, figure: Figure) -> str:
        """Write a figure as `name`.png, and return the Markdown that shows it."""
        write_atomically(self.path / f"{name}.png", to_png(figure))
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
    """

    directory: ResultsDir
    population: Population
    axes: Sequence[Axis]
    figures: FigureFolder
    by: Sequence[Axis] = ()

    @property
    def trials(self) -> pd.DataFrame:
        """The trials that count: no section sees others."""
        return self.population.trials


Section = Callable[[Context], str]
"""Writes a section in Markdown, from its `##` title on; empty where there is nothing to say."""
