"""How many samples, how noisy and on which scale: axes of every data set, applied to training."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sweep
from sweep.datasets import Data, DatasetError, DatasetSpec, load_data, make_data
from sweep.datasets.variations import add_noise, choose_samples
from sweep.errors import ConfigError
from tests.sweepfiles import faults_of, small, trials_of, values_of

TEN = make_data("ten", np.arange(10.0).reshape(10, 1))
UNIFORM = (("features", 4), ("samples", 50))
FLAT = {"name": "uniform", "samples": 50, "features": 4}


def rows(data: Data) -> list[float]:
    return data.inputs[:, 0].tolist()


def test_the_choice_never_changes() -> None:
    chosen = choose_samples(TEN, 4, seed=0)
    assert rows(chosen) == [1, 2, 6, 7]
    assert chosen.name == "ten-train-4"
    assert chosen.fingerprint == "133b82c1b9a8ae7e"
    assert rows(choose_samples(TEN, 4, seed=7)) != rows(chosen)
    assert rows(choose_samples(TEN, 10, seed=3)) == rows(TEN)


@given(samples=st.integers(1, 100), seed=st.integers(0, 2**63 - 1), drawn=st.data())
def test_a_larger_choice_holds_a_smaller_one(samples: int, seed: int, drawn: st.DataObject) -> None:
    data = make_data("rows", np.arange(float(samples)).reshape(-1, 1))
    count = drawn.draw(st.integers(1, samples))
    fewer = drawn.draw(st.integers(1, count))
    chosen = rows(choose_samples(data, count, seed=seed))
    assert len(chosen) == count
    assert chosen == sorted(chosen)
    assert set(rows(choose_samples(data, fewer, seed=seed))) <= set(chosen)


def test_what_is_held_out_is_the_same_for_any_number_of_samples_and_noise() -> None:
    whole = load_data(DatasetSpec("uniform", UNIFORM, validation=0.2, split_seed=3))
    varied = [
        load_data(DatasetSpec("uniform", UNIFORM, 0.2, 3, train_samples=count, noise=noise))
        for count in (1, 40)
        for noise in (0.0, 0.1)
    ]
    assert whole.validation_inputs is not None
    for data in varied:
        assert data.validation_inputs is not None
        assert np.array_equal(data.validation_inputs, whole.validation_inputs)
    assert {tuple(row) for row in varied[2].inputs} == {tuple(row) for row in whole.inputs}


def test_the_noise_of_a_sample_is_the_same_whichever_are_chosen_with_it() -> None:
    few, many = (
        load_data(DatasetSpec("uniform", UNIFORM, noise=0.1, train_samples=count))
        for count in (5, 30)
    )
    assert {tuple(row) for row in few.inputs} < {tuple(row) for row in many.inputs}


def test_noise_never_changes_and_has_its_deviation() -> None:
    data = make_data("zeros", np.zeros((3000, 20)))
    noisy = add_noise(data, 0.5, seed=0)
    assert noisy.name == "zeros-noise-0.5"
    assert noisy.fingerprint == "4a5ab6def0c185cb"
    assert noisy.inputs.std() == pytest.approx(0.5, rel=0.02)
    assert noisy.inputs.mean() == pytest.approx(0.0, abs=0.01)
    assert noisy.distinct == 3000
    assert not np.array_equal(add_noise(data, 0.5, seed=1).inputs, noisy.inputs)


def test_samples_that_are_their_own_targets_stay_so_and_others_have_noise_of_their_own() -> None:
    plain = add_noise(TEN, 0.1, seed=0)
    assert plain.targets is plain.inputs
    paired = add_noise(make_data("pairs", TEN.inputs, -TEN.inputs), 0.1, seed=0)
    assert np.array_equal(paired.inputs, plain.inputs)
    noise = paired.targets + TEN.inputs
    assert 0 < np.abs(noise).max() < 1
    assert not np.array_equal(noise, paired.inputs - TEN.inputs)
    chosen = choose_samples(paired, 4, seed=0)
    assert len(chosen.targets) == 4


def test_scaling_goes_by_the_samples_chosen_with_their_noise() -> None:
    spec = DatasetSpec("uniform", UNIFORM, 0.2, 0, "standard", train_samples=20, noise=0.3)
    data = load_data(spec)
    assert np.allclose(data.inputs.mean(axis=0), 0.0)
    assert np.allclose(data.inputs.std(axis=0), 1.0)
    assert data.name == "uniform-50x4-0-held-out-0.2-noise-0.3-train-20-standard"


def test_they_are_axes_and_columns() -> None:
    source = {**FLAT, "train_samples": [10, 20], "noise": [0, 0.5], "scale": ["none", "unit"]}
    trials = trials_of(dataset=source, fixed={"topology": "4-2-4"})
    assert len({trial.trial_id for trial in trials}) == 8
    found = {(t.dataset_train_samples, t.dataset_noise, t.dataset_scale) for t in trials}
    assert found == {(n, d, s) for n in (10, 20) for d in (0.0, 0.5) for s in ("none", "unit")}


def test_seeds_count_only_where_something_is_drawn() -> None:
    seeds = {"split_seed": [0, 1]}
    assert values_of("dataset", dataset={**FLAT, **seeds}) == ["uniform-50x4-0"]
    assert values_of("dataset_split_seed", dataset={**FLAT, **seeds}) == [None]
    noisy = {**FLAT, **seeds, "noise": 1}
    assert set(values_of("dataset", dataset=noisy)) == {"uniform-50x4-0-noise-1"}
    assert values_of("dataset_split_seed", dataset=noisy) == [0, 1]
    assert len(set(values_of("data_fingerprint", dataset=noisy))) == 2


def test_neutral_values_are_the_trials_that_they_were() -> None:
    (plain,) = trials_of(dataset=FLAT)
    (neutral,) = trials_of(dataset={**FLAT, "noise": 0, "scale": "none", "split_seed": 5})
    (all_of_them,) = trials_of(dataset={**FLAT, "train_samples": 50})
    assert plain.trial_id == neutral.trial_id == all_of_them.trial_id


def test_they_can_be_excluded_by_their_values() -> None:
    grid = {
        "dataset": [{**FLAT, "train_samples": [10, 20], "noise": [0, 0.5]}],
        "exclude": [{"dataset.train_samples": 10, "dataset.noise": 0.5}],
    }
    assert len(trials_of(grid=grid)) == 3


def test_more_samples_than_there_are_is_a_fault_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"have 11 samples to train on.*got 10\)"):
        choose_samples(TEN, 11, seed=0)
    file = tmp_path / "many.yaml"
    file.write_text(
        "name: many\ndataset:\n  name: digits\n  validation: 0.2\n  train_samples: [100, 1500]\n"
        "fixed: {topology: 64-2-64, activation: tanh, output_activation: sigmoid,\n"
        "  initialiser: xavier_uniform, loss: mean_squared_error, optimizer: adam,"
        " learning_rate: 0.01}\nconvergence: {max_epochs: 1}\n"
    )
    with pytest.raises(ConfigError) as caught:
        sweep.run(file, output=tmp_path / "out", use_ray=False)
    (fault,) = caught.value.faults
    assert fault.where.endswith("many.yaml:2")
    assert fault.key == "dataset"
    assert fault.must == "have 1,500 samples to train on, for train_samples"
    assert fault.got == "1,438 beside 359 held out"


@pytest.mark.parametrize(
    ("key", "value", "must"),
    [("train_samples", 0, "be >= 1"), ("noise", -1, "be >= 0"), ("noise", float("nan"), "be")],
)
def test_impossible_values_are_faults(key: str, value: float, must: str) -> None:
    (fault,) = faults_of(small(dataset={**FLAT, key: value}))
    assert fault.key == f"dataset.{key}"
    assert fault.must.startswith(must)


@pytest.mark.slow
def test_results_can_be_filtered_by_them(tmp_path: Path) -> None:
    config = small(dataset={**FLAT, "validation": 0.2, "train_samples": [5, 40]})
    config["convergence"] = {"max_epochs": 3}
    sweep.run(config, output=tmp_path, use_ray=False)
    trials = sweep.read_trials(tmp_path, columns="all")
    assert sorted(trials["dataset_train_samples"]) == [5, 40]
    assert set(trials["dataset_noise"]) == {0.0}
    assert trials["validation_loss"].nunique() == 2


def test_a_choice_that_leaves_one_sample_to_a_batch_meets_no_batch_normalisation() -> None:
    source = {**FLAT, "train_samples": [40, 41]}
    fixed = {"topology": "4-2-4", "normalisation": "batch", "batch_size": 8}
    (fault,) = faults_of(small(dataset=source, fixed=fixed))
    assert fault.key == "fixed.normalisation"
    assert fault.must == "meet batches of two samples or more, the last included"
    assert fault.got == "batch_size 8 of 41 samples"
