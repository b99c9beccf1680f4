"""Claims: compiled kernels are kept where they can be, and nothing breaks where they cannot."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import types

from sweep.kernel.compilation import cache_directory, compiling, telling_of_compilation
from sweep.kernel.pointers import Pointed
from sweep.kernel.shared import shared_folders


def double(values: Any, count: int) -> None:
    for i in range(count):
        values[i] *= 2.0


def made(tag: str = "float64") -> Pointed:
    kinds = [types.CPointer(types.float64), types.int64]
    return Pointed(double, kinds, tag=tag, sources=())


def doubled_by(function: Pointed) -> list[float]:
    values = np.array([1.0, 2.5])
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(function.address)
    call(values.ctypes.data, len(values))
    return values.tolist()


def times_told(tag: str = "float64") -> int:
    """Return how often a function was compiled, not loaded."""
    told: list[None] = []
    with telling_of_compilation(lambda: told.append(None)):
        assert doubled_by(made(tag)) == [2.0, 5.0]
    return len(told)


@pytest.fixture
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the home a file, so that nothing can be written there, and return an empty directory."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("SWEEP_CACHE_DIR", raising=False)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    cache_directory.cache_clear()
    yield tmp_path / "temporary"
    cache_directory.cache_clear()


def test_what_is_compiled_is_loaded_the_next_time(
    no_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWEEP_CACHE_DIR", str(tmp_path / "kernels"))
    assert [times_told(), times_told()] == [1, 0]
    assert list((tmp_path / "kernels").glob("*/double-float64/*.nbc"))


def test_temporary_files_serve_where_the_home_cannot_be_written(no_home: Path) -> None:
    directory = cache_directory(())
    assert directory is not None
    assert directory.is_relative_to(no_home)
    assert doubled_by(made()) == [2.0, 5.0]


def test_nothing_writable_means_compiling_anew(
    no_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert cache_directory(()) is None
    assert doubled_by(made()) == [2.0, 5.0]


def test_compiling_is_told_and_loading_is_not(no_home: Path) -> None:
    assert [times_told(), times_told()] == [1, 0]


def test_compiling_is_told_where_nothing_can_be_kept(
    no_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert [times_told(), times_told()] == [1, 1]


def test_a_torn_file_is_compiled_anew(no_home: Path) -> None:
    doubled_by(made())
    (kept,) = no_home.glob("*/*/double-float64/*.nbc")
    kept.write_bytes(kept.read_bytes()[:100])
    assert times_told() == 1


def test_a_directory_that_others_can_write_is_not_trusted(no_home: Path) -> None:
    directory = cache_directory(())
    assert directory is not None
    directory.parent.chmod(0o777)
    cache_directory.cache_clear()
    assert cache_directory(()) is None


@pytest.fixture
def shared(
    no_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[Path, Path]]:
    """Return a shared folder with a compiled function, and this user's own folder, empty."""
    folder, own = tmp_path / "shared", tmp_path / "own"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("SWEEP_CACHE_DIR", str(folder))
    assert times_told() == 1
    monkeypatch.setenv("SWEEP_CACHE_DIR", str(own))
    monkeypatch.setenv("SWEEP_SHARED_CACHE_DIR", f"{tmp_path / 'none'}{os.pathsep}{folder}")
    cache_directory.cache_clear()
    shared_folders.cache_clear()
    yield folder, own
    shared_folders.cache_clear()


def kept_in(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_shared_machine_code_is_loaded_and_never_written(shared: tuple[Path, Path]) -> None:
    folder, own = shared
    before = kept_in(folder)
    assert times_told() == 0
    assert times_told("of my own") == 1
    assert kept_in(folder) == before
    assert [file.parent.name for file in own.rglob("*.nbc")] == ["double-of my own"]


def test_shared_machine_code_serves_where_nothing_can_be_written(
    shared: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SWEEP_CACHE_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    cache_directory.cache_clear()
    assert cache_directory(()) is None
    assert times_told() == 0


def test_torn_shared_machine_code_is_compiled_and_kept_as_ones_own(
    shared: tuple[Path, Path],
) -> None:
    folder, own = shared
    (kept,) = folder.rglob("*.nbc")
    kept.write_bytes(kept.read_bytes()[:100])
    assert [times_told(), times_told()] == [1, 0]
    assert len(list(own.rglob("*.nbc"))) == 1


SHARED = ["", "*", "*/double-float64", "*/double-float64/*.nbi", "*/double-float64/*.nbc"]


def within(folder: Path, pattern: str) -> Path:
    """Return the one file or folder of a pattern, the folder itself for none."""
    (found,) = folder.glob(pattern) if pattern else [folder]
    return found


@pytest.mark.parametrize("writable", [0o020, 0o002], ids=["group", "others"])
@pytest.mark.parametrize("pattern", SHARED)
def test_machine_code_that_others_can_write_is_not_loaded(
    shared: tuple[Path, Path], pattern: str, writable: int
) -> None:
    path = within(shared[0], pattern)
    path.chmod(path.stat().st_mode | writable)
    assert times_told() == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("pattern", SHARED)
def test_machine_code_of_another_user_is_not_loaded(
    shared: tuple[Path, Path], pattern: str
) -> None:
    os.chown(within(shared[0], pattern), 12_345, -1)
    assert times_told() == 1


def test_a_shared_folder_that_others_can_exchange_is_not_used(
    shared: tuple[Path, Path], tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    assert shared_folders() == ()
    shared_folders.cache_clear()
    tmp_path.chmod(0o1777)  # as /tmp is, where nobody renames what is another's
    assert shared_folders() == (shared[0].resolve(),)


def test_a_link_to_machine_code_is_not_followed(shared: tuple[Path, Path]) -> None:
    (kept,) = shared[0].rglob("*.nbc")
    aside = kept.rename(shared[0] / "aside.nbc")
    kept.symlink_to(aside)
    assert times_told() == 1


HOLD = """
import sys, time
from pathlib import Path
from sweep.kernel.compilation import compiling
with compiling(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_one_process_compiles_and_a_killed_one_leaves_it_to_the_others(tmp_path: Path) -> None:
    place, taken = tmp_path / "part.Name-float32", threading.Event()

    def take() -> None:
        with compiling(place):
            taken.set()

    command = [sys.executable, "-c", HOLD, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waiter = threading.Thread(target=take)
        waiter.start()
        assert not taken.wait(0.5)
        holder.kill()
        waiter.join(30)
    assert taken.is_set()


@pytest.mark.long
def test_a_cold_kernel_is_compiled_by_two_processes_and_kept(tmp_path: Path) -> None:
    """The parts that the process beside compiles are there, though this one asked for none."""
    code = (
        "from sweep.engines.fused.ahead import BESIDE, kernel_of\n"
        "from sweep.engines.fused.parts import is_cached, piece\n"
        "assert not any(is_cached(name, 'float64') for name in BESIDE)\n"
        "kernel_of('float64')\n"
        "import time\n"
        "until = time.monotonic() + 120\n"
        "while not all(is_cached(name, 'float64') for name in BESIDE):\n"
        "    assert time.monotonic() < until\n"
        "    time.sleep(0.1)\n"
    )
    environment = os.environ | {"SWEEP_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=240)
