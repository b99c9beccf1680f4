"""Keeps large arrays once a machine, as files that its processes map into their memory.

Sixteen workers would otherwise hold sixteen copies of one data set. Mapped pages are the operating
system's: shared by all who read them, and let go when memory is short. Files are written beside and
renamed; one that cannot be read, or holds other numbers, is made anew; where nothing can be written
arrays stay in memory. Knows arrays by the key that it is given, nothing of data sets.
"""

import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from sweep.scratch import is_ours

LEAST_BYTES = 4 * 2**20  # of an array as float64; a smaller one stays in memory
MOST_BYTES = 8 * 2**30  # of all that is kept
ROOM = 2  # times what is written must be free, so that others are not left without any
MOST_SECONDS = 7 * 86_400  # without use
HALF_MADE = ".making-"
MOST_SECONDS_MAKING = 3_600
ALIGNMENT = 64
UNREADABLE = (OSError, ValueError, EOFError)
ROWS = 4096

Arrays = Mapping[str, np.ndarray]


class _Mapped(np.memmap):
    """An array of a file that was written here, as no other is."""


def is_large(array: np.ndarray) -> bool:
    """Whether an array is worth a file."""
    return array.nbytes >= LEAST_BYTES


def is_mapped(array: object) -> bool:
    """Whether an array is a whole file of ours, which nobody writes to any more."""
    return _file_of(array) is not None


def open_arrays(key: str) -> dict[str, np.ndarray] | None:
    """Return what was kept under `key`, mapped and read-only; None if that is nothing readable."""
    base = _directory(make=False)
    if base is None or not (folder := base / key).is_dir():
        return None
    try:
        os.utime(folder)
        files = [path for path in folder.iterdir() if "-" not in path.stem]
        return {path.stem: _open(path) for path in files}
    except UNREADABLE:
        return None


def keep_arrays(key: str, arrays: Arrays) -> None:
    """Write arrays under `key` in place of what is there, if that can be done.

    Args:
        key: a name for just these numbers.
        arrays: by names without `-`.
    """
    base = _directory(make=True)
    if base is None:
        return
    needed = sum(array.nbytes for array in arrays.values())
    with suppress(OSError):
        _tidy(base, keep=key, needed=needed)
        if not _has_room(base, needed):
            return
        folder = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=base))
        try:
            for name, array in arrays.items():
                np.save(folder / f"{name}.npy", array)
            shutil.rmtree(base / key, ignore_errors=True)  # who has it mapped keeps it
            folder.rename(base / key)  # fails where another process was first, which is as good
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def let_go(array: np.ndarray) -> None:
    """Take a mapped array's pages out of this process; they come back when they are read."""
    if _file_of(array) is not None and hasattr(mmap, "MADV_DONTNEED"):
        assert isinstance(array.base, _Mapped)
        array.base._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def cast(array: np.ndarray, dtype: str) -> np.ndarray:
    """Return an array in another dtype, read-only, C-contiguous and aligned to 64 bytes.

    Of a mapped array it is a file too, beside that of the array.
    """
    path = _file_of(array)
    if array.dtype == dtype and _is_aligned(array):
        return array
    if path is None:
        return _cast_in_memory(array, dtype)
    beside = path.with_name(f"{path.stem}-{dtype}.npy")
    found = _open_cast(beside, array, dtype)
    if found is None:
        with suppress(OSError):
            _write_cast(beside, array, dtype)
            found = _open_cast(beside, array, dtype)
    let_go(array)
    return _cast_in_memory(array, dtype) if found is None else found


def _cast_in_memory(array: np.ndarray, dtype: str) -> np.ndarray:
    size = array.size * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    result = memory[start : start + size].view(dtype).reshape(array.shape)
    result[...] = array
    result.flags.writeable = False
    return result


def _is_aligned(array: np.ndarray) -> bool:
    flags = array.flags
    return flags.c_contiguous and not flags.writeable and array.ctypes.data % ALIGNMENT == 0


def _write_cast(path: Path, array: np.ndarray, dtype: str) -> None:
    """Write a cast of an array, block by block.

    Raises:
        OSError: it cannot be written, or there is no room.
    """
    size = array.size * np.dtype(dtype).itemsize
    if not _has_room(path.parent, size):
        raise OSError(f"no room for {size} bytes in {path.parent}")
    made = path.with_name(f"{HALF_MADE}{os.getpid()}-{path.name}")
    try:
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": array.shape}
        with made.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for block in blocks(array):
                block.astype(dtype).tofile(file)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def _open_cast(path: Path, array: np.ndarray, dtype: str) -> np.ndarray | None:
    """Return a cast of `array` from a file; None where there is none, or another's."""
    try:
        found = _open(path)
    except UNREADABLE:
        return None
    if found.shape != array.shape or found.dtype != dtype:
        return None
    pairs = zip(blocks(found), blocks(array), strict=True)
    same = all(np.array_equal(ours, block.astype(dtype)) for ours, block in pairs)
    let_go(found)
    return found if same else None


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield some rows of an array after the other."""
    return (array[start : start + ROWS] for start in range(0, len(array), ROWS))


def _open(path: Path) -> np.ndarray:
    """Map a file, read-only.

    Raises:
        OSError, ValueError, EOFError: it cannot be read, or is not an array in order of rows.
    """
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(mapped, np.memmap) or not mapped.flags.c_contiguous:
        raise ValueError(f"{path} is no array to be mapped")
    return mapped.view(_Mapped).view(np.ndarray)


def _file_of(array: object) -> Path | None:
    """Return the file of ours that an array is the whole of, if it is one."""
    base = array.base if type(array) is np.ndarray else None
    whole = isinstance(base, _Mapped) and base.shape == array.shape  # type: ignore[attr-defined]
    return Path(base.filename) if whole else None  # type: ignore[union-attr]


def _directory(*, make: bool) -> Path | None:
    """Return where files are kept: the first candidate that this user alone can write to.

    They are a folder of `SWEEP_CACHE_DIR`, and one among the temporary files, which are of this
    machine where a home need not be. None where nothing can be written. The latter is there
    once something is kept in it, or with `make`.
    """
    given = os.environ.get("SWEEP_CACHE_DIR")
    shared = Path(tempfile.gettempdir()) / f"sweep-data-{os.getuid()}"
    for base in (*([Path(given) / "data"] if given else []), shared):
        with suppress(OSError):
            if make or base is not shared:
                base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_ours(base) and os.access(base, os.W_OK | os.X_OK):
                return base
    return None


def _has_room(base: Path, needed: int) -> bool:
    return shutil.disk_usage(base).free >= ROOM * needed


def _tidy(base: Path, *, keep: str, needed: int) -> None:
    """Remove what has not been used for long, what was left half made, and the oldest if too much.

    Args:
        base: where files are kept.
        keep: the key of what is about to be written.
        needed: bytes that it will take.
    """
    now, room = time.time(), MOST_BYTES - needed
    used = {
        folder: folder.stat().st_mtime
        for folder in base.iterdir()
        if folder.is_dir() and folder.name != keep
    }
    for folder in sorted(used, key=lambda folder: -used[folder]):
        most = MOST_SECONDS_MAKING if folder.name.startswith(HALF_MADE) else MOST_SECONDS
        room -= sum(file.stat().st_size for file in folder.iterdir())
        if room < 0 or now - used[folder] > most:
            shutil.rmtree(folder, ignore_errors=True)
