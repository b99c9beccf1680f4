"""Claims: what a notebook does with sweep works as documented; what does not is told in words."""

import pydoc
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

import sweep
from sweep.errors import ConfigError, StoreError
from sweep.nets.autoencoder import Autoencoder
from sweep.running.options import RunSummary
from tests.cluster_sweeps import small_sweep
from tests.trials import make_trial

PAGE = Path(__file__).parents[1] / "docs/python.md"
SHORT = {"convergence": {"epochs": 3}}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def run(**blocks: Any) -> RunSummary:
    return sweep.run(small_sweep(**SHORT | blocks), use_ray=False)


@pytest.mark.slow
def test_the_page_for_notebooks_runs_as_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mine", raising=False)  # another test's module of that name
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "notebook"}
    for block in blocks:
        try:
            exec(compile(block, str(PAGE), "exec"), names)
        except AssertionError as error:
            raise AssertionError(names.get("summary")) from error
        finally:
            pyplot.close("all")
    assert len(blocks) == 6
    assert "(0): Dense(8 -> 3, bias=True)" in capsys.readouterr().out
    made = sorted(path.name for path in Path("results").iterdir())
    assert made == ["arrays", "bent", "frames", "later", "made", "notebook"]


def test_help_lists_every_function() -> None:
    shown = pydoc.plain(pydoc.render_doc(sweep))
    assert set(sweep.__all__) <= set(dir(sweep))
    assert [
        name for name in sweep.__all__ if not re.search(rf"\n    (class )?{name}\(", shown)
    ] == []


def test_a_fault_is_raised_without_what_raised_it() -> None:
    with pytest.raises(ConfigError) as caught:
        run(fixed={"activation": "rleu"})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_array_is_the_same_data_as_its_rows_and_is_written_once() -> None:
    rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.5]]
    assert run(dataset=np.array(rows)).trained == 4
    assert run(dataset=np.array(rows, np.float32)).skipped == 4
    assert run(dataset={"name": "vectors", "values": rows}).skipped == 4
    (file,) = Path("results/small/data").iterdir()
    np.testing.assert_array_equal(np.load(file), rows)
    assert run(dataset=[np.array(rows), np.eye(4)]).trained == 4


def test_nothing_is_written_for_arrays_of_a_sweep_that_is_wrong_or_not_the_folders_own() -> None:
    with pytest.raises(ConfigError, match="topology must begin with 3 and end with 3"):
        run(dataset=np.eye(3))
    assert not Path("results").exists()
    Path("results/small").mkdir(parents=True)
    Path("results/small/cat.jpg").touch()
    with pytest.raises(StoreError, match="must be empty or hold results"):
        run(dataset=np.eye(4))
    assert [path.name for path in Path("results/small").iterdir()] == ["cat.jpg"]


def test_arrays_lie_with_the_results_also_where_an_override_names_them() -> None:
    sweep.run(small_sweep(**SHORT, dataset=np.eye(4)), ["name=other"], use_ray=False)
    assert sorted(path.name for path in Path("results").iterdir()) == ["other"]


def test_every_wrong_option_is_told_with_what_must_hold() -> None:
    with pytest.raises(ConfigError) as caught:
        sweep.run(small_sweep(), "grid.seed=1", engine="fast", workers=0, use_ray="no", output=3)
    assert [str(fault) for fault in caught.value.faults] == [
        "sweep.run: output must be a path or a URI (got 3)",
        "sweep.run: engine must be one of auto, fused, torch, reference (got 'fast'; did you mean "
        "'auto'?)",
        "sweep.run: workers must be >= 1 (got 0)",
        "sweep.run: use_ray must be true or false (got 'no')",
        "sweep.run: overrides must be a list of texts such as 'grid.learning_rate=0.1' (got "
        "'grid.seed=1')",
    ]


def test_options_may_be_numbers_of_numpy() -> None:
    summary = sweep.run(small_sweep(**SHORT), [], workers=np.int64(1), use_ray=False)
    assert summary.trained == 4


def test_the_sweep_kept_beside_the_results_finds_the_array(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.eye(4), columns=list("abcd"))
    run(dataset={"name": "table", "path": frame, "scale": "unit"})
    assert sweep.run(tmp_path / "results/small/sweep.yaml", use_ray=False).skipped == 4


@pytest.mark.parametrize("array", [np.zeros(3), np.array([["a", "b"]]), np.zeros((2, 2, 2))])
def test_an_array_that_is_no_matrix_of_numbers_is_refused(array: np.ndarray) -> None:
    with pytest.raises(StoreError, match="dataset must be a matrix of numbers"):
        run(dataset=array)
    assert not Path("results").exists()


def test_arrays_are_refused_where_results_lie_in_object_storage() -> None:
    with pytest.raises(StoreError, match="must be on a disk to keep arrays"):
        sweep.run(small_sweep(dataset=np.eye(4)), output="s3://bucket/results?region=us-east-1")


def test_a_function_of_the_session_is_refused_with_what_to_do() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def mine(x):\n    return x", names)
    tree = small_sweep()
    tree["fixed"] |= {"activation": names["mine"], "output_activation": lambda x: x}
    with pytest.raises(ConfigError) as caught:
        sweep.run(tree)
    first, second = map(str, caught.value.faults)
    assert first == (
        "sweep: fixed.activation must be a function that workers can import (got mine of this "
        "session; write it to a file beside the notebook, `%%writefile mine.py`, and name it "
        "'mine:mine')"
    )
    assert "fixed.output_activation must be a function that workers can import" in second


def test_results_of_another_sweep_are_added_to_only_when_asked_for() -> None:
    run()
    other = small_sweep(name="other", convergence={"epochs": 4})
    with pytest.raises(StoreError, match=r"must hold results of sweep 'other' \(got those of 'sm"):
        sweep.run(other, output="results/small", use_ray=False)
    assert sweep.run(other, output="results/small", use_ray=False, merge=True).trained == 4
    assert sweep.run(other, output="results/small", use_ray=False).skipped == 4
    assert run().skipped == 4


def test_a_folder_of_other_files_is_refused_and_left_as_it_is() -> None:
    Path("photos").mkdir()
    Path("photos/cat.jpg").touch()
    with pytest.raises(StoreError, match=r"photos: must be empty or hold results .*got cat.jpg"):
        sweep.run(small_sweep(), output="photos", use_ray=False)
    assert [path.name for path in Path("photos").iterdir()] == ["cat.jpg"]


def test_a_folder_of_other_files_with_a_folder_of_trials_is_refused_too() -> None:
    Path("lab/trials").mkdir(parents=True)
    Path("lab/thesis.odt").touch()
    with pytest.raises(StoreError, match=r"lab: must be empty or hold results .*got thesis.odt"):
        sweep.run(small_sweep(), output="lab", use_ray=False)
    assert sorted(path.name for path in Path("lab").rglob("*")) == ["thesis.odt", "trials"]


def test_a_network_shows_its_widths_activations_and_biases() -> None:
    trial = make_trial(topology=(4, 3, 2, 3, 4), tied_weights=True, activation="tanh")
    lines = repr(Autoencoder(trial)).splitlines()
    assert [line.strip() for line in lines[1:7]] == [
        "4-3-2-3-4, hidden tanh, output sigmoid, float64",
        "(layers): ModuleList(",
        "(0): Dense(4 -> 3, bias=True)",
        "(1): Dense(3 -> 2, bias=True)",
        "(2): Dense(2 -> 3, bias=True, tied)",
        "(3): Dense(3 -> 4, bias=True, tied)",
    ]
