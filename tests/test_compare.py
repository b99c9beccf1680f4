"""Claims: sweeps are compared by trials that differ in nothing else; what does not pair is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sweep.cli.main import main
from sweep.errors import ConfigError, StoreError
from sweep.reports.compare.comparison import Comparison, Contrast, compare
from sweep.reports.compare.contrasts import Measure, ratios_of
from sweep.reports.compare.document import describe_pairing
from sweep.reports.compare.page import terminal_text, write_comparison
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result

SEEDS = range(8)
RATES = (0.1, 0.2)


def ended(loss: float, **changes: Any) -> TrialResult:
    reason = StopReason.CONVERGED if np.isfinite(loss) else StopReason.DIVERGED
    outcome = {"final_loss": loss if np.isfinite(loss) else float("nan")}
    return make_result(reason, outcome=outcome, **changes)


def store(path: Path, *results: TrialResult) -> ResultsDir:
    directory = ResultsDir(path)
    with Writer(directory) as writer:
        writer.append(encode(results, path.name))
    return directory


def grid(path: Path, factor: float, *, seeds: range = SEEDS, **changes: Any) -> ResultsDir:
    """Return results of two learning rates and these seeds, whose losses go by `factor`."""
    results = [
        ended(factor * (1 + seed) * rate, seed=seed, learning_rate=rate, **changes)
        for seed in seeds
        for rate in RATES
    ]
    return store(path, *results)


def contrast(*directories: ResultsDir, across: tuple[str, ...] = ()) -> Contrast:
    (found,) = compare(directories, across).contrasts
    return found


def measure(found: Contrast, name: str) -> Measure:
    return next(item for item in found.measures if item.name == name)


def test_splits_pair_as_seeds_do_and_are_no_settings(tmp_path: Path) -> None:
    sides = [
        store(
            tmp_path / optimizer,
            *(
                ended(
                    factor * rate * (1 + split) * (2 + seed),
                    learning_rate=rate,
                    optimizer=optimizer,
                    optimizer_rho=None,
                    seed=seed,
                    dataset_split_seed=split,
                    data_fingerprint=f"{split}",
                )
                for rate in RATES
                for seed in range(2)
                for split in range(3)
            ),
        )
        for optimizer, factor in (("sgd", 1.0), ("adam", 0.5))
    ]
    found = contrast(*sides)
    pairing = found.pairing
    assert (len(pairing), pairing.settings, pairing.seeds) == (12, 2, 6)
    assert pairing.shared == ("learning_rate",)
    assert [(item.values, item.by_seed) for item in found.settings] == [
        ({"learning_rate": 0.1}, True),
        ({"learning_rate": 0.2}, True),
    ]
    assert measure(found, "final loss").estimate.value == 0.5


def test_trials_pair_by_settings_and_seeds_where_one_thing_differs(tmp_path: Path) -> None:
    sgd = grid(tmp_path / "a", 1.0)
    adam = grid(tmp_path / "b", 0.5, optimizer="adam", optimizer_rho=None, epochs=300)
    found = contrast(sgd, adam)
    pairing = found.pairing
    assert (len(pairing), pairing.settings, pairing.seeds) == (16, 2, 8)
    assert pairing.unpaired == (0, 0)
    assert pairing.apart[0] == "optimizer"
    assert pairing.shared == ("learning_rate",)
    loss = measure(found, "final loss")
    assert (loss.estimate.value, loss.estimate.low, loss.estimate.high) == (0.5, 0.5, 0.5)
    assert loss.verdict == "less"
    assert measure(found, "epochs").estimate.value == 3
    assert measure(found, "converged").verdict == "no difference shown"
    assert np.isnan(measure(found, "seconds").estimate.low)
    assert [(item.values, item.ratio.value) for item in found.settings] == [
        ({"learning_rate": 0.1}, 0.5),
        ({"learning_rate": 0.2}, 0.5),
    ]


def test_an_interval_of_pairs_is_that_of_order_statistics(tmp_path: Path) -> None:
    """Of six pairs the least and the greatest ratio, as the binomial distribution has it."""
    first = store(tmp_path / "a", *[ended(1.0, seed=s) for s in range(6)])
    second = store(tmp_path / "b", *[ended(1.0 + s, seed=s, flat_spot=0.1) for s in range(6)])
    estimate = measure(contrast(first, second), "final loss").estimate
    assert (estimate.value, estimate.low, estimate.high) == (3.5, 1.0, 6.0)


def test_verdicts_go_by_intervals_that_hold_together(tmp_path: Path) -> None:
    first = store(tmp_path / "a", *[ended(1.0, seed=s) for s in range(6)])
    second = store(tmp_path / "b", *[ended(2.0 + s, seed=s, flat_spot=0.1) for s in range(6)])
    comparison = compare([first, second])
    loss = measure(comparison.contrasts[0], "final loss")
    assert loss.estimate.low > 1  # by itself
    assert comparison.intervals == 3  # loss, share converged, share diverged
    assert loss.verdict == "no difference shown"  # six pairs have no interval of 98.3%


def test_trials_without_a_counterpart_are_counted_and_left_out(tmp_path: Path) -> None:
    first = grid(tmp_path / "a", 1.0)
    second = grid(tmp_path / "b", 2.0, seeds=range(4, 9), flat_spot=0.1)
    found = contrast(first, second)
    assert len(found.pairing) == 8
    assert found.pairing.unpaired == (8, 2)
    assert "8 of A and 2 of B have no counterpart" in describe_pairing(found.pairing)
    assert measure(found, "final loss").estimate.value == 2


def test_settings_with_other_seeds_are_compared_as_groups(tmp_path: Path) -> None:
    first = grid(tmp_path / "a", 1.0)
    second = grid(tmp_path / "b", 4.0, seeds=range(100, 108), flat_spot=0.1)
    found = contrast(first, second)
    assert not len(found.pairing)
    assert "2 of their settings are in both, but with other seeds" in found.pairing.why_not
    assert [item.by_seed for item in found.settings] == [False, False]
    loss = measure(found, "final loss")
    assert loss.count == "16 and 16 trials"
    assert loss.estimate.value > 4
    assert loss.verdict == "more"


def test_it_is_said_what_keeps_trials_from_pairing(tmp_path: Path) -> None:
    first = grid(tmp_path / "a", 1.0)
    others = [ended(1.0, learning_rate=rate, seed=s) for rate in (0.3, 0.4) for s in SEEDS]
    found = contrast(first, store(tmp_path / "b", *others))
    assert found.measures == []
    assert describe_pairing(found.pairing) == (
        "No trial of A pairs with one of B: learning_rate is 0.1, 0.2 in A and 0.3, 0.4 in B: what "
        "varies must have values in common, or be given to --across."
    )


def test_trials_pair_across_what_they_are_told_to(tmp_path: Path) -> None:
    first = store(tmp_path / "a", *[ended(1.0, seed=s, max_epochs=1000 + s) for s in SEEDS])
    second = store(tmp_path / "b", *[ended(3.0, seed=s, max_epochs=2000 + s) for s in SEEDS])
    assert not len(contrast(first, second).pairing)
    found = contrast(first, second, across=("max_epochs",))
    assert len(found.pairing) == 8
    assert measure(found, "final loss").estimate.value == 3
    with pytest.raises(ConfigError, match=r"must leave trials of A \(a\) apart from each other"):
        contrast(grid(tmp_path / "a", 1.0), second, across=("learning_rate",))
    with pytest.raises(ConfigError, match=r"got 'max_epoch'; did you mean 'max_epochs'\?"):
        compare([first, second], ["max_epoch"])


def test_a_trial_that_both_hold_is_told_as_one(tmp_path: Path) -> None:
    found = contrast(grid(tmp_path / "a", 1.0), grid(tmp_path / "b", 1.0))
    assert found.pairing.same == found.pairing.alike == 16
    assert "16 pairs are one trial that both hold." in describe_pairing(found.pairing)


def test_losses_of_other_data_are_not_compared(tmp_path: Path) -> None:
    other = {"dataset": "digits", "data_fingerprint": "f" * 16}
    found = contrast(grid(tmp_path / "a", 1.0), grid(tmp_path / "b", 2.0, **other))
    assert [item.name for item in found.measures] == ["converged", "diverged", "epochs", "seconds"]
    assert "do not compare" in describe_pairing(found.pairing)
    assert "Compared: dataset." in describe_pairing(found.pairing)


def test_a_trial_that_diverged_has_an_infinite_loss(tmp_path: Path) -> None:
    first = store(tmp_path / "a", *[ended(1.0, seed=s) for s in range(7)])
    lost = [ended(np.inf if s < 4 else 0.5, seed=s, flat_spot=0.1) for s in range(7)]
    found = contrast(first, store(tmp_path / "b", *lost))
    assert measure(found, "final loss").estimate.value == np.inf
    assert measure(found, "diverged").estimate.value == pytest.approx(100 * 4 / 7)
    assert "inf" in terminal_text(compare([ResultsDir(tmp_path / n) for n in "ab"]), 120)


def test_equal_numbers_have_the_ratio_one_whatever_they_are() -> None:
    values, others = np.array([0.0, np.inf, 2.0, 1.0]), np.array([0.0, np.inf, 1.0, 0.0])
    assert ratios_of(values, others).tolist() == [1.0, 1.0, 2.0, np.inf]


def test_what_differs_is_told_without_what_follows(tmp_path: Path) -> None:
    first = grid(tmp_path / "a", 1.0)
    second = grid(
        tmp_path / "b", 1.0, seeds=range(3), optimizer="sgd", optimizer_rho=None, max_epochs=50
    )
    told = {item.name: (item.kind, item.values) for item in compare([first, second]).differences}
    assert told == {
        "optimizer": ("setting", (("rmsprop",), ("sgd",))),
        "max_epochs": ("setting", (("1000",), ("50",))),
        "seed": ("axis", (tuple(map(str, SEEDS)), ("0", "1", "2"))),
    }


def test_three_sweeps_are_compared_two_by_two(tmp_path: Path) -> None:
    spots = (0.0, 0.1, 0.2)
    places = [grid(tmp_path / f"s{i}", 1.0 + i, flat_spot=spots[i]) for i in range(3)]
    found = [
        (c.pairing.first.letter, c.pairing.second.letter, measure(c, "final loss").estimate.value)
        for c in compare(places).contrasts
    ]
    assert found == [("A", "B", 2.0), ("A", "C", 3.0), ("B", "C", 1.5)]


def test_of_very_many_settings_those_at_either_end_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.reports.compare.contrasts.MOST_RATIOS", 2)
    rates = [0.01 * (1 + i) for i in range(7)]
    first = store(tmp_path / "a", *[ended(1.0, learning_rate=r) for r in rates])
    second = store(tmp_path / "b", *[ended(100 * r, learning_rate=r, flat_spot=0.1) for r in rates])
    found = contrast(first, second)
    assert len(found.pairing) == 7
    assert [item.ratio.value for item in found.settings] == pytest.approx([1, 2, 6, 7])


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    only = grid(tmp_path / "a", 1.0)
    with pytest.raises(ConfigError, match=r"must be given from 2 to 26 sweeps \(got 1\)"):
        compare([only])
    with pytest.raises(ConfigError, match="must be given each sweep once"):
        compare([only, only])
    failed = make_result(StopReason.FAILED, outcome={"error": "no"})
    with pytest.raises(StoreError, match="must hold a trial that ended by itself"):
        compare([only, store(tmp_path / "b", failed)])


def grids(folder: Path) -> Comparison:
    hostile = folder / "<b>bold & \x1b[31mred"
    second = grid(hostile, 2.0, activation="<i>mine|*")
    return compare([grid(folder / "plain", 1.0), second])


@pytest.mark.slow
def test_pages_hold_hostile_names_as_text(tmp_path: Path) -> None:
    comparison = grids(tmp_path)
    page = write_comparison(comparison, tmp_path / "compare.html")
    assert isinstance(page, Path)
    text = page.read_text("utf-8")
    assert "<b>bold" not in text
    assert "<i>mine" not in text
    assert "\x1b" not in text
    assert "&lt;b&gt;bold &amp; \\x1b[31mred" in text
    assert "http" not in text.replace("data:image", "")
    assert "data:image/png;base64," in text
    notes = write_comparison(comparison, tmp_path / "compare.md")
    assert isinstance(notes, Path)
    assert "&lt;i&gt;mine\\|\\*" in notes.read_text("utf-8")
    assert "](<compare_figures/a_b.png>)" in notes.read_text("utf-8")
    assert (tmp_path / "compare_figures/a_b.png").is_file()
    with pytest.raises(ConfigError, match=r"must end in \.html or \.md"):
        write_comparison(comparison, tmp_path / "compare.pdf")


def test_a_terminal_gets_lines_that_fit(tmp_path: Path) -> None:
    text = terminal_text(grids(tmp_path), 80)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "× 2 (2 to 2)" in text


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, words)])


def test_the_command_prints_json_that_says_it_all(tmp_path: Path) -> None:
    grid(tmp_path / "a", 1.0)
    grid(tmp_path / "b", 2.0, flat_spot=0.1)
    done = run(tmp_path / "a", tmp_path / "b", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert [side["trials"] for side in record["sweeps"]] == [16, 16]
    assert record["differences"] == [
        {"kind": "setting", "name": "flat_spot", "values": {"A": ["0"], "B": ["0.1"]}}
    ]
    (found,) = record["contrasts"]
    assert (found["pairs"], found["unpaired"], found["why_not"]) == (16, {"A": 0, "B": 0}, None)
    assert found["measures"][0]["value"] == 2
    assert found["by_setting"][0]["setting"] == {"learning_rate": 0.1}


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    grid(tmp_path / "a", 1.0)
    done = run(tmp_path / "a")
    assert (done.exit_code, done.stderr) == (
        2,
        "compare: must be given from 2 to 26 sweeps (got 1)\n",
    )


def test_losses_below_0_have_no_ratio(tmp_path: Path) -> None:
    for seeds in (SEEDS, range(8, 16)):
        first = grid(tmp_path / f"a{seeds.start}", -1.0)
        second = grid(tmp_path / f"b{seeds.start}", -2.0, seeds=seeds, optimizer="adam")
        found = contrast(first, second)
        loss = measure(found, "final loss")
        assert np.isnan(loss.estimate.value)
        assert loss.verdict == ""
        assert all(np.isnan(item.ratio.value) for item in found.settings)


def test_losses_of_0_are_compared_without_seeds_in_common(tmp_path: Path) -> None:
    first = grid(tmp_path / "a", 0.0)
    second = grid(tmp_path / "b", 1.0, seeds=range(8, 16), optimizer="adam")
    assert measure(contrast(first, second), "final loss").verdict == ""
