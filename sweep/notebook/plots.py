"""Draws results on matplotlib axes, as reports do."""

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from sweep.errors import ConfigError, StoreError, nearest
from sweep.notebook.finding import plot_finding
from sweep.reports.axes import Axis, axes_of
from sweep.reports.compare.comparison import compare
from sweep.reports.compare.document import describe_pairing
from sweep.reports.compare.figure import plot_pairs
from sweep.reports.figures.curves import MOST_CURVES, evenly_spread, last_phases, plot_curves
from sweep.reports.figures.heatmap import heatmap_size, plot_heatmap
from sweep.reports.figures.panels import dress, short_label
from sweep.reports.findings.importance import find_importance
from sweep.reports.findings.subject import Subject
from sweep.reports.objective import objective_name
from sweep.reports.statistics.effects import crossed
from sweep.store.places.layout import ResultsDir, required_results
from sweep.store.places.remote import AnyPath
from sweep.store.tables.reader import read_curves

if TYPE_CHECKING:
    from sweep.notebook.results import Results

LONGEST_TITLE = 64


class Plots:
    """What can be drawn of results; each method returns the axes that it drew on.

    Args:
        results: what to draw.
    """

    def __init__(self, results: "Results") -> None:
        self._results = results
        self._trials = results.population.trials
        self._axes = {axis.name: axis for axis in axes_of(self._trials)}

    def curves(
        self, by: str | None = None, *, most: int = MOST_CURVES, ax: Axes | None = None
    ) -> Axes:
        """Draw the loss of trials by epoch, that on held-out samples broken.

        Args:
            by: what to colour by; None for the first that varies, or for why trials stopped where
                nothing does.
            most: trials to draw, evenly spread over the table.
            ax: axes to draw on; None for new ones.

        Raises:
            ConfigError: `by` does not vary.
            StoreError: no curves were kept.
        """
        sample = self._trials.iloc[evenly_spread(len(self._trials), most)]
        curves = read_curves(self._results.path, list(sample["trial_id"]))
        if curves.empty:
            must = "must hold curves to draw (got none); `record: {curves: true}` keeps them"
            raise StoreError(f"{self._results.path}: {must}")
        axis = self._axis("by", by) if by else next(iter(self._axes.values()), None)
        axes = ax if ax is not None else _new_axes(8.0, 4.2)
        plot_curves(axes, sample, last_phases(curves), axis)
        return axes

    def heatmap(self, x: str, y: str, *, ax: Axes | None = None) -> Axes:
        """Draw the median loss at each pair of levels of two hyperparameters.

        The median is over seeds and all else that varies, a trial that diverged counting as
        infinite; below it stands how many trials it is of.

        Args:
            x: what varies from left to right.
            y: what varies from top to bottom.
            ax: axes to draw on; None for new ones.

        Raises:
            ConfigError: one of them does not vary, or both are one.
        """
        columns, rows = self._axis("x", x), self._axis("y", y)
        if x == y:
            raise ConfigError.of("plot.heatmap", "be two hyperparameters", got=f"{x!r} twice")
        medians, counts = crossed(self._trials, rows, columns)
        axes = ax if ax is not None else _new_axes(*heatmap_size(medians))
        name = objective_name(self._trials)
        plot_heatmap(axes, medians, counts, rows, columns, f"median {name}")
        return axes

    def importance(self, *, ax: Axes | None = None) -> Axes:
        """Draw how much of the differences in loss each hyperparameter makes, with intervals.

        How it is found, and where the grid cannot tell, is in the report.

        Args:
            ax: axes to draw on; None for new ones.

        Raises:
            ConfigError: it cannot be told: nothing varies, or there are too few trials.
        """
        directory, population = ResultsDir(self._results.path), self._results.population
        findings = find_importance(Subject.of(directory, population))
        for finding in findings:
            if finding.figure is not None:
                marks = len(finding.figure.marks)
                axes = ax if ax is not None else _new_axes(6.5, 1.2 + 0.34 * marks)
                plot_finding(axes, finding.figure)
                axes.set_title(short_label(finding.title, LONGEST_TITLE), fontsize=10, loc="left")
                return axes
        why = findings[0].text if findings else "Nothing varies, or no trial has a loss."
        raise ConfigError.of("plot.importance", f"have results that can tell it ({why})")

    def compare(self, other: "Results | str | AnyPath", *, ax: Axes | None = None) -> Axes:
        """Draw the losses of trials against those of their counterparts in another sweep.

        Args:
            other: the other results, or where they lie.
            ax: axes to draw on; None for new ones.

        Raises:
            ConfigError: nothing pairs, or the losses do not compare.
            StoreError: there are no other results.
        """
        place: Any = getattr(other, "path", other)
        directories = [ResultsDir(self._results.path), required_results(place)]
        (contrast,) = compare(directories).contrasts
        if not len(contrast.pairing) or not contrast.pairing.loss_name:
            must = f"be results whose trials pair with these ({describe_pairing(contrast.pairing)})"
            raise ConfigError.of("plot.compare", must)
        axes = ax if ax is not None else _new_axes(5.2, 4.8)
        plot_pairs(axes, contrast.pairing)
        return axes

    def _axis(self, argument: str, name: str) -> Axis:
        if name in self._axes:
            return self._axes[name]
        known = ", ".join(self._axes)
        must = f"name what varies ({known})" if known else "be left out: nothing varies"
        hint = nearest(name, list(self._axes))
        raise ConfigError.of("plot", must, key=argument, got=repr(name), hint=hint)


def _new_axes(width: float, height: float) -> Axes:
    """Return axes of a figure that a notebook shows at the end of its cell."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(figsize=(width, height), layout="constrained")
    dress(axes)
    return axes
