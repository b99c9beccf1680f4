"""Statistics are of the trials that ended by themselves and that the sweep file asks for."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import sweep
from sweep.reports.axes import axes_of
from sweep.reports.false_convergence import mark_false_convergence
from sweep.reports.population import final_losses, population_of
from sweep.reports.published import Published
from sweep.reports.recorded import Asked, asked_for
from sweep.reports.report import write_report
from sweep.reports.sections.overview import failures_section
from sweep.reports.sections.registry import (
    Context,
    FigureFolder,
    all_sections,
    compose_report,
)
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

ENDED = (StopReason.CONVERGED, StopReason.MAX_EPOCHS, StopReason.DIVERGED)
LOST = (StopReason.FAILED, StopReason.CANCELLED)
PUBLISHED = Published(
    "table", pd.DataFrame({"topology": ["4-2-4"], "epochs": [100.0], "final_loss": [0.1]})
)


def frame_of(*results: TrialResult) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame


def store(path: Path, *results: TrialResult) -> ResultsDir:
    with Writer(ResultsDir(path)) as writer:
        writer.append(encode(results, "study"))
    return ResultsDir(path)


def test_what_failed_was_cancelled_or_is_not_asked_for_does_not_count() -> None:
    results = [make_result(reason, seed=place) for place, reason in enumerate((*ENDED, *LOST))]
    other = make_result(seed=9)
    trials = frame_of(*results, other)
    all_counts = population_of(trials)
    assert all_counts.trials["seed"].tolist() == [0, 1, 2, 9]
    assert all_counts.failed["seed"].tolist() == [3]
    assert all_counts.remarks == ["Left out: 1 failed, 1 cancelled."]
    assert population_of(trials[:3]).remarks == []


def test_what_is_asked_for_and_not_there_is_counted_as_missing() -> None:
    trials = frame_of(make_result(), make_result(seed=1))
    ids, paths = (
        np.array([*(int(i, 16) for i in trials[name]), 1, 2, 3], np.uint64)
        for name in ("trial_id", "path_id")
    )
    expected = (
        "Not trained yet: 3 of the 5 that the sweep file asks for; run the sweep again to go on."
    )
    assert population_of(trials, Asked(ids, paths)).remarks == [expected]
    assert population_of(trials, Asked(ids, paths[:3]), by_path=True).remarks == [
        expected.replace("3 of the 5", "1 of the 3")
    ]


@pytest.mark.slow
def test_a_report_says_where_it_is_not_known_what_is_asked_for(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / "small")
    sweep.run(small_sweep(), output=directory.path, engine="fused", use_ray=False)
    (run,) = (tmp_path / "small" / directory.runs.name).iterdir()
    run.write_text(run.read_text().replace("sigmoid", "package.module:gone"))
    text = write_report(directory).read_text()
    assert (
        "All trials in the table are counted, as it is not known which of them the sweep file "
        "still asks for ("
    ) in text
    assert "package.module:gone" in text


def test_a_final_loss_is_that_of_a_trial_that_ended() -> None:
    reasons = (StopReason.CONVERGED, StopReason.DIVERGED, StopReason.TIME)
    trials = frame_of(*[make_result(reason, seed=i) for i, reason in enumerate(reasons)])
    assert final_losses(trials).fillna(-1).tolist() == [0.25, -1, 0.25]


@pytest.mark.slow
def test_cancelled_trials_do_not_make_a_setting_worse(tmp_path: Path) -> None:
    done = [
        make_result(seed=seed, delta_tolerance=1e-6, delta_patience=patience)
        for patience in (10, 50)
        for seed in range(20)
    ]
    stopped = [
        make_result(
            StopReason.CANCELLED,
            seed=seed,
            epochs=3,
            outcome={"final_loss": 0.9},
            delta_tolerance=1e-6,
            delta_patience=50,
        )
        for seed in range(20, 60)
    ]
    text = write_report(store(tmp_path, *done, *stopped)).read_text()
    assert "| 10 | 20 | 100% | 0.25 (0.25 to 0.25) |" in text
    assert "| 50 | 20 | 100% | 0.25 (0.25 to 0.25) |" in text
    assert "Left out: 40 cancelled." in text


@pytest.mark.slow
def test_a_report_leaves_out_what_the_sweep_file_no_longer_asks_for(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / "small")

    def train(rates: list[float]) -> str:
        start = {"name": "uniform", "constant": 1}
        grid = {"initialiser": start, "learning_rate": rates, "replicates": 2}
        tree = small_sweep(grid=grid)
        sweep.run(tree, output=directory.path, engine="fused", use_ray=False)
        return write_report(directory).read_text()

    assert "Left out" not in train([0.1, 0.01])
    assert "Left out" not in train([0.1, 0.01, 0.05])  # a longer grid adds to the table
    text = train([0.05, 0.02])
    assert "**4 trials**" in text
    assert "Left out: 4 that the sweep file no longer asks for." in text
    text = train([0.1])  # trains nothing, but asks for less
    assert "**2 trials**" in text
    assert "Left out: 6 that the sweep file no longer asks for." in text


def test_every_run_of_the_same_file_is_asked_for(tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    directory = ResultsDir(tmp_path / "results")
    config.write_text(SMALL.format(rates="[0.1, 0.01]"))
    for patience in (1, 3):
        changes = [f"convergence.delta.patience={patience}"]
        sweep.run(config, changes, output=directory.path, engine="fused", use_ray=False)
    assert population_of(read_trials(directory.path), asked_for(directory)).left_over == 0
    config.write_text(SMALL.format(rates="[0.1]"))
    sweep.run(config, changes, output=directory.path, engine="fused", use_ray=False)
    assert population_of(read_trials(directory.path), asked_for(directory)).left_over == 3


SMALL = """
name: small
dataset: {{name: one-hot, size: 4}}
fixed:
  topology: 4-2-4
  activation: sigmoid
  output_activation: sigmoid
  initialiser: {{name: uniform, constant: 1}}
  optimizer: sgd
  loss: mean_squared_error
