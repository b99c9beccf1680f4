"""Figures of a report agree in their colours, can be read, and show no more than there is."""

import re
from itertools import pairwise, product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from sweep.reports.axes import Axis, axes_of
from sweep.reports.figures.curves import draw_by_axis, draw_curves
from sweep.reports.figures.heatmap import draw_heatmap
from sweep.reports.figures.palette import PALETTE, colours_of, level_colours
from sweep.reports.figures.panels import thin_labels
from sweep.reports.figures.printed import COLUMN_WIDTHS, to_print
from sweep.reports.population import population_of
from sweep.reports.sections.axes import curves_section
from sweep.reports.sections.distances import distance_section
from sweep.reports.sections.registry import Context, FigureFolder
from sweep.reports.statistics.effects import best_quarters, crossed
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result


def frame_of(*results: TrialResult) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame


class Shown(FigureFolder):
    """Keeps the figures that sections show, and writes none."""

    figures: ClassVar[dict[str, Figure]] = {}

    def show(self, name: str, title: str, figure: Figure) -> str:
        self.figures[name] = figure
        return title


def legend_colours(figure: Figure) -> dict[str, str]:
    """Return the colour of each name in the legend."""
    legend = figure.axes[-1].get_legend()
    assert legend is not None
    lines = zip(legend.get_texts(), legend.get_lines(), strict=True)
    return {text.get_text(): to_hex(line.get_color()) for text, line in lines}


def test_a_level_has_one_colour_in_all_figures(tmp_path: Path) -> None:
    results = [
        make_result(
            topology=(16, width, 16),
            seed=seed,
            epochs=1000 - 10 * width + seed,
            outcome={"weight_distance": float(width + seed)},
        )
        for width, seed in [(5, 0), (4, 1), *product((5, 4), range(2, 8))]
    ]
    directory = ResultsDir(tmp_path)
    with Writer(directory) as writer:
        writer.append(encode(results, "study"))
    trials = read_trials(directory.path)
    shown = Shown(tmp_path)
    context = Context(directory, population_of(trials), axes_of(trials), shown)
    assert curves_section(context)
    assert distance_section(context)
    curves, distance = (legend_colours(shown.figures[name]) for name in ("curves", "distance"))
    assert curves == distance == {"16-4-16": PALETTE[0], "16-5-16": PALETTE[1]}


def test_a_level_keeps_its_colour_where_others_are_absent() -> None:
    axis = Axis("topology", pd.Series(["a", "b", "c"]), ["a", "b", "c"])
    assert level_colours(["c"], [axis], "topology") == {"c": PALETTE[2]}
    assert level_colours(["c"], [axis], "activation") == {"c": PALETTE[0]}


def test_many_levels_have_a_colour_each() -> None:
    assert len(set(colours_of(map(str, range(30))).values())) == 30


def test_curves_are_coloured_by_an_axis_though_trials_stopped_for_several_reasons(
    tmp_path: Path,
) -> None:
    limited = make_result(StopReason.MAX_EPOCHS, learning_rate=0.5)
    directory = ResultsDir(tmp_path)
    with Writer(directory) as writer:
        writer.append(encode([make_result(), limited], "study"))
    trials = read_trials(directory.path)
    shown = Shown(tmp_path)
    assert curves_section(Context(directory, population_of(trials), axes_of(trials), shown))
    assert set(legend_colours(shown.figures["curves"])) == {"0.01", "0.5"}


def test_held_out_losses_are_drawn_beside_those_trained_on() -> None:
    trials = frame_of(make_result())
    name = trials["trial_id"].iloc[0]
    rows = [(name, 1, 1.0, np.nan), (name, 10, 0.5, 0.6), (name, 100, 0.1, 0.3)]
    columns = ["trial_id", "epoch", "loss", "validation_loss"]
    figure = draw_curves(trials, pd.DataFrame(rows, columns=columns))
    trained, held_out = figure.axes[0].get_lines()
    assert (trained.get_linestyle(), held_out.get_linestyle()) == ("-", "--")
    assert np.asarray(held_out.get_ydata()).tolist() == [0.6, 0.3]
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][1:] == ["trained on", "held out"]


