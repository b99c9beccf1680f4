"""`sweep codes` prints codes as the study does, from the table or from the weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import sweep
from sweep.cli.main import main
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.studies.codes.hidden_codes import published_names, read_published
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

KEPT = np.array([[0.9, 0.4], [0.1, 0.6], [0.05, 0.99], [0.8, 0.1]])


def codes_table(activations: np.ndarray, layer: int = 1) -> dict[str, dict[str, np.ndarray]]:
    """Return the rows of one layer, long."""
    sample, unit = (index.ravel() for index in np.indices(activations.shape))
    layers = np.full(activations.size, layer)
    values = activations.ravel()
    return {"codes": {"layer": layers, "sample": sample, "unit": unit, "activation": values}}


ONE = make_result(seed=1, details=codes_table(KEPT))
TURNED = make_result(seed=2, details=codes_table(1 - KEPT[:, ::-1]))
NARROW = make_result(seed=3, details=codes_table(KEPT[:, :1]))
OTHER_DATA = make_result(seed=4, data_fingerprint="f" * 16, details=codes_table(KEPT))
LINEAR = make_result(seed=5, activation="relu", details=codes_table(10 * KEPT))
NO_HIDDEN = make_result(seed=6, topology=(4, 4))
RESULTS = [ONE, TURNED, NARROW, OTHER_DATA, LINEAR]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with results that kept their codes."""
    monkeypatch.chdir(tmp_path)
    with Writer(ResultsDir(tmp_path / "results" / "study")) as writer:
        writer.append(encode(RESULTS, "study"))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["codes", *arguments])


def test_kept_codes_are_printed_in_canonical_order(here: Path) -> None:
    result = call(ONE.trial.trial_id)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{ONE.trial.trial_id}  4-2-4  hidden layer 1, kept\n"
        "sample  1-u0  1-u1\n"
        "     0     0   0.5\n"
        "     1     1   0.5\n"
        "     2     1     0\n"
        "     3     0     1\n"
        "\n"
        "injective       yes: 4 codes for 4 samples\n"
        "binary          75% of values within 0.25 of 0 or 1; mean |2v - 1| 0.66\n"
        "effective rank  1.72 of 2\n"
        "duplicate units none\n"
    )


def test_raw_prints_activations_in_the_same_order(here: Path) -> None:
    lines = call(LINEAR.trial.trial_id, "--raw").stdout.splitlines()
    assert lines[1:3] == ["sample      u0      u1", "     0  9.0000  4.0000"]


def test_a_run_with_its_units_turned_and_swapped_is_no_distance_away(here: Path) -> None:
    last = call(ONE.trial.trial_id, "--against", TURNED.trial.trial_id).stdout.splitlines()[-2:]
    assert last[0] == f"against         {TURNED.trial.trial_id}"
    assert last[1].startswith("code distance   0.000 rounded, 0.000 unrounded; 0.")


def test_json_has_the_activations_and_the_order(here: Path) -> None:
    (record,) = json.loads(call(ONE.trial.trial_id, "--json").stdout)
    assert record["activations"] == KEPT.tolist()
    assert record["codes"] == [[0, 0.5], [1, 0.5], [1, 0], [0, 1]]
    assert (record["units"], record["complemented"]) == ([0, 1], [True, True])
    assert (record["injective"], record["duplicates"]) == (True, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layer", "2"], "--layer must be bottleneck, all or 1 to 1 (got '2')"),
        (["--layer", "first"], "--layer must be bottleneck, all or 1 to 1 (got 'first')"),
        (
            ["--against", NARROW.trial.trial_id],
            "--against must have 4 samples by 2 units (got 4 by 1)",
        ),
        (
            ["--against", OTHER_DATA.trial.trial_id],
            "--against must be trained on the data 0123456789abcdef (got ffffffffffffffff)",
        ),
        (
            ["--against", "zhang2017_codes"],
            "--against must be asked of a trial 16-5-16 or 16-4-16 where it is zhang2017_codes "
            "(got '4-2-4')",
        ),
    ],
)
def test_what_cannot_be_shown_is_said(here: Path, arguments: list[str], message: str) -> None:
    result = call(ONE.trial.trial_id, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"sweep codes: {message}\n"


def test_a_network_without_hidden_layers_has_no_codes(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as writer:
        writer.append(encode([NO_HIDDEN], "study"))
    result = call(NO_HIDDEN.trial.trial_id, "--results", str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr == "sweep codes: TRIAL must have a hidden layer (got '4-4')\n"


def test_codes_are_computed_from_weights_and_recorded_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    summary = sweep.run(small_sweep(), ["fixed.topology=4-3-2-4"], use_ray=False)
    row = sweep.read_trials(summary.output, columns="all").iloc[0]
    records = json.loads(call(row["trial_id"], "--layer", "all", "--json").stdout)
    assert [(r["layer"], r["kept"]) for r in records] == [(1, False), (2, False)]
    arrays = [
        p.detach().numpy() for p in sweep.load_model(summary.output, row["trial_id"]).parameters()
    ]
    first = np.tanh(np.eye(4) @ arrays[0].T + arrays[1])
    second = np.tanh(first @ arrays[2].T + arrays[3])
    for record, expected in zip(records, (first, second), strict=True):
        np.testing.assert_allclose(record["activations"], expected, rtol=1e-12)


def test_published_codes_hold_what_the_study_printed() -> None:
    assert "zhang2017_codes" in published_names()
    five = read_published("zhang2017_codes", "16-5-16")
    assert five.codes.shape == (16, 5)
    assert five.codes[10].tolist() == [0.5, 0.5, 1.0, 0.0, 1.0]
    assert five.codes[:, 0].tolist() == five.codes[:, 1].tolist()
    four = read_published("zhang2017_codes", "16-4-16").codes
    assert four[15].tolist() == [0.5, 1.0, 0.0, 0.5]
    assert four[2].tolist() == four[11].tolist()


@pytest.mark.slow
def test_kept_codes_are_shown_without_pytorch(here: Path) -> None:
    command = ["codes", ONE.trial.trial_id]
    code = (
        f"import sys\nfrom sweep.cli.main import main\n"
        f"main({command!r}, standalone_mode=False)\n"
        "print([m for m in ('torch', 'ray', 'matplotlib') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
