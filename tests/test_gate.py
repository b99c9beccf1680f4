"""Claims: identities and bits are what they were, and an older results directory is gone on with.

What was recorded lies in tests/gate; `python -m tests.gate` records it anew, on purpose alone. The
fused engine's digests are those of every x86-64 CPU, whatever its vectors' width: a long test of
tests/test_instruction_sets.py runs these again with each. The reference engine's bits are
PyTorch's and its matrix library's, which may round otherwise on another CPU: where they do, its
weights and losses must lie close to those recorded.
"""

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep import read_codes, read_curves, read_gradients, read_ladder, read_phases
from sweep.result import TrialResult
from tests.gate import (
    BITS,
    CONFIGS,
    IDENTITIES,
    bits_of,
    digest_of_config,
    numbers_of,
    read,
    train,
    trial_of,
    write_images,
)
from tests.gate.results import COMES_TO, RESULTS, endings, extend, go_on

IDENTIFIED: dict[str, Any] = read(IDENTITIES)
TRAINED: dict[str, Any] = read(BITS)["trials"]
FUSED = {name: recorded for name, recorded in TRAINED.items() if "fused" in recorded}
CLOSE = {"float64": 1e-9, "float32": 1e-4}
"""How far a number may be from the one recorded, by the largest beside it."""

Results = Mapping[str, TrialResult]


@pytest.mark.parametrize("name", sorted(IDENTIFIED["configs"]))
def test_the_trials_of_every_sweep_file_keep_their_identities(name, tmp_path):
    write_images(tmp_path)
    found = digest_of_config(CONFIGS / f"{name}.yaml", tmp_path)
    assert found == IDENTIFIED["configs"][name]


def test_every_sweep_file_is_recorded():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(IDENTIFIED["configs"])


def test_trials_from_all_over_the_space_keep_their_identities():
    for recorded in IDENTIFIED["trials"]:
        trial = trial_of(recorded["fields"])
        assert (trial.trial_id, trial.path_id) == (recorded["trial_id"], recorded["path_id"])


def trained(cases: Mapping[str, Any], engine: str) -> Results:
    """Return the results of recorded trials by their names."""
    trials = {name: trial_of(recorded["fields"]) for name, recorded in cases.items()}
    results = train(trials.values(), engine)
    return {name: results[trial.trial_id] for name, trial in trials.items()}


@pytest.fixture(scope="module")
def fused() -> Results:
    return trained(FUSED, "fused")


@pytest.fixture(scope="module")
def reference() -> Results:
    return trained(TRAINED, "reference")


@pytest.mark.parametrize("name", FUSED)
def test_the_fused_engine_gives_the_bits_it_gave(name: str, fused: Results):
    assert bits_of(fused[name]) == FUSED[name]["fused"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_the_reference_engine_gives_what_it_gave(name: str, reference: Results):
    found, recorded = bits_of(reference[name]), TRAINED[name]
    if found == recorded["reference"]:
        return
    for ending in ("stop_reason", "epochs"):
        assert found[ending] == recorded["reference"][ending]
    numbers = numbers_of(reference[name])
    for kind, values in recorded["numbers"].items():
        close = CLOSE[recorded["fields"]["dtype"]] * np.abs(values).max()
        np.testing.assert_allclose(numbers[kind], values, rtol=0, atol=close, err_msg=kind)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results that were recorded: two trials were interrupted, one by SIGKILL."""
    with tarfile.open(RESULTS) as archive:
        archive.extractall(tmp_path / "gate", filter="data")
    return tmp_path / "gate"


def test_older_results_are_read(results: Path):
    assert endings(results) == read(COMES_TO)["held"]
    for table in (read_curves, read_ladder, read_gradients, read_codes, read_phases):
        assert len(table(results))


@pytest.mark.slow
def test_older_results_are_gone_on_with_to_the_bits_of_an_undisturbed_run(results: Path):
    assert go_on(results) == read(COMES_TO)["resumed"]
    assert not list(results.glob("checkpoints/*"))
    assert extend(results) == read(COMES_TO)["extended"]


@pytest.mark.slow
def test_older_results_are_extended_before_what_is_missing_is_trained(results: Path):
    recorded = read(COMES_TO)
    extended = extend(results)
    assert extended["trained"] == recorded["extended"]["trained"]
    new = recorded["extended"]["trials"].keys() - recorded["resumed"]["trials"].keys()
    expected = {name: recorded["extended"]["trials"][name] for name in new}
    assert extended["trials"] == recorded["held"] | expected
