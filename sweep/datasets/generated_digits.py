"""Makes as many images of digits as MNIST has from scikit-learn's few small ones.

Each is one of the small digits: enlarged, turned, slanted, stretched and shifted, drawn with a
thinner or thicker pen in paler or darker ink, with noise. Those held out are made of small digits
of their own. Positions and levels are whole numbers, the draws are Philox's, and what is left are
operations that IEEE 754 rounds in one way only: the bits are the same on every machine.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int16, Int32, Int64, UInt8, UInt64

from sweep.datasets.arrays import DatasetError, make_data
from sweep.datasets.data import Data
from sweep.datasets.images import levels
from sweep.datasets.registry import dataset
from sweep.datasets.splits import DATA_PURPOSE

TRAINED, HELD_OUT = 60_000, 10_000
SIDE = 28  # pixels of an image
SMALL = 8  # cells of a small digit, which MNIST's 20 pixels are to hold
CANVAS = 20  # cells, with a margin so wide that no pixel of any image lies outside
FINE = 8  # points of the canvas in a cell
WIDTH = CANVAS * FINE  # points
PIXEL = FINE * SMALL / 20  # points in a pixel
HELD_OUT_SHARE = 7  # one small digit in so many
PLACE = 1 << 16  # places are whole numbers of 1 / PLACE points
BLOCK = 256  # images made at once, which stay in the cache of a core


@dataset("digits-28x28")
def digits_28x28(samples: int = TRAINED) -> Data:
    """Make 60,000 images of 28 × 28 grey levels from 0 to 1, and 10,000 that are held out.

    Args:
        samples: how many to train on, the first of them.

    Raises:
        DatasetError: there are not so many.
    """
    if samples > TRAINED:
        raise DatasetError(f"have at most its {TRAINED:,} samples, not {samples:,}")
    from sklearn.datasets import load_digits  # takes a second, which other data need not wait

    canvases = _enlarged(load_digits().images.astype(np.int16))
    to_train, to_hold_out = split_digits(len(canvases))
    trained = _images(canvases, to_train, samples, part=1)
    held_out = _images(canvases, to_hold_out, HELD_OUT, part=2)
    name = f"digits-28x28-{samples}-test-{HELD_OUT}"
    return make_data(name, levels(trained), validation_inputs=levels(held_out))


def split_digits(
    count: int,
) -> tuple[Int64[np.ndarray, " trained"], Int64[np.ndarray, " held_out"]]:
    """Return which small digits images to train on are made of, and which those held out."""
    order = np.argsort(_words(count, 1), kind="stable")
    apart = count // HELD_OUT_SHARE
    return order[apart:], order[:apart]


@dataclass(frozen=True)
class _Style:
    """How images are drawn.

    Attributes:
        steps: points of the canvas, in 1 / PLACE, to go down and right for half a pixel.
        origins: where the middle of the image lies on the canvas, in 1 / PLACE points.
        ink: the level that each level of the canvas becomes.
    """

    steps: Int32[np.ndarray, "images 2 2"]
    origins: Int32[np.ndarray, "images 2"]
    ink: UInt8[np.ndarray, "images 256"]

    @classmethod
    def drawn(cls, words: UInt64[np.ndarray, "images 8"]) -> "_Style":
        """Return a style from random words: turned by up to 12.5 degrees, shifted by 2 pixels."""
        half = _between(words[:, 0], -0.11, 0.11)  # tangent of half the angle
        cosine = (1.0 - half * half) / (1.0 + half * half)
        sine = 2.0 * half / (1.0 + half * half)
        tall, broad = _between(words[:, 1], 0.85, 1.15), _between(words[:, 2], 0.85, 1.15)
        slant = _between(words[:, 3], -0.1, 0.1)
        rows = [cosine / tall, -sine / broad]
        columns = [sine / tall + slant * rows[0], cosine / broad + slant * rows[1]]
        points = np.array([rows, columns]).transpose(2, 0, 1) * (PIXEL * PLACE / 2.0)
        steps = np.rint(points).astype(np.int32)
        shift = np.rint(_between(words[:, 4:6], -2.0, 2.0) * 256.0).astype(np.int64)
        moved = (steps * shift[:, None]).sum(axis=2) >> 7
        thinner = np.rint(_between(words[:, 6], 40.0, 110.0)).astype(np.int32)
        darkness = np.rint(_between(words[:, 7], 0.75, 1.0) * 256.0).astype(np.int32)
        sharp = np.clip((np.arange(256, dtype=np.int32) - thinner[:, None]) * 2, 0, 255)
        return cls(
            steps=steps,
            origins=(WIDTH // 2 * PLACE - moved).astype(np.int32),
            ink=((sharp * darkness[:, None]) >> 8).astype(np.uint8),
        )


def _images(
    canvases: UInt8[np.ndarray, "digits points"],
    digits: Int64[np.ndarray, " chosen"],
    count: int,
    *,
    part: int,
) -> UInt8[np.ndarray, "images pixels"]:
    """Return the first images of a part, each of the next of its digits in turn."""
    words = _words(8 * count, 2 * part).reshape(count, 8)
    pixels = SIDE * SIDE
    noise = _words(-(-count * pixels // 8), 2 * part + 1).astype("<u8").view(np.uint8)
    images = np.empty((count, pixels), np.uint8)
    for start in range(0, count, BLOCK):
        rows = slice(start, min(count, start + BLOCK))
        chosen = digits[np.arange(rows.start, rows.stop) % len(digits)]
        drawn = _draw(canvases, chosen, _Style.drawn(words[rows]))
        drawn += noise[start * pixels :][: drawn.size].reshape(drawn.shape) >> 4
        drawn -= 8
        images[rows] = np.clip(drawn, 0, 255)
    return images


def _draw(
    canvases: UInt8[np.ndarray, "digits points"],
    chosen: Int64[np.ndarray, " images"],
    style: _Style,
) -> Int16[np.ndarray, "images pixels"]:
    """Return the levels of images without noise."""
    down, right = (_points(style, axis) for axis in (0, 1))
    point = (down * WIDTH + right).reshape(len(chosen), -1)
    point += (chosen * WIDTH**2).astype(np.int32)[:, None]
    level = canvases.reshape(-1)[point].astype(np.int32)
    level += np.arange(len(chosen), dtype=np.int32)[:, None] * 256
    drawn: np.ndarray = style.ink.reshape(-1)[level].astype(np.int16)
    return drawn


def _points(style: _Style, axis: int) -> Int32[np.ndarray, "images side side"]:
    """Return how many points down (axis 0) or right (1) on its canvas each pixel looks."""
    halves = 2 * np.arange(SIDE, dtype=np.int32) - (SIDE - 1)
    rows, columns = (style.steps[:, axis, k, None] * halves for k in (0, 1))
    place: np.ndarray = (rows + style.origins[:, axis, None])[:, :, None] + columns[:, None, :]
    points: np.ndarray = place >> 16
    return points


def _enlarged(small: Int16[np.ndarray, "digits 8 8"]) -> UInt8[np.ndarray, "digits points"]:
    """Return digits of levels 0 to 16 on canvases of levels 0 to 255, interpolated linearly."""
    cells = np.zeros((len(small), CANVAS + 1, CANVAS + 1), np.int16)
    margin = (CANVAS - SMALL) // 2
    cells[:, margin : margin + SMALL, margin : margin + SMALL] = small
    far = 2 * np.arange(FINE, dtype=np.int16) + 1
    near = 2 * FINE - far
    rows = cells[:, :-1, None, :] * near[:, None] + cells[:, 1:, None, :] * far[:, None]
    rows = rows.reshape(len(small), WIDTH, CANVAS + 1)
    points = rows[:, :, :-1, None] * near + rows[:, :, 1:, None] * far
    levels_of_256 = np.right_shift(points, 4)  # of 16 levels times 16 times 16
    return np.minimum(levels_of_256, 255).astype(np.uint8).reshape(len(small), -1)


def _between(
    words: UInt64[np.ndarray, "*draws"], low: float, high: float
) -> Float64[np.ndarray, "*draws"]:
    return low + (high - low) * ((words >> np.uint64(11)) * 2.0**-53)


def _words(count: int, index: int) -> UInt64[np.ndarray, " count"]:
    """Return random words; index 0 is that of splits."""
    return np.random.Philox(key=DATA_PURPOSE << 64, counter=index << 128).random_raw(count)