def overlapping(axes: Axes) -> int:
    """Return how many neighbouring labels of an axis overlap."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    count = 0
    for scale in (axes.xaxis, axes.yaxis):
        ticks = [*scale.get_major_ticks(), *scale.get_minor_ticks()]
        labels = [tick.label1 for tick in ticks if tick.label1.get_text()]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda b: (b.x0, b.y0))
        count += sum(a.overlaps(b) for a, b in pairwise(boxes))
    return count


@pytest.mark.slow
@pytest.mark.parametrize("span", [(1e-12, 1e3), (0.9e-3, 1.1e-2), (3e4, 4e4), (0.0, 123_456.0)])
def test_labels_of_an_axis_do_not_overlap(span: tuple[float, float]) -> None:
    levels = pd.Series([f"a level with a long name {i % 12}" for i in range(120)])
    axis = Axis("topology", levels, sorted(set(levels)))
    low, high = span
    values = pd.Series(np.geomspace(low, high, 120) if low else np.linspace(low, high, 120))
    figure = draw_by_axis(values, [axis] * 3, "final loss")
    thin_labels(figure)
    assert [overlapping(panel) for panel in figure.axes] == [0, 0, 0]
    assert all(len(panel.get_xticks()) > 1 for panel in figure.axes)


def test_few_values_are_points_with_their_median_and_not_a_box() -> None:
    counts = {"two": 2, "few": 5, "many": 12}
    levels = pd.Series([name for name, count in counts.items() for _ in range(count)])
    axis = Axis("topology", levels, list(counts))
    (panel,) = draw_by_axis(pd.Series(np.arange(19.0)), [axis], "final loss").axes
    assert len(panel.patches) == 1  # the box of the many
    drawn = {
        kind: [
            np.asarray(line.get_xdata()).tolist()
            for line in panel.get_lines()
            if line.get_marker() == kind
        ]
        for kind in ("o", "|")
    }
    assert drawn == {"o": [[0.0, 1.0], [2.0, 3.0, 4.0, 5.0, 6.0]], "|": [[], [4.0]]}


def drawn_for_print(form: str) -> tuple[Figure, bytes]:
    """Return three panels of twenty values each, and as they are printed."""
    levels = pd.Series([f"level {i % 3}" for i in range(60)])
    axis = Axis("topology", levels, sorted(set(levels)))
    figure = draw_by_axis(pd.Series(np.geomspace(1e-6, 1, 60)), [axis] * 3, "final loss")
    return figure, to_print(figure, form)


@pytest.mark.slow
def test_print_has_the_width_of_a_column_and_can_be_read_there() -> None:
    figure, data = drawn_for_print("pdf")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", data)
    assert box
    assert float(box[1]) == pytest.approx(72 * COLUMN_WIDTHS[-1])
    told = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    sizes = {round(text.get_fontsize(), 1) for text in told}
    assert sizes
    assert min(sizes) >= 6
    assert max(sizes) <= 8
    assert b"/FontFile2" in data  # TrueType, embedded
    assert b"/Type3" not in data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "head"), [("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")]
)
def test_print_is_the_same_bytes_each_time(form: str, head: bytes) -> None:
    first, second = (drawn_for_print(form)[1] for _ in range(2))
    assert first == second
    assert first.startswith(head)


def scored(rate: float, spot: float, bias: float, loss: float) -> TrialResult:
    reason = StopReason.CONVERGED if np.isfinite(loss) else StopReason.DIVERGED
    outcome = {"final_loss": loss if np.isfinite(loss) else float("nan")}
    changes = {"learning_rate": rate, "flat_spot": spot, "bias_constant": bias}
    return make_result(reason, **changes, outcome=outcome)


def test_hopeless_settings_do_not_hide_what_a_level_can_do() -> None:
    hopeless = [(0.1, spot, 0.5 + spot) for spot in (0.2, 0.4, 0.6)]
    trials = frame_of(
        *[scored(rate, spot, 0.0, 0.7) for rate, spot, _ in hopeless],
        *[scored(0.2, spot, 0.0, 0.7) for _, spot, _ in hopeless],
        scored(0.1, 0.0, 0.0, 1e-6),
        scored(0.2, 0.0, 0.0, 1e-2),
    )
    found = best_quarters(trials, axes_of(trials))
    assert found["learning_rate"] == {"0.1": 1e-6, "0.2": 1e-2}
    assert found["flat_spot"] == {}  # two settings at each level have no quarter


def test_a_cell_of_two_axes_is_the_median_over_the_rest() -> None:
    losses = {(0.1, 0.0): (1.0, 2.0, 9.0), (0.2, 0.0): (4.0, np.inf, np.inf), (0.1, 0.5): (3.0,)}
    trials = frame_of(
        *[
            scored(rate, spot, float(place), loss)
            for (rate, spot), group in losses.items()
            for place, loss in enumerate(group)
        ]
    )
    axes = {axis.name: axis for axis in axes_of(trials)}
    medians, counts = crossed(trials, axes["learning_rate"], axes["flat_spot"])
    assert medians.loc["0.1"].tolist() == [2.0, 3.0]
    assert medians.loc["0.2", "0"] == np.inf
    assert counts.to_numpy().tolist() == [[3, 1], [3, 0]]
    figure = draw_heatmap(medians, counts, axes["learning_rate"], axes["flat_spot"], "median loss")
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written == ["2\n(3)", "3\n(1)", "diverged\n(3)"]
