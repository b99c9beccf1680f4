"""Looks at images: as MNIST's are kept, or a folder of pictures, which become one file of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from sweep.datasets import digits, idx
from sweep.datasets.arrays import DatasetError
from sweep.datasets.images import TRAIN
from sweep.examples.contents import Contents

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MOST_PICTURES = 10_000
MOST_PIXELS = 32 * 32
SIDE = 28
"""Height and width of pictures that differ in size, or are larger than `MOST_PIXELS`."""
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
Grey = Float64[np.ndarray, "height width"]


def image_contents(path: str | None, packed: Path) -> Contents:
    """Look at images.

    Args:
        path: an IDX file, an .npz, or a folder, as the sweep file shall name it; None for
            scikit-learn's digits.
        packed: the .npz to write, where the folder is one of pictures.

    Raises:
        DatasetError: there are none, or they cannot be read.
    """
    if path is None:
        return _contents("scikit-learn's digits", {"name": "digits"}, digits().inputs)
    place = Path(path)
    plain = place.is_dir() and not any(place.glob(f"{TRAIN}*"))
    if plain:
        pack_pictures(place, packed)
    named = str(packed) if plain else path
    data = idx(named)
    held_out = 0 if data.validation_inputs is None else len(data.validation_inputs)
    title = str(place.name or place)
    return _contents(title, {"name": "idx", "path": named}, data.inputs, test_rows=held_out)


def _contents(
    title: str, dataset: dict[str, object], inputs: np.ndarray, *, test_rows: int = 0
) -> Contents:
    return Contents(
        title=title,
        what=f"{len(inputs):,} images of {inputs.shape[1]:,} grey levels",
        dataset=dataset,
        rows=len(inputs),
        features=inputs.shape[1],
        low=0.0,
        high=1.0,
        levels=3,
        test_rows=test_rows,
        images=True,
    )


def pack_pictures(folder: Path, packed: Path) -> None:
    """Write the pictures of a folder as one .npz of grey levels, in the order of their names.

    Pictures of one size of at most `MOST_PIXELS` keep it; others are squeezed into squares.

    Args:
        folder: where they are, the first `MOST_PICTURES` of them.
        packed: the file to write, which must not be there.

    Raises:
        DatasetError: there are none, or one cannot be read.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    if not files:
        hint = f"files that end in {', '.join(PICTURES)}, or {TRAIN}[.gz]"
        raise DatasetError(f"hold images: {folder} holds none ({hint})")
    pictures = [_read_grey(file) for file in files[:MOST_PICTURES]]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1 or pictures[0].size > MOST_PIXELS:
        pictures = [resized(picture, SIDE, SIDE) for picture in pictures]
    levels = as_levels(pictures)
    with packed.open("xb") as file:
        np.savez_compressed(file, x_train=levels)


def as_levels(pictures: Sequence[Grey]) -> UInt8[np.ndarray, "pictures height width"]:
    """Return pictures from 0 to 1 as unsigned bytes."""
    rounded: np.ndarray = np.rint(np.stack(pictures) * 255.0)
    return rounded.astype(np.uint8)


def _read_grey(file: Path) -> Grey:
    """Return a picture's grey levels from 0 to 1; what is transparent is as without."""
    from matplotlib.image import imread  # slow to import, which other data need not wait for

    try:
        pixels = imread(file)
    except Exception as error:  # as many kinds as there are formats
        raise DatasetError(f"hold images: {file} cannot be read ({error})") from error
    levels = np.asarray(pixels, np.float64)
    if pixels.dtype.kind in "ui":
        levels = levels / np.iinfo(pixels.dtype).max
    if levels.ndim == 3:
        return levels[..., :3] @ LUMA if levels.shape[-1] >= 3 else levels[..., 0]
    return levels


def resized(picture: Grey, height: int, width: int) -> Grey:
    """Return a picture in another size, each pixel the mean of the area that it covers."""
    rows, columns = _areas(picture.shape[0], height), _areas(picture.shape[1], width)
    squeezed: Grey = rows @ picture @ columns.T
    return squeezed


def _areas(there: int, here: int) -> Float64[np.ndarray, "here there"]:
    """Return the share that each of `there` pixels in a line has of each of `here`."""
    ends = np.arange(here + 1) * (there / here)
    starts = np.arange(there)
    low = np.maximum(ends[:-1, None], starts)
    high = np.minimum(ends[1:, None], starts + 1)
    shares: np.ndarray = np.clip(high - low, 0.0, None) * (here / there)
    return shares
