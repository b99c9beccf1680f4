"""Held-out samples: a keyed choice, made once, that no statistic and no old identity sees."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import sweep
from sweep.cli.main import main
from sweep.datasets import Data, DatasetError, DatasetSpec, load_data, make_data
from sweep.datasets.scaling import scaled
from sweep.datasets.splits import hold_out
from sweep.reports.axes import axes_of
from sweep.reports.findings import methods_text, read_subject
from sweep.reports.report import write_report
from sweep.reports.settings import best_settings
from sweep.store.places.layout import ResultsDir
from tests.sweepfiles import faults_of, small, trials_of

TEN = make_data("ten", np.arange(10.0).reshape(10, 1))


def held_out(data: Data) -> list[float]:
    assert data.validation_inputs is not None
    return data.validation_inputs[:, 0].tolist()


def test_without_a_share_nothing_is_held_out() -> None:
    data = load_data(DatasetSpec("one-hot", (("size", 16),)))
    assert data.validation_inputs is None
    assert data.validation_targets is None


def test_the_choice_never_changes() -> None:
    data = hold_out(TEN, 0.3, seed=0)
    assert held_out(data) == [4, 5, 6]
    assert data.inputs[:, 0].tolist() == [0, 1, 2, 3, 7, 8, 9]
    assert data.fingerprint == "97ee40041f2d13ef"
    assert data.name == "ten-held-out-0.3"
    assert held_out(hold_out(TEN, 0.3, seed=7)) == [1, 6, 7]


@given(
    samples=st.integers(2, 200),
    share=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
    seed=st.integers(0, 2**63 - 1),
)
def test_every_sample_is_on_one_side_in_its_order(samples: int, share: float, seed: int) -> None:
    rows = np.arange(float(samples))
    data = make_data("rows", rows.reshape(-1, 1))
    count = round(share * samples)
    if not 0 < count < samples:
        with pytest.raises(DatasetError, match="at least one sample to train on and one"):
            hold_out(data, share, seed=seed)
        return
    split = hold_out(data, share, seed=seed)
    kept, left = split.inputs[:, 0].tolist(), held_out(split)
    assert (kept, left) == (sorted(kept), sorted(left))
    assert sorted(kept + left) == rows.tolist()
    assert len(left) == count


def test_a_larger_share_holds_out_what_a_smaller_one_does() -> None:
    data = make_data("rows", np.arange(50.0).reshape(-1, 1))
    assert set(held_out(hold_out(data, 0.2, seed=3))) < set(held_out(hold_out(data, 0.5, seed=3)))


def test_targets_stay_with_their_samples_and_plain_ones_stay_the_inputs() -> None:
    paired = hold_out(make_data("pairs", TEN.inputs, -TEN.inputs), 0.4, seed=0)
    assert np.array_equal(paired.targets, -paired.inputs)
    assert paired.validation_inputs is not None
    assert paired.validation_targets is not None
    assert np.array_equal(paired.validation_targets, -paired.validation_inputs)
    plain = hold_out(TEN, 0.4, seed=0)
    assert plain.targets is plain.inputs
    assert plain.validation_targets is plain.validation_inputs


def test_held_out_samples_are_part_of_the_fingerprint() -> None:
    split = hold_out(TEN, 0.4, seed=0)
    alone = make_data("rest", split.inputs)
    other = make_data("rest", split.inputs, validation_inputs=TEN.inputs)
    assert len({split.fingerprint, alone.fingerprint, other.fingerprint}) == 3


def test_nothing_in_a_split_can_be_written() -> None:
    split = hold_out(TEN, 0.4, seed=0)
    assert split.validation_inputs is not None
    assert not split.inputs.flags.writeable
    assert not split.validation_inputs.flags.writeable


def test_one_hot_is_said_of_the_samples_trained_on() -> None:
    data = load_data(DatasetSpec("one-hot", (("size", 8),), validation=0.25))
    assert data.inputs.shape == (6, 8)
    assert data.one_hot
    assert data.distinct == 6


def test_scaling_takes_its_statistics_from_the_samples_trained_on() -> None:
    data = make_data("d", [[0.0, 5.0], [4.0, 5.0]], validation_inputs=[[8.0, 6.0]])
    unit, standard = scaled(data, "unit"), scaled(data, "standard")
    assert unit.inputs.tolist() == [[0, 0], [1, 0]]
    assert unit.validation_inputs is not None
    assert unit.validation_inputs.tolist() == [[2, 0]]
    assert unit.name == "d-unit"
    assert standard.inputs.tolist() == [[-1, 0], [1, 0]]
    assert standard.validation_inputs is not None
    assert standard.validation_inputs.tolist() == [[3, 0]]
    assert standard.validation_targets is standard.validation_inputs


def test_targets_are_scaled_by_their_own_columns() -> None:
    data = make_data(
        "d", [[0.0], [2.0]], [[10.0], [30.0]],
        validation_inputs=[[1.0]], validation_targets=[[20.0]],
    )  # fmt: skip
    unit = scaled(data, "unit")
    assert unit.targets.tolist() == [[0], [1]]
    assert unit.validation_targets is not None
    assert unit.validation_targets.tolist() == [[0.5]]


def test_columns_that_float64_cannot_span_are_refused() -> None:
    with pytest.raises(DatasetError, match="span less than"):
        scaled(make_data("d", [[-1.7e308], [1.7e308]]), "unit")


def write_plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (folder / f"{name}.py").write_text(
        "import numpy as np\n"
        "from sweep.datasets import make_data\n\n\n"
        "def plain():\n    return np.eye(4)\n\n\n"
        "def own():\n    return make_data('own', np.eye(4), validation_inputs=np.ones((2, 4)))\n"
    )
    monkeypatch.syspath_prepend(folder)


def test_a_users_function_may_be_split_or_bring_its_own_held_out_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plugin(tmp_path, monkeypatch, "data_with_held_out_samples")
    split = load_data(DatasetSpec("data_with_held_out_samples:plain", validation=0.25))
    assert split.inputs.shape == (3, 4)
    own = DatasetSpec("data_with_held_out_samples:own")
    validation = load_data(own).validation_inputs
    assert validation is not None
    assert validation.tolist() == [[1.0] * 4] * 2
    with pytest.raises(DatasetError, match="no validation share where it comes with held-out"):
        load_data(replace(own, validation=0.25))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"validation_inputs": [[1.0, 2.0]]}, "as wide as the others"),
        ({"validation_targets": [[1.0]]}, "samples where it has held-out targets"),
        ({"validation_inputs": [[1.0]], "validation_targets": [[1.0]]}, "just where it has target"),
        ({"validation_inputs": [[np.nan]]}, "held-out samples that are finite"),
    ],
)
def test_held_out_arrays_that_do_not_fit_are_refused(
    arrays: dict[str, list[list[float]]], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        make_data("d", [[1.0], [2.0]], **arrays)


def test_share_and_seed_are_axes_of_every_data_set() -> None:
    source = {"name": "uniform", "samples": 10, "features": 4}
    varied = {**source, "validation": [0, 0.2], "split_seed": [0, 1]}
    trials = trials_of(grid={"dataset": [varied]})
    plain = "uniform-10x4-0"
    held_out = f"{plain}-held-out-0.2"
    found = [(trial.dataset, trial.dataset_split_seed) for trial in trials]
    assert found == [(plain, None), (held_out, 0), (held_out, 1)]
    assert len({trial.trial_id for trial in trials}) == 3


def test_data_say_by_which_seed_they_were_split() -> None:
    spec = DatasetSpec("uniform", (("features", 4), ("samples", 10)), 0.2, split_seed=3)
    names = [load_data(replace(spec, train_samples=n)).name for n in (None, 5)]
    assert names[0].endswith("-held-out-0.2-split-3")
    assert names[1].endswith("-held-out-0.2-train-5-split-3")


@pytest.mark.slow
def test_a_split_repeats_a_setting_as_a_seed_does(tmp_path: Path) -> None:
    source = {"name": "uniform", "samples": 10, "features": 4, "validation": 0.2}
    grid = {"dataset": {**source, "split_seed": [0, 1, 2]}, "learning_rate": [0.1, 0.2]}
    file = {**small(grid=[{**grid, "seed": [0, 1]}]), "name": "crossed"}
    sweep.run(file, output=tmp_path / "crossed", use_ray=False)
    trials = sweep.read_trials(tmp_path / "crossed", columns="all")
    best = best_settings(trials)
    assert best["trials"].tolist() == [6, 6]
    assert sorted(best["learning_rate"]) == [0.1, 0.2]
    assert [axis.name for axis in axes_of(trials)] == ["learning_rate"]
    told = methods_text(read_subject(ResultsDir(tmp_path / "crossed")))
    assert "2 settings with 6 pairs of a seed and a split of the data each" in told
    page = write_report(ResultsDir(tmp_path / "crossed")).read_text("utf-8")
    assert "Trials that differ in their seed and the split of their data alone are a" in page
    assert "do not compare" not in page


def test_data_that_are_not_split_are_the_trials_that_they_were() -> None:
    (plain,) = trials_of(grid={"dataset": ["one-hot"]})
    (unsplit,) = trials_of(grid={"dataset": [{"name": "one-hot", "validation": 0}]})
    assert unsplit.trial_id == plain.trial_id
    (split,) = trials_of(grid={"dataset": [{"name": "one-hot", "validation": 0.25}]})
    assert split.path_id != plain.path_id


def test_a_plan_says_what_is_learned_and_what_is_held_out(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    source = {"name": "one-hot", "validation": [0, 0.25], "split_seed": [0, 1, 2, 3]}
    file.write_text(json.dumps(small(grid={"dataset": [source]})))
    lines = CliRunner().invoke(main, ["plan", str(file)]).stdout.splitlines()
    assert lines[1:6] == [
        "  data        one-hot-4: 4 samples of 4",
        "              one-hot-4-held-out-0.25: 3 samples of 4, 1 held out",
        "              one-hot-4-held-out-0.25-split-1: 3 samples of 4, 1 held out",
        "              one-hot-4-held-out-0.25-split-2: 3 samples of 4, 1 held out",
        "              and 1 more",
    ]
    summary = json.loads(CliRunner().invoke(main, ["plan", str(file), "--json"]).stdout)
    assert summary["datasets"][:2] == ["one-hot-4", "one-hot-4-held-out-0.25"]


def test_a_split_that_leaves_nothing_is_a_fault_of_the_file() -> None:
    (fault,) = faults_of(small(dataset={"name": "one-hot", "validation": 0.1}))
    assert fault.key == "dataset"
    assert "at least one sample to train on and one to hold out, not 4 and 0" in fault.must
    (fault,) = faults_of(small(dataset={"name": "one-hot", "validation": 1.0}))
    assert (fault.key, fault.must) == ("dataset.validation", "be < 1")