grid: {{learning_rate: {rates}}}
convergence: {{delta: {{tolerance: 1.0e-4, patience: 1}}, max_epochs: 20}}
"""


def test_where_no_run_is_recorded_all_trials_are_as_if_asked_for(tmp_path: Path) -> None:
    assert asked_for(store(tmp_path, make_result())) is None


class FigureTexts(FigureFolder):
    """Takes figures as text: what is drawn, unrendered."""

    def show(self, name: str, title: str, figure: Figure) -> str:
        drawn = [
            *(np.asarray(line.get_xydata()) for axes in figure.axes for line in axes.lines),
            *(np.asarray(c.get_offsets()) for axes in figure.axes for c in axes.collections),
        ]
        told = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
        return f"{name} {title} {told} {[array.tolist() for array in drawn]}"


def results_of(place: int, drawn: dict[str, Any]) -> TrialResult:
    """Return a trial with something to say in every section."""
    reason, rate, kind = drawn["reason"], drawn["rate"], drawn["pretraining"]
    epochs = drawn["epochs"]
    probes = {
        "epoch": np.array([0, 0, epochs, epochs]),
        "layer": np.array([0, 1, 0, 1]),
        **{n: np.full(4, drawn["loss"]) for n in ("gradient_norm", "gradient_rms", "weight_norm")},
        "update_ratio": np.zeros(4),
        "saturated_share": np.zeros(4),
        "dead_share": np.zeros(4),
        "unit_distance": np.array([0.0, np.nan, drawn["loss"], np.nan]),
        "verdict": np.array(["healthy", "vanishing", "dead", "exploding"], object),
    }
    ladder = {
        "monitor": np.array(["loss"], object),
        "rule": np.array(["loss"], object),
        "tolerance": np.array([0.1]),
        "patience": np.array([0]),
        "epoch": np.array([epochs]),
        "loss": np.array([drawn["loss"]]),
    }
    return make_result(
        reason,
        seed=place,
        epochs=epochs,
        learning_rate=rate,
        pretraining=kind,
        loss="mean_squared_error",
        initialiser="constant" if place % 2 else "uniform",
        outcome={
            "final_loss": drawn["loss"],
            "best_loss": drawn["loss"],
            "samples_reconstructed": place % 5,
            "unit_distance": 0.0 if place % 3 else drawn["loss"],
            "weight_distance": drawn["loss"] * 10,
            "zero_outputs": place % 2,
            "dead_units": place % 3,
            "output_sparsity": 0.5,
        },
        details={"gradients": probes, "ladder": ladder},
    )


def rows(reasons: tuple[StopReason, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "reason": st.sampled_from(reasons),
            "rate": st.sampled_from([0.1, 0.01]),
            "pretraining": st.sampled_from(["none", "greedy"]),
            "epochs": st.integers(1, 1000),
            "loss": st.floats(1e-6, 1.0),
        }
    )


def said_of(results: list[TrialResult]) -> str:
    """Return all that a report says, its figures included, but for what names lost trials."""
    with TemporaryDirectory() as folder:
        directory = store(Path(folder) / "study", *results)
        trials = mark_false_convergence(read_trials(directory.path))
        population = population_of(trials)
        figures = FigureTexts(directory.report)
        context = Context(
            directory, population, axes_of(population.trials), figures, against=PUBLISHED
        )
        *sections, failures = all_sections()
        assert failures.write is failures_section
        text = compose_report(context, sections)
    return re.sub(r"Left out: .*\.\n\n", "", text)


@pytest.mark.slow
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # one example takes seconds: none is shrunk
)
@given(
    st.lists(rows(ENDED), min_size=12, max_size=16), st.lists(rows(LOST), min_size=1, max_size=8)
)
def test_no_section_and_no_figure_counts_what_failed_or_was_cancelled(
    ended: list[dict[str, Any]], lost: list[dict[str, Any]]
) -> None:
    alone = [results_of(place, drawn) for place, drawn in enumerate(ended)]
    others = [results_of(100 + place, drawn) for place, drawn in enumerate(lost)]
    assert said_of([*others, *alone]) == said_of(alone)
