"""Tables, curves and reports say what the results hold, and no text of a user breaks them."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sweep.cli.main import main
from sweep.errors import ConfigError, StoreError
from sweep.reports.axes import axes_of, summarise
from sweep.reports.population import population_of
from sweep.reports.report import write_report
from sweep.reports.sections.registry import (
    Context,
    FigureFolder,
    all_sections,
    compose_report,
)
from sweep.reports.tables.text import Form, escape, format_table
from sweep.reports.tables.trial_page import find_trial, format_page, sparkline
from sweep.result import Curve, TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result

FRAME = pd.DataFrame(
    {
        "name": ["a|b", None],
        "loss": [1.25e-9, np.nan],
        "epochs": pd.array([10, None], dtype="Int64"),
        "at": pd.to_datetime(["2026-01-02T03:04:05.5Z", "NaT"]),
    }
)
PNG = b"\x89PNG\r\n\x1a\n"


def frame_of(*results: TrialResult) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame


def store(path: Path, *results: TrialResult) -> ResultsDir:
    directory = ResultsDir(path)
    with Writer(directory) as writer:
        writer.append(encode(results, "study"))
    return directory


def test_a_table_for_people_lines_up() -> None:
    assert format_table(FRAME, Form.TABLE) == (
        "name  loss      epochs  at\n"
        "a|b   1.25e-09      10  2026-01-02 03:04:05 UTC\n"
        "-            -       -  -"
    ).replace("loss      epochs", "    loss  epochs")


def test_a_markdown_table_cannot_be_broken() -> None:
    assert format_table(FRAME[["name", "epochs"]], Form.MARKDOWN) == (
        "| name | epochs |\n| --- | ---: |\n| a\\|b | 10 |\n| - | - |"
    )


def test_json_keeps_every_digit_and_none_for_what_is_missing() -> None:
    rows = json.loads(format_table(FRAME, Form.JSON))
    assert rows[0]["loss"] == 1.25e-9
    assert rows[0]["epochs"] == 10
    assert rows[1] == {"name": None, "loss": None, "epochs": None, "at": None}


def test_csv_keeps_every_digit() -> None:
    header, first, *_ = format_table(FRAME, Form.CSV).splitlines()
    assert header == "name,loss,epochs,at"
    assert first == "a|b,1.25e-09,10,2026-01-02T03:04:05.500000Z"


def test_text_stands_for_itself_in_markdown() -> None:
    assert escape("<b>*x*</b>\n| `y`") == "&lt;b&gt;\\*x\\*&lt;/b&gt;\\\\n\\| \\`y\\`"


def test_terminal_escapes_do_not_reach_the_terminal() -> None:
    frame = pd.DataFrame({"error": ["\x1b[31mred\nline"]})
    assert format_table(frame, Form.TABLE) == "error\n\\x1b[31mred\\nline"


def test_a_falling_loss_falls_in_the_sparkline() -> None:
    epochs = np.array([1, 10, 100, 1000])
    assert sparkline(epochs, np.array([1.0, 1e-1, 1e-2, 1e-3])) == "█▆▃▁"
    assert sparkline(epochs, np.array([1.0, np.nan, np.inf, 1e-3])) == "█  ▁"
    assert sparkline(epochs, np.full(4, np.nan)) == "    "
    assert sparkline(epochs[:1], np.array([0.5])) == "▁"
    assert sparkline(epochs[:0], np.array([])) == ""


def test_an_axis_is_summarised_level_by_level() -> None:
    trials = frame_of(
        *[make_result(seed=s, learning_rate=0.1, epochs=10 * (s + 1)) for s in range(5)],
        make_result(StopReason.MAX_EPOCHS, learning_rate=0.02, epochs=1000),
        make_result(StopReason.DIVERGED, seed=1, learning_rate=0.02, epochs=1),
    )
    (axis,) = axes_of(trials)
    summary = summarise(trials, axis)
    assert summary["learning_rate"].tolist() == ["0.02", "0.1"]
    assert summary["trials"].tolist() == [2, 5]
    assert summary["converged"].tolist() == [0.0, 1.0]
    assert summary["epochs_median"].tolist() == [1000.0, 30.0]
    assert summary["epochs_q1"].tolist()[1] == 20.0
    assert summary["final_loss_median"].tolist() == [0.25, 0.25]


def test_a_parameter_that_sometimes_does_not_apply_has_a_level_for_it() -> None:
    trials = frame_of(make_result(), make_result(batch_size=2), make_result(batch_size=10))
    (axis,) = axes_of(trials)
    assert axis.order == ["2", "10", "none"]


def test_many_values_are_put_into_ranges() -> None:
    trials = frame_of(*[make_result(learning_rate=0.001 * (1 + i)) for i in range(40)])
    (axis,) = axes_of(trials)
    assert len(axis.order) == 4
    assert summarise(trials, axis)["trials"].tolist() == [10, 10, 10, 10]


@pytest.mark.slow
def test_a_report_tells_the_story_and_shows_its_figures(tmp_path: Path) -> None:
    directory = store(
        tmp_path,
        *[
            make_result(
                learning_rate=0.01 * (1 + i), epochs=100 + i, outcome={"final_loss": 0.1 + i}
            )
            for i in range(3)
        ],
        make_result(StopReason.DIVERGED, learning_rate=1e6, outcome={"final_loss": float("nan")}),
        make_result(StopReason.FAILED, seed=7, outcome={"error": "bad | <b> *x*"}),
    )
    path = write_report(directory)
    text = path.read_text()
    assert path == tmp_path / "report" / "report.md"
    assert "**4 trials**, of which 75% met a stop rule. 1 diverged." in text
    assert "Left out: 1 failed." in text
    assert "| converged | 3 | 75% |" in text
    assert "### learning_rate" in text
    assert "bad \\| &lt;b&gt; \\*x\\*" in text
    for name in ("curves", "epochs", "final_loss"):
        assert f"](<report_figures/{name}.png>)" in text
        assert (tmp_path / "report/report_figures" / f"{name}.png").read_bytes()[:8] == PNG


@pytest.mark.slow
def test_each_figure_is_printed_in_the_form_asked_for(tmp_path: Path) -> None:
    other = make_result(learning_rate=0.5, epochs=200, outcome={"final_loss": 0.5})
    store(tmp_path / "study", make_result(), other)
    done = CliRunner().invoke(main, ["report", str(tmp_path / "study"), "--figures", "svg"])
    assert done.exit_code == 0, done.output
    figures = tmp_path / "study/report/report_figures"
    shown = {path.stem for path in figures.glob("*.png")}
    assert {path.name for path in (figures / "print").iterdir()} == {f"{n}.svg" for n in shown}
    assert {"curves", "epochs", "final_loss"} <= shown


@pytest.mark.slow
def test_the_same_results_give_the_same_report(tmp_path: Path) -> None:
    other = make_result(learning_rate=0.5, epochs=200, outcome={"final_loss": 0.5})
    directory = store(tmp_path, make_result(), other)
    written = []
    for name in ("one", "two"):
        write_report(directory, tmp_path / name / "r.md")
        written.append({p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.*")})
    assert written[0] == written[1]
    figures = {"curves.png", "epochs.png", "final_loss.png"}
    assert set(written[0]) == {"r.md", "r.html", "r_findings.json", *figures}


@pytest.mark.slow
def test_a_sweep_of_epochs_did_what_it_was_asked(tmp_path: Path) -> None:
    asked = [
        make_result(
            StopReason.EPOCHS,
            learning_rate=0.1 * (1 + i % 2),
            seed=i,
            epochs=60,
            fixed_epochs=60,
            outcome={"final_loss": 1.0 + i},
        )
        for i in range(12)
    ]
    text = write_report(store(tmp_path, *asked)).read_text()
    assert "**12 trials**, of which 100% trained the epochs asked for. None diverged" in text
    assert "stop rule" not in text
    assert "converged" not in text.partition("## Loss by epoch")[0]
    for title in ("Why trials stopped", "Epochs by axis", "Epochs to convergence"):
        assert title not in text
    assert "| learning\\_rate | trials | final loss |" in text


@pytest.mark.slow
def test_trials_with_a_rule_and_those_with_epochs_to_train_are_told_apart(tmp_path: Path) -> None:
    asked = {"learning_rate": 0.5, "epochs": 60, "fixed_epochs": 60}
    results = [make_result(), make_result(seed=1), make_result(StopReason.MAX_EPOCHS, seed=2)]
    results.append(make_result(StopReason.EPOCHS, **asked))
    text = write_report(store(tmp_path, *results)).read_text()
    assert "of which 50% met a stop rule and 25% trained the epochs asked for." in text
    assert "| 0.01 | 3 | 67% |" in text
    assert "| 0.5 | 1 | - |" in text


@pytest.mark.slow
def test_what_is_the_same_everywhere_is_not_drawn(tmp_path: Path) -> None:
    alike = [make_result(learning_rate=0.1 * (1 + i)) for i in range(3)]
    text = write_report(store(tmp_path, *alike)).read_text()
    assert "Epochs by axis" not in text
    assert "Final loss by axis" not in text
    assert "Why trials stopped" not in text
    assert "| learning\\_rate | trials | converged | final loss |" in text


@pytest.mark.slow
def test_held_out_loss_stands_wherever_it_is_known(tmp_path: Path) -> None:
    results = []
    for i in range(3):
        made = make_result(
            learning_rate=0.1 * (1 + i),
            outcome={"final_loss": 0.1 + i, "validation_loss": 0.5 - 0.1 * i},
        )
        held = replace(made.curve, validation_loss=np.array([1.0, np.nan, 0.5 - 0.1 * i]))
        results.append(replace(made, curve=held))
    directory = store(tmp_path, *results)
    text = write_report(directory).read_text()
    worst, _, best = (item.trial.trial_id for item in results)
    assert f"Least held-out loss: **0.3**, trial `{best}`" in text
    assert "Trials that did not diverge, by held-out loss." in text
    assert text.index(f"| {best} |") < text.index(f"| {worst} |")
    assert "| learning\\_rate | trials | converged | held-out loss | final loss |" in text
    assert "![Held-out loss by axis](<report_figures/held-out_loss.png>)" in text
    page = find_trial([directory], best)
    assert "held-out loss, epochs 1 to 100 (logarithmic)\n  █▁\n  1 to 0.3" in format_page(page)
    point = {"phase": 0, "epoch": 10, "loss": 0.5, "validation_loss": None}
    assert page.record["curve"][1] == point


@pytest.mark.slow
def test_the_best_setting_over_seeds_is_named_before_all_else(tmp_path: Path) -> None:
    losses = {0.1: (1e-9, 0.5, 0.6), 0.2: (0.1, 0.2, 0.3)}
    results = [
        make_result(learning_rate=rate, seed=seed, outcome={"final_loss": loss})
        for rate, found in losses.items()
        for seed, loss in enumerate(found)
    ]
    head, _, rest = write_report(store(tmp_path, *results)).read_text().partition("\n## ")
    assert "Least final loss: **1e-09**" in head
    assert head.endswith(
        "Best setting, by its median final loss over 3 trials: **0.2**, learning\\_rate 0.2.\n"
    )
    found, _, rest = rest.partition("\n## ")
    assert found.startswith("What was found\n")
    assert rest.startswith("Settings from best to worst\n")


@pytest.mark.slow
def test_two_axes_are_crossed_by_themselves_and_others_on_demand(tmp_path: Path) -> None:
    names = ("learning_rate", "bias_constant", "flat_spot")
    results = [
        make_result(**dict(zip(names, values, strict=True)), outcome={"final_loss": sum(values)})
        for values in product((0.1, 0.2), (0.0, 0.5), (0.0, 0.1))
    ]
    flat = [item for item in results if item.trial.flat_spot == 0]
    assert "Final loss by bias" in write_report(store(tmp_path / "two", *flat)).read_text()
    three = store(tmp_path / "three", *results)
    assert "heatmap.png" not in write_report(three).read_text()
    text = write_report(three, by=["learning_rate", "flat_spot"]).read_text()
    assert "## Final loss by learning\\_rate and flat\\_spot" in text
    assert (tmp_path / "three/report/report_figures/heatmap.png").read_bytes()[:8] == PNG


def test_what_does_not_vary_is_nothing_to_show_by(tmp_path: Path) -> None:
    directory = store(tmp_path, make_result(), make_result(learning_rate=0.5))
    message = "--by: must name what varies \\(learning_rate\\) \\(got 'learning_rat'; did you mean"
    with pytest.raises(ConfigError, match=message):
        write_report(directory, by=["learning_rat"])
    with pytest.raises(ConfigError, match="--by: must be given twice at most"):
        write_report(directory, by=["learning_rate"] * 3)


def test_a_report_says_that_it_is_markdown(tmp_path: Path) -> None:
    directory = store(tmp_path, make_result())
    with pytest.raises(ConfigError) as caught:
        write_report(directory, tmp_path / "r.html")
    assert str(caught.value) == (
        "--output: must end in .md or .markdown: the report is written in Markdown, its figures as "
        "PNG (got 'r.html')"
    )
    assert not (tmp_path / "r.html").exists()


def test_a_report_on_one_trial_has_no_axes(tmp_path: Path) -> None:
    text = write_report(store(tmp_path, make_result())).read_text()
    assert "By axis" not in text
    assert "**1 trials**" not in text
    assert "**1 trial**" in text


def test_a_report_on_failures_alone_is_written(tmp_path: Path) -> None:
    failed = [make_result(StopReason.FAILED, seed=s, loss=f"l{s}") for s in range(3)]
    text = write_report(store(tmp_path, *failed)).read_text()
    assert "Left out: 3 failed." in text
    assert "## Failures" in text
    assert "Least final loss" not in text


def test_the_name_of_a_sweep_cannot_break_the_report(tmp_path: Path) -> None:
    trials = frame_of(make_result()).assign(sweep="a # <script>")
    figures = FigureFolder(tmp_path / "figures")
    context = Context(ResultsDir(tmp_path), population_of(trials), [], figures)
    assert compose_report(context, all_sections()[:1]).startswith(
        "# Report on a \\# &lt;script&gt;\n"
    )


def test_no_trials_make_no_report(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)):
        pass
    with pytest.raises(StoreError, match="must hold at least one trial"):
        write_report(ResultsDir(tmp_path))


def test_a_trial_is_found_by_the_start_of_its_identity(tmp_path: Path) -> None:
    failed = make_result(
        StopReason.FAILED, outcome={"error": "E: x", "traceback": "Traceback:\n  here\nE: x"}
    )
    other = make_result(seed=1)
    directory = store(tmp_path, failed, other)
    text = format_page(find_trial([directory], failed.trial.trial_id[:6]))
    assert failed.trial.trial_id in text
    assert "traceback\n  Traceback:\n    here\n  E: x" in text
    assert "batch_size" not in text
    record = find_trial([directory], other.trial.trial_id).record
    assert record["learning_rate"] == 0.01
    assert record["curve"] == [
        {"phase": 0, "epoch": 1, "loss": 1.0},
        {"phase": 0, "epoch": 10, "loss": 0.5},
        {"phase": 0, "epoch": 100, "loss": 0.25},
    ]


def test_a_page_draws_each_phase_by_itself(tmp_path: Path) -> None:
    result = make_result()
    epochs, losses = np.array([1, 10, 100] * 2), np.array([1.0, 0.5, 0.25, 0.2, 0.1, 0.05])
    curve = replace(Curve.of_losses(epochs, losses), phase=np.repeat([0, 1], 3).astype(np.int8))
    directory = store(tmp_path, replace(result, curve=curve))
    text = format_page(find_trial([directory], result.trial.trial_id))
    first, last = text.split("\n\n")[-2:]
    assert first == "phase 0: loss, epochs 1 to 100 (logarithmic)\n  █▅▁\n  1 to 0.25"
    assert last == "loss, epochs 1 to 100 (logarithmic)\n  █▅▁\n  0.2 to 0.05"


def test_an_unclear_identity_is_a_fault(tmp_path: Path) -> None:
    directory = store(tmp_path, make_result(), make_result(seed=1))
    with pytest.raises(ConfigError, match="must begin the identity of one trial alone"):
        find_trial([directory], "")
    with pytest.raises(ConfigError, match="must begin the identity of a trial held here"):
        find_trial([directory], "x")
