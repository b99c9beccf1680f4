"""Pictures as data sets, a row of grey levels each."""

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sweep.datasets.arrays import (
    MAX_VALUES,
    DatasetError,
    check_size,
    find_file,
    make_data,
    settled,
)
from sweep.datasets.data import Data
from sweep.datasets.registry import dataset
from sweep.errors import nearest

TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
UNSIGNED_BYTES = 8
WHITE = 255.0
Images = UInt8[np.ndarray, "_ ..."]


@dataset("digits")
def digits(samples: int | None = None) -> Data:
    """Take scikit-learn's 1,797 handwritten digits of 8 × 8 grey levels, from 0 to 1.

    Args:
        samples: how many, the first of them; None for all.
    """
    from sklearn.datasets import load_digits  # takes a second, which other data need not wait

    levels = load_digits().data / 16.0
    kept = _first(levels, samples)
    return make_data(f"digits-{len(kept)}", kept)


@dataset("idx")
def idx(
    path: str, *, key: str | None = None, test: bool = True, samples: int | None = None
) -> Data:
    """Read images of unsigned bytes as MNIST's are kept, from 0 to 1, each as one row.

    http://yann.lecun.com/exdb/mnist has the format: two zero bytes, the type, the rank, and the
    sizes as big-endian 32-bit numbers, then the pixels.

    Args:
        path: an IDX file, a directory of the two that MNIST has, or an .npz; IDX may be gzipped.
        key: which array of an .npz; None for x_train, with x_test as its test part.
        test: whether to hold out the test part, where there is one.
        samples: how many to train on, the first of them; None for all.

    Raises:
        DatasetError: a file is missing, damaged or of another kind.
    """
    place = find_file(path, f"put an IDX file, an .npz or a directory with {TRAIN}[.gz] there")
    if place.suffix == ".npz":
        trained, held_out = _from_npz(place, key, test=test)
        trained = _first(trained, samples)
    else:
        if key is not None:
            raise DatasetError(f"have no key where {place.name} is not an .npz")
        trained, held_out = _from_idx(place, test=test, samples=samples)
    name = f"idx-{place.name.partition('.')[0]}-{len(trained)}"
    if held_out is None:
        return make_data(name, levels(trained))
    name += f"-test-{len(held_out)}"
    return make_data(name, levels(trained), validation_inputs=levels(held_out))


def _first(images: np.ndarray, samples: int | None) -> np.ndarray:
    if samples is not None and samples > len(images):
        raise DatasetError(f"have at most its {len(images):,} samples, not {samples:,}")
    return images[:samples]


def levels(images: Images) -> np.ndarray:
    """Return images of unsigned bytes as rows of numbers from 0 to 1, read-only."""
    check_size(len(images), images[0].size, most=MAX_VALUES)
    return settled(np.divide(images.reshape(len(images), -1), WHITE, dtype=np.float64))


def _from_idx(place: Path, *, test: bool, samples: int | None) -> tuple[Images, Images | None]:
    """Return the images to train on, and those of the test part if there is one."""
    if not place.is_dir():
        return _read_idx(place, samples), None
    trained, held_out = _beside(place, TRAIN), _beside(place, TEST)
    if trained is None:
        raise DatasetError(f"find {TRAIN} or {TRAIN}.gz in {place}: put it there")
    first = _read_idx(trained, samples)
    return first, _read_idx(held_out, None) if test and held_out else None


def _beside(directory: Path, name: str) -> Path | None:
    found = (directory / name, directory / f"{name}.gz")
    return next((path for path in found if path.is_file()), None)


def _read_idx(path: Path, samples: int | None) -> Images:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            count, height, width = _shape(file.read(16), path)
            if samples is not None and samples > count:
                raise DatasetError(f"have at most its {count:,} samples, not {samples:,}")
            count = samples or count
            check_size(count, height * width, most=MAX_VALUES)
            pixels = file.read(count * height * width)
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"be whole: {path} cannot be read ({error})") from error
    if len(pixels) < count * height * width or not pixels:
        got = f"{len(pixels):,} of {count * height * width:,}"
        raise DatasetError(f"be whole: {path} holds {got} pixels")
    return np.frombuffer(pixels, np.uint8).reshape(count, height, width)


def _shape(header: bytes, path: Path) -> tuple[int, int, int]:
    """Return number, height and width of the images that an IDX header announces."""
    magic = header[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DatasetError(f"be IDX: {path} begins with {magic.hex() or 'nothing'}, not 00000803")
    kind, rank = magic[2:]
    if kind != UNSIGNED_BYTES:
        raise DatasetError(f"hold unsigned bytes, IDX type 08: {path} is of type {kind:02x}")
    if rank != 3:
        labels = " (labels, it seems)" if rank == 1 else ""
        raise DatasetError(f"hold images, of rank 3: {path} is of rank {rank}{labels}")
    if len(header) < 16:
        raise DatasetError(f"be whole: {path} ends within its header")
    count, height, width = struct.unpack(">III", header[4:])
    return count, height, width


def _from_npz(path: Path, key: str | None, *, test: bool) -> tuple[Images, Images | None]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            trained = _member(archive, key or "x_train", path)
            beside = key is None and test and "x_test" in archive
            return trained, _member(archive, "x_test", path) if beside else None
    except (OSError, TypeError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DatasetError(f"be an .npz of plain arrays: {path} is not ({error})") from error


def _member(archive: np.lib.npyio.NpzFile, key: str, path: Path) -> Images:
    if key not in archive:
        hint = nearest(key, archive.files)
        held = f"{', '.join(archive.files)}{f'; {hint}' if hint else ''}"
        raise DatasetError(f"find array {key!r} in {path}, which holds {held}")
    array = archive[key]
    if array.dtype != np.uint8 or array.ndim < 2 or array.size == 0:
        got = f"{array.dtype} of shape {array.shape}"
        raise DatasetError(f"hold unsigned bytes of rank 2 or more in {key!r} of {path}", got)
    return array
