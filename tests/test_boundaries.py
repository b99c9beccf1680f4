"""An axis that is best at the end of its range is told so, with the lines that widen it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from sweep.reports.findings import Finding, Kind
from sweep.reports.findings.ranges import continued, widened
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import record_run
from sweep.store.tables.encoding import table_set_of
from tests.store_fixtures import make_result
from tests.sweepfiles import small
from tests.test_findings import findings_of, table_of

RATES = [0.001, 0.01, 0.1]


def recorded(path: Path, **changes: object) -> ResultsDir:
    """Return a directory in which a run of the small sweep is recorded."""
    directory = ResultsDir(path)
    record_run(directory, yaml.safe_dump(small(**changes), sort_keys=False), {"overrides": []})
    return directory


def boundary(path: Path, slope: float, noise: float = 0.1, seeds: int = 10) -> Finding | None:
    """Return the warning on learning rates where the log of the loss falls by so much a decade."""
    trials = table_of(
        lambda learning_rate, initialiser_constant: slope * np.log10(learning_rate),
        seeds=seeds,
        noise=noise,
        learning_rate=RATES,
        initialiser_constant=[1, 2],
    )
    return findings_of(trials, path).get("boundary-learning_rate")


@pytest.mark.slow
def test_the_best_value_at_an_end_is_told_with_the_lines_to_change(tmp_path: Path) -> None:
    recorded(tmp_path, grid={"learning_rate": RATES})
    found = boundary(tmp_path, slope=-1.0)
    assert found
    assert found.warning
    assert "learning_rate does best at 0.1, the largest of its 3 values" in found.text
    assert found.lines.splitlines() == [
        "learning_rate: [0.001, 0.01, 0.1, 1]  # grid.learning_rate",
        "# or: sweep run FILE 'grid.learning_rate=[0.001, 0.01, 0.1, 1]'",
    ]
    text = (tmp_path / "sweep.yaml").read_text().splitlines()
    line = next(int(w.strip(")")) for w in found.text.split("(line ")[1].split() if w.isdecimal())
    assert "0.001" in text[line - 1] or "learning_rate" in text[line - 1]
    assert found.figure
    assert found.figure.kind is Kind.LINES


def test_the_least_value_is_continued_downwards(tmp_path: Path) -> None:
    recorded(tmp_path, grid={"learning_rate": RATES})
    found = boundary(tmp_path, slope=1.0)
    assert found
    assert "learning_rate: [0.0001, 0.001, 0.01, 0.1]" in found.lines


def test_differences_within_noise_are_no_warning(tmp_path: Path) -> None:
    assert boundary(tmp_path, slope=-0.01) is None


def test_too_few_pairs_are_no_warning(tmp_path: Path) -> None:
    assert boundary(tmp_path, slope=-1.0, seeds=2) is None


def test_a_best_value_within_the_range_is_no_warning(tmp_path: Path) -> None:
    trials = table_of(
        lambda learning_rate: abs(learning_rate - 2.0), seeds=20, learning_rate=[1, 2, 3]
    )
    assert not any("boundary" in name for name in findings_of(trials, tmp_path))


def test_what_is_off_has_nothing_beyond(tmp_path: Path) -> None:
    trials = table_of(lambda weight_decay: weight_decay, seeds=20, weight_decay=[0.0, 0.1, 0.2])
    assert not any("boundary" in name for name in findings_of(trials, tmp_path))


def test_a_value_beyond_which_none_is_valid_is_no_warning(tmp_path: Path) -> None:
    recorded(tmp_path, grid={"input_dropout": [0.5, 0.7, 0.9]})
    trials = table_of(lambda input_dropout: -input_dropout, seeds=20, input_dropout=[0.5, 0.7, 0.9])
    assert not any("boundary" in name for name in findings_of(trials, tmp_path))
    assert widened(ResultsDir(tmp_path), "input_dropout", [0.5, 0.7, 0.9], up=True) is None


@pytest.mark.parametrize(
    ("written", "up", "wider"),
    [
        ([1, 2, 3], True, [1, 2, 3, 4]),
        ([3, 2, 1], True, [4, 3, 2, 1]),
        ([0.3, 0.2], False, [0.3, 0.2, 0.1]),
        ({"log": {"from": 0.001, "to": 0.1, "count": 3}}, True, [1.0, 4]),
        ({"linear": {"from": 0.2, "to": 0.4, "count": 3}}, True, [0.5, 4]),
    ],
)
def test_values_are_continued_as_the_file_writes_them(
    tmp_path: Path, written: Any, up: bool, wider: list[float]
) -> None:
    directory = recorded(tmp_path, grid={"learning_rate": written})
    if isinstance(written, dict):
        (scale,) = written
        ends = [written[scale]["from"], written[scale]["to"]]
        (place,) = widened(directory, "learning_rate", ends, up=up) or []
        assert [place.wider[scale]["to"], place.wider[scale]["count"]] == pytest.approx(wider)
    else:
        (place,) = widened(directory, "learning_rate", sorted(written), up=up) or []
        assert place.wider == pytest.approx(wider)
    assert place.key == "grid.learning_rate"


def test_options_are_found_under_what_they_are_options_of(tmp_path: Path) -> None:
    grid = [{"initialiser": [{"name": "uniform", "constant": [1, 2]}, "xavier_normal"]}]
    directory = recorded(tmp_path, grid=grid)
    (place,) = widened(directory, "initialiser_constant", [1.0, 2.0], up=True) or []
    assert place.key == "grid.0.initialiser.0.constant"
    assert place.wider == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "up", "expected"),
    [
        ([1, 2, 3], True, 4),
        ([1, 2, 4], True, 8),
        ([1, 10], True, 100),
        ([0.1, 0.3, 1], False, 0.0333),
    ],
)
def test_steps_are_even_or_proportional(values: list[float], up: bool, expected: float) -> None:
    assert continued(values, up=up) == pytest.approx(expected)


def test_a_search_whose_best_settings_crowd_at_an_end_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rates = (10 ** rng.uniform(-4, -1, 200)).tolist()
    trials = table_of(lambda learning_rate: -learning_rate, seeds=1, learning_rate=rates)
    recorded(
        tmp_path,
        grid={"learning_rate": {"from": 1e-4, "to": 0.1, "log": True}},
        search={"name": "sobol", "budget": 64},
    )
    found = findings_of(trials, tmp_path)["boundary-learning_rate"]
    assert "have learning_rate in the upper tenth of what was drawn" in found.text
    assert found.lines.startswith("learning_rate: {from: 0.0001, to: 1, log: true}")


def test_a_search_that_drew_mostly_one_end_tells_nothing_by_that(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    results = [
        make_result(
            learning_rate=1.0 if n % 5 < 3 else 0.001 * (n + 1),
            initialiser_constant=0.01 * (n + 1),
            outcome={"final_loss": float(rng.random())},
        )
        for n in range(200)
    ]
    trials = table_set_of(results, "study").trials.to_pandas().assign(false_convergence=False)
    assert "boundary-learning_rate" not in findings_of(trials, tmp_path)
