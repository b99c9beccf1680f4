"""Claims: results show themselves in a notebook, as text whatever they hold, and are drawn."""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawn

import sweep
from sweep.errors import ConfigError, StoreError
from sweep.notebook.bar import Bar, notebook_bar
from sweep.notebook.finding import plot_finding
from sweep.notebook.results import Results
from sweep.notebook.runs import Run
from sweep.reports.findings.finding import Figure, Kind, Mark
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result


class Pages(HTMLParser):
    """Reads HTML; keeps its texts, and fails where tags do not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.tags.add(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def store(path: Path, *results: TrialResult) -> Results:
    with Writer(ResultsDir(path)) as writer:
        writer.append(encode(results, path.name))
    return sweep.results(path)


def grid(path: Path, factor: float = 1.0, **changes: Any) -> Results:
    """Return results of two learning rates, two starts and three seeds."""
    results = [
        make_result(
            learning_rate=rate,
            initialiser_constant=constant,
            seed=seed,
            outcome={"final_loss": factor * rate * constant * (1 + seed)},
            **changes,
        )
        for rate in (0.01, 0.1)
        for constant in (0.5, 1.0)
        for seed in range(3)
    ]
    failed = make_result(StopReason.FAILED, seed=9, outcome={"error": "<b>no"})
    return store(path, *results, failed)


@pytest.fixture
def axes() -> Iterator[Axes]:
    yield Drawn().add_subplot()
    assert pyplot.get_fignums() == []  # given axes, nothing makes a figure of its own


def test_results_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    results = grid(tmp_path / "study")
    assert results.path == tmp_path / "study"
    assert len(results) == 13
    first = results.trials["trial_id"].iloc[0]
    assert set(results.curves(first[:8])["trial_id"]) == {first}
    assert results.curves([first])["epoch"].tolist() == [1, 10, 100]
    assert results.curves()["trial_id"].nunique() == 13
    assert results.ladder(first).empty
    with Writer(ResultsDir(tmp_path / "study")) as writer:
        writer.append(encode([make_result(seed=77)], "study"))
    assert (len(results), len(results.reload())) == (13, 14)


def test_trials_are_what_varied_and_what_came_out(tmp_path: Path) -> None:
    results = grid(tmp_path / "study")
    assert list(results.trials.columns) == [
        *("trial_id", "initialiser_constant", "seed", "learning_rate"),
        *("status", "stop_reason", "epochs", "final_loss", "samples_reconstructed", "seconds"),
        "error",
    ]
    assert set(results.trials.columns) < set(results.table.columns)
    assert results.trials["learning_rate"].dtype == np.float64


def test_a_trial_that_is_not_there_is_told(tmp_path: Path) -> None:
    results = grid(tmp_path / "study")
    with pytest.raises(StoreError, match=r"must hold one trial whose identity begins with 'zz'"):
        results.curves("zz")
    with pytest.raises(StoreError, match="must hold results of a sweep"):
        sweep.results(tmp_path / "nothing")


def test_a_cell_shows_how_trials_ended_the_best_settings_and_all_losses(tmp_path: Path) -> None:
    results = grid(tmp_path / "study")
    assert repr(results) == f"<Results {results.path}: 12 trials, 100% converged, 1 failed>"
    page = Pages(results._repr_html_())
    told = " ".join(page.texts)
    assert "12 trials · 100% converged · 1 failed" in told
    assert "best 4 of 4 settings over their seeds, by median final loss" in told
    assert {"table", "svg", "rect"} <= page.tags
    assert "final loss of 12 trials, log scale" in told.replace("  ", " ")
    assert "0.005" in page.texts  # the least loss, at the left end of the picture


def test_names_and_values_in_a_cell_are_text(tmp_path: Path) -> None:
    hostile = "<script>x</script>&\x1b[31m".replace("/", "|")
    results = grid(tmp_path / hostile, activation="<i>mine")
    page = results._repr_html_()
    assert "<script" not in page
    assert "<i>" not in page
    assert "\x1b" not in page
    Pages(page)
    run = Run(
        output=results.path,
        trained=13,
        skipped=0,
        derived=0,
        failed=0,
        diverged=0,
        cancelled=0,
        missing=2,
        interrupted=True,
        gave_up=False,
        seconds=3.2,
    )
    told = "".join(Pages(run._repr_html_()).texts)
    assert "Trained 13 trials in 3 s." in told
    assert "Interrupted with 2 to go: the same call goes on." in told


def test_a_sweep_without_a_loss_shows_itself_too(tmp_path: Path) -> None:
    lost = {"final_loss": float("nan")}
    results = store(tmp_path / "study", make_result(StopReason.DIVERGED, outcome=lost))
    told = "".join(Pages(results._repr_html_()).texts)
    assert "1 trial · 0% converged · 1 diverged" in told


def test_a_sweep_whose_losses_are_no_numbers_shows_itself_too(tmp_path: Path) -> None:
    lost = [make_result(seed=n, outcome={"final_loss": np.nan}) for n in range(2)]
    assert "2 trials" in store(tmp_path, *lost)._repr_html_()


def test_curves_are_drawn_on_given_axes_by_what_is_asked_for(tmp_path: Path, axes: Axes) -> None:
    results = grid(tmp_path / "study")
    assert results.plot.curves("initialiser_constant", ax=axes) is axes
    assert len(axes.get_lines()) == 12
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["0.5", "1"]
    assert legend.get_title().get_text() == "initialiser_constant"


def test_a_heat_map_has_x_across_and_y_down(tmp_path: Path, axes: Axes) -> None:
    results = grid(tmp_path / "study")
    assert results.plot.heatmap("learning_rate", "initialiser_constant", ax=axes) is axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning_rate", "initialiser_constant")
    written = [text.get_text() for text in axes.texts]
    assert written == ["0.01\n(3)", "0.1\n(3)", "0.02\n(3)", "0.2\n(3)"]


def test_two_sweeps_are_drawn_against_each_other(tmp_path: Path, axes: Axes) -> None:
    first = grid(tmp_path / "a")
    second = grid(tmp_path / "b", 3.0, flat_spot=0.1)
    assert first.plot.compare(second, ax=axes) is axes
    offsets = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(offsets[:, 1], 3 * offsets[:, 0])
    assert first.plot.compare(str(second.path), ax=axes) is axes
    apart = store(tmp_path / "c", make_result(learning_rate=0.7), make_result(learning_rate=0.8))
    with pytest.raises(ConfigError, match="must be results whose trials pair with these"):
        first.plot.compare(apart, ax=axes)


def test_importance_is_drawn_with_its_intervals_the_most_on_top(tmp_path: Path, axes: Axes) -> None:
    results = grid(tmp_path / "study")
    assert results.plot.importance(ax=axes) is axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["learning_rate", "initialiser_constant"]
    rate, constant = (bar.get_width() for bar in axes.patches)  # type: ignore[attr-defined]
    assert 0.5 < rate <= 1
    assert constant < rate
    alone = store(tmp_path / "alone", make_result())
    with pytest.raises(ConfigError, match="must have results that can tell it"):
        alone.plot.importance(ax=axes)


def test_a_finding_is_drawn_by_its_kind(axes: Axes) -> None:
    marks = [Mark("first", 2.0, 1.0, 4.0, strong=True), Mark("second", 3.0)]
    plot_finding(axes, Figure(Kind.INTERVALS, "title", marks, "loss", log=True, reference=2.5))
    assert axes.get_xscale() == "log"
    assert np.asarray(axes.collections[0].get_offsets())[:, 0].tolist() == [2.0, 3.0]
    interval, reference = axes.get_lines()
    assert np.asarray(interval.get_xdata()).tolist() == [1.0, 4.0]
    assert np.asarray(reference.get_xdata()).tolist() == [2.5, 2.5]
    axes.clear()
    places = [Mark(str(x), 1 / x, 0.5 / x, 2 / x) for x in (1, 2, 4)]
    plot_finding(axes, Figure(Kind.LINES, "title", places, "loss", across="epoch"))
    assert np.asarray(axes.get_lines()[0].get_xdata()).tolist() == [1.0, 2.0, 4.0]
    assert axes.get_xlabel() == "epoch"


def test_what_cannot_be_drawn_is_told(tmp_path: Path, axes: Axes) -> None:
    results = grid(tmp_path / "study")
    with pytest.raises(ConfigError, match=r"plot: by must name what varies .*got 'optimiser'"):
        results.plot.curves("optimiser", ax=axes)
    with pytest.raises(ConfigError, match="must be two hyperparameters"):
        results.plot.heatmap("learning_rate", "learning_rate", ax=axes)


def test_without_axes_a_figure_is_made_that_pyplot_shows(tmp_path: Path) -> None:
    drawn = grid(tmp_path / "study").plot.heatmap("learning_rate", "initialiser_constant")
    try:
        assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [drawn.figure]
    finally:
        pyplot.close("all")


@pytest.mark.slow
def test_a_run_gives_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = sweep.run(small_sweep(convergence={"epochs": 3}), use_ray=False)
    assert isinstance(run, Run)
    assert len(run.results) == run.trained == 4
    best = run.results.trials["trial_id"].iloc[0]
    assert run.results.load_model(best[:6]).encode is not None


def test_a_bar_says_how_far_a_run_is() -> None:
    bar = Bar("3/4 trials <b>", 0.75)
    assert repr(bar) == " 75% 3/4 trials <b>"
    assert 'value="0.7500"' in bar._repr_html_()
    assert "&lt;b&gt;" in bar._repr_html_()
    assert "value=" not in Bar("starting", None)._repr_html_()


def test_outside_a_notebook_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = SimpleNamespace(get_ipython=lambda: SimpleNamespace())
    for module in (None, terminal):
        monkeypatch.setitem(sys.modules, "IPython", module)
        with notebook_bar() as show:
            assert show is None
