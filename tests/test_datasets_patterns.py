"""Data sets are what their names say, the same everywhere, and read-only."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.config.grids.values import spread
from sweep.config.parameters.data_sets import PluginDataset
from sweep.datasets import DatasetError, DatasetSpec, load_data, one_hot, uniform, vectors
from sweep.datasets.data import freeze, thaw


def test_one_hot_is_the_identity() -> None:
    data = one_hot(3)
    assert data.inputs.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert data.targets is data.inputs
    assert data.one_hot


def test_the_fingerprint_of_sixteen_one_hot_samples_never_changes() -> None:
    assert one_hot(16).fingerprint == "c92950a35028a1e7"


def test_vectors_have_their_own_targets() -> None:
    data = vectors(((1.0, 2.0), (3.0, 4.0)), ((0.0,), (1.0,)))
    assert data.inputs.tolist() == [[1, 2], [3, 4]]
    assert data.targets.tolist() == [[0], [1]]
    assert not data.one_hot


def test_targets_are_part_of_the_fingerprint() -> None:
    rows = ((1.0, 2.0), (3.0, 4.0))
    assert vectors(rows).fingerprint != vectors(rows, ((0.0,), (1.0,))).fingerprint


def test_uniform_vectors_are_named_by_their_bounds_unless_those_are_0_and_1() -> None:
    assert uniform(samples=3, features=2).name == "uniform-3x2-0"
    assert uniform(samples=3, features=2, low=-1.0).name == "uniform-3x2-0-in--1..1"


def test_uniform_vectors_lie_within_their_bounds_and_depend_on_the_seed() -> None:
    data = uniform(samples=500, features=4, low=-1.0, high=3.0, seed=7)
    assert data.inputs.shape == (500, 4)
    assert -1.0 <= data.inputs.min() < -0.9
    assert 2.9 < data.inputs.max() < 3.0
    assert (
        data.fingerprint == uniform(samples=500, features=4, low=-1.0, high=3.0, seed=7).fingerprint
    )
    assert (
        data.fingerprint != uniform(samples=500, features=4, low=-1.0, high=3.0, seed=8).fingerprint
    )


def test_scaling_the_bounds_scales_the_same_draw() -> None:
    narrow = uniform(samples=3, features=2, seed=1)
    wide = uniform(samples=3, features=2, low=0.0, high=2.0, seed=1)
    assert np.array_equal(wide.inputs, 2.0 * narrow.inputs)


def test_a_data_set_is_loaded_once_and_cannot_be_written() -> None:
    spec = DatasetSpec("one-hot", (("size", 4),))
    assert load_data(spec) is load_data(spec)
    assert not load_data(spec).inputs.flags.writeable


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DatasetSpec("one-hto"), "be one of digits, digits-28x28, idx, one-hot, table, uniform"),
        (DatasetSpec("one-hot", (("size", 60_000),)), "at most 20,000,000 numbers"),
        (DatasetSpec("uniform", (("features", 10**9), ("samples", 10**9))), "at most 20,000,000"),
        (DatasetSpec("no_module:f"), "name a function that can be imported"),
        (DatasetSpec("yaml:load"), "be made by its function, which raised TypeError"),
        (DatasetSpec("json:dumps"), "name code of your own, not of Python's standard library"),
        (DatasetSpec("vectors", (("values", ((1.0,), (2.0, 3.0))),)), "all of one length"),
        (DatasetSpec("vectors", (("values", ((float("inf"),),)),)), "finite"),
    ],
)
def test_what_cannot_be_made_is_said(spec: DatasetSpec, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_data(spec)


def test_a_users_function_gets_its_options_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "def rows(table):\n    return [table['first'], [n['x'] for n in table['rest']]]\n"
    (tmp_path / "data_of_nested_options.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    options = {"table": {"rest": [{"x": 3}, {"x": 4}], "first": [1, 2]}}
    source = PluginDataset(name="data_of_nested_options:rows", options=options)
    (columns,) = spread("dataset", source)
    spec = columns["dataset"]
    assert isinstance(spec, DatasetSpec)
    assert load_data(spec).inputs.tolist() == [[1, 2], [3, 4]]


def plan_of(folder: Path, scale: int, *, comment: str = "") -> tuple[DatasetSpec, str]:
    """Write a data set's function anew and return what a plan made now would ask for."""
    code = f"def rows():\n    return [[{scale}.0, 0.0], [0.0, {scale}.0]]\n{comment}"
    (folder / "data_that_is_edited.py").write_text(code)
    (columns,) = spread("dataset", PluginDataset(name="data_that_is_edited:rows"))
    spec = columns["dataset"]
    assert isinstance(spec, DatasetSpec)
    return spec, load_data(spec).fingerprint


def test_an_edited_function_gives_new_data_in_the_same_process(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    first, fingerprint = plan_of(tmp_path, 1)
    edited, other = plan_of(tmp_path, 2)
    assert load_data(edited).inputs.tolist() == [[2, 0], [0, 2]]
    assert other != fingerprint
    assert load_data(edited).name == "data_that_is_edited:rows"
    again, same = plan_of(tmp_path, 1, comment="# what follows the numbers changes no data\n")
    assert same == fingerprint
    assert again != first


def test_a_source_other_than_the_plans_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    planned, _ = plan_of(tmp_path, 3)
    plan_of(tmp_path, 4)
    load_data.cache_clear()
    with pytest.raises(DatasetError, match=r"be made by the source that was planned, digest"):
        load_data(planned)


def test_a_package_that_was_edited_is_refused_until_python_is_started_anew(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "package_of_data").mkdir()
    (tmp_path / "package_of_data" / "rows.py").write_text("def rows():\n    return [[1.0]]\n")
    inside = tmp_path / "package_of_data" / "__init__.py"
    inside.write_text("from .rows import rows\n")
    source = PluginDataset(name="package_of_data:rows")
    (columns,) = spread("dataset", source)
    assert load_data(columns["dataset"]).inputs.tolist() == [[1]]
    inside.write_text("from .rows import rows  # edited\n")
    (columns,) = spread("dataset", source)
    with pytest.raises(DatasetError, match="start Python anew"):
        load_data(columns["dataset"])


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(nested)
def test_thawing_gives_back_what_was_frozen(value: object) -> None:
    frozen = freeze(value)
    hash(frozen)
    assert thaw(frozen) == value


def test_a_users_function_may_give_samples_alone() -> None:
    data = load_data(DatasetSpec("numpy:eye", (("N", 3),)))
    assert data.inputs.tolist() == one_hot(3).inputs.tolist()
