"""Large data are held once a machine, in files that its processes map; small ones stay in memory.

Damaged files are made anew, and where nothing can be written data stay in memory.
"""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweep.datasets import Data, DatasetSpec, load_data, make_data, node_files
from sweep.datasets import registry as loading
from sweep.datasets.node_files import is_mapped
from sweep.datasets.splits import hold_out
from sweep.engines.evaluation import tensors
from sweep.engines.factory import load_checked
from sweep.pack import Pack
from sweep.trial import Trial
from tests.trials import make_trial, make_work

LARGE = DatasetSpec("uniform", (("features", 64), ("samples", 12_500)), validation=0.2)
PAIRED = DatasetSpec("tests.test_datasets_memory:pairs")


def pairs() -> Data:
    inputs = np.arange(600_000.0).reshape(-1, 100)
    return make_data(
        "pairs", inputs, -inputs, validation_inputs=inputs[:9], validation_targets=inputs[:9]
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files, with nothing remembered of another."""
    monkeypatch.setenv("SWEEP_CACHE_DIR", str(tmp_path / "cache"))
    forget()
    return tmp_path / "cache" / "data"


def forget() -> None:
    load_data.cache_clear()
    loading._found.cache_clear()


def made(spec: DatasetSpec) -> Data:
    """Return the data in memory, as before it is kept."""
    data = loading._made(spec)
    return hold_out(data, spec.validation, seed=0) if spec.validation else data


def trial_on(data: Data) -> tuple[Pack, Trial]:
    trial = make_trial(dataset=data.name, data_fingerprint=data.fingerprint)
    work = make_work(make_trial())
    return replace(work.pack, datasets=((data.fingerprint, LARGE),)), trial


@pytest.mark.parametrize("spec", [LARGE, PAIRED], ids=["plain", "paired"])
def test_large_data_are_mapped_and_are_the_same_numbers(spec: DatasetSpec, folder: Path) -> None:
    data, before = load_data(spec), made(spec)
    assert is_mapped(data.inputs)
    assert is_mapped(data.targets)
    assert is_mapped(data.validation_inputs)
    assert (data.targets is data.inputs) == (spec is LARGE)
    assert (data.name, data.fingerprint) == (before.name, before.fingerprint)
    assert np.array_equal(data.targets, before.targets)
    assert data.inputs.dtype == np.float64
    assert not data.inputs.flags.writeable
    assert data.fingerprint in {path.name for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_small_data_stay_in_memory(folder: Path) -> None:
    data = load_data(DatasetSpec("one-hot", (("size", 16),)))
    data.in_dtype("float32")
    assert not is_mapped(data.inputs)
    assert not folder.exists()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spec", [LARGE, PAIRED, DatasetSpec("one-hot", (("size", 5),))])
def test_data_are_cast_once_and_ready_for_any_engine(spec: DatasetSpec, dtype: str) -> None:
    data = load_data(spec)
    inputs, targets = data.in_dtype(dtype)
    assert inputs.dtype == targets.dtype == dtype
    assert np.array_equal(inputs, data.inputs.astype(dtype))
    assert np.array_equal(targets, data.targets.astype(dtype))
    assert data.in_dtype(dtype)[0] is inputs
    assert (targets is inputs) == (data.targets is data.inputs)
    for array in (inputs, targets):
        assert type(array) is np.ndarray
        assert array.flags.c_contiguous
        assert not array.flags.writeable
        assert array.ctypes.data % 64 == 0
        assert is_mapped(array) == is_mapped(data.inputs)
    held_out = data.held_out_in_dtype(dtype)
    assert (held_out is None) == (data.validation_inputs is None)
    if held_out is not None:
        assert np.array_equal(held_out[0], np.asarray(data.validation_inputs, dtype))


def test_tensors_share_the_memory_of_the_data() -> None:
    data = load_data(LARGE)
    inputs, targets = tensors(data, make_trial(dtype="float32"))
    assert inputs.data_ptr() == targets.data_ptr() == data.in_dtype("float32")[0].ctypes.data


def test_another_process_takes_the_files_and_makes_nothing(folder: Path) -> None:
    data = load_data(LARGE)
    data.in_dtype("float32")
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    code = (
        "from sweep.datasets.registry import find_data\n"
        f"data = find_data({data.fingerprint!r}, 'there')\n"
        "private = lambda: sum(int(line.split()[1]) for line in open('/proc/self/smaps_rollup')"
        " if line.startswith('Anonymous:'))\n"
        "before = private()\n"
        "inputs, _ = data.in_dtype('float32')\n"
        "print(data.name, inputs.shape, inputs.sum() > 0, private() - before < 1500)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.split("\n")[0] == "there (10000, 64) True True"
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*")} == written


def test_a_worker_takes_the_plans_numbers_from_the_files(folder: Path) -> None:
    pack, trial = trial_on(load_data(LARGE))
    forget()
    gone = replace(pack, datasets=((trial.data_fingerprint, DatasetSpec("no_module:f")),))
    data = load_checked(gone, trial)
    assert (data.fingerprint, data.name) == (trial.data_fingerprint, trial.dataset)
    assert load_checked(gone, trial) is data


@pytest.mark.parametrize("damage", ["values", "length", "missing", "no array", "nothing", "pickle"])
def test_damaged_files_are_made_anew(damage: str, folder: Path) -> None:
    first = load_data(LARGE)
    first.in_dtype("float32")
    numbers = first.inputs.copy()
    for path in sorted(folder.glob("*/*")):
        content = path.read_bytes()
        path.unlink()  # who has it mapped keeps what was there
        if damage == "values":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif damage == "length":
            path.write_bytes(content[:-8])
        elif damage == "no array":
            path.write_bytes(b"nothing of the kind")
        elif damage == "nothing":
            path.touch()
        elif damage == "pickle":
            np.save(path, np.array([{}]), allow_pickle=True)
    forget()
    again = load_data(LARGE)
    assert is_mapped(again.inputs)
    assert np.array_equal(again.inputs, numbers)
    cast, _ = again.in_dtype("float32")
    assert is_mapped(cast)
    assert np.array_equal(cast, numbers.astype(np.float32))


def test_a_damaged_cast_alone_is_made_anew(folder: Path) -> None:
    load_data(LARGE).in_dtype("float32")
    (path,) = folder.glob("*/inputs-float32.npy")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 64]))
    forget()
    data = load_data(LARGE)
    assert np.array_equal(data.in_dtype("float32")[0], data.inputs.astype(np.float32))
    assert path.read_bytes() == content


def test_without_a_place_to_write_data_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWEEP_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    data = load_data(LARGE)
    assert not is_mapped(data.inputs)
    inputs, _ = data.in_dtype("float32")
    assert np.array_equal(inputs, data.inputs.astype(np.float32))


def test_a_full_disk_leaves_data_in_memory(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(node_files, "ROOM", 2**60)
    data = load_data(LARGE)
    assert not is_mapped(data.inputs)
    assert list(folder.iterdir()) == []


def test_a_folder_that_others_can_write_to_is_not_used(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    load_data(LARGE)
    assert list(folder.iterdir()) == []


def test_what_was_not_used_for_long_and_what_is_half_made_goes(folder: Path) -> None:
    old, recent, left, making = (folder / n for n in ("0" * 16, "1" * 16, ".making-a", ".making-b"))
    for path, days in ((old, 8), (recent, 6), (left, 1), (making, 0)):
        path.mkdir(parents=True)
        os.utime(path, (time.time() - days * 86_400,) * 2)
    folder.chmod(0o700)
    data = load_data(replace(LARGE, validation=0.0))
    names = {path.name for path in folder.iterdir()}
    assert names == {recent.name, making.name, data.fingerprint}


def test_what_was_used_longest_ago_goes_when_there_is_too_much(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_files, "MOST_BYTES", 12_000_000)
    kept = []
    for seed in range(3):
        options = (("features", 64), ("samples", 10_000), ("seed", seed))
        kept.append(load_data(DatasetSpec("uniform", options)).fingerprint)
        os.utime(folder / kept[-1], (time.time() - 3600 + seed,) * 2)
    assert {path.name for path in folder.iterdir()} == set(kept[1:])
