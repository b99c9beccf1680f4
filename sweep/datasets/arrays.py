"""Finds the files of data sets, checks arrays, and makes data sets of them."""

import contextlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from sweep.datasets.data import Data
from sweep.datasets.node_files import is_mapped
from sweep.errors import SweepError

MAX_GENERATED = 20_000_000
MAX_VALUES = 200_000_000
Matrix = Float64[np.ndarray, "samples features"]


class DatasetError(SweepError):
    """A data set cannot be made as asked.

    Args:
        must: what must hold, completing "must …".
        got: what was found instead, where `must` does not say.
    """

    def __init__(self, must: str, got: str | None = None) -> None:
        super().__init__(must if got is None else f"{must} (got {got})")
        self.must, self.got = must, got


def make_data(
    name: str,
    inputs: Any,
    targets: Any = None,
    *,
    validation_inputs: Any = None,
    validation_targets: Any = None,
) -> Data:
    """Check and freeze arrays as a data set.

    Args:
        name: for people.
        inputs: numbers, (samples, features).
        targets: as many rows; None for the inputs themselves.
        validation_inputs: held-out samples, (held out, features); None for none.
        validation_targets: as many rows; None where targets is.

    Raises:
        DatasetError: the arrays are not finite matrices that go together.
    """
    samples, wanted = _pair(inputs, targets, "")
    if validation_inputs is None:
        if validation_targets is not None:
            raise DatasetError("have held-out samples where it has held-out targets")
        return Data(name=name, inputs=samples, targets=wanted)
    if (targets is None) != (validation_targets is None):
        raise DatasetError("have targets for its held-out samples just where it has targets")
    held_out, held_targets = _pair(validation_inputs, validation_targets, "held-out ")
    widths, held_widths = (
        (samples.shape[1], wanted.shape[1]),
        (len(held_out[0]), len(held_targets[0])),
    )
    if widths != held_widths:
        got = f"{held_widths[0]} and {held_widths[1]}, not {widths[0]} and {widths[1]}"
        raise DatasetError("have held-out samples and targets as wide as the others", got)
    return Data(
        name=name,
        inputs=samples,
        targets=wanted,
        validation_inputs=held_out,
        validation_targets=held_targets,
    )


def check_size(samples: int, features: int, *, most: int = MAX_GENERATED) -> None:
    """Refuse data too large to be kept in memory many times over.

    Args:
        samples: how many there would be.
        features: numbers in each.
        most: numbers allowed; a line of a sweep file may generate less than a file may hold.

    Raises:
        DatasetError: there would be more.
    """
    if samples * features > most:
        got = f"{samples:,} samples of {features:,}"
        raise DatasetError(f"hold at most {most:,} numbers, not {got}")


def settled(array: np.ndarray) -> np.ndarray:
    """Make an array read-only; `make_data` copies none that is, unless it is a view of another."""
    array.flags.writeable = False
    return array


def _pair(inputs: Any, targets: Any, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Return samples and targets; the same array twice where the samples are their own targets."""
    samples = _matrix(inputs, f"{which}samples")
    if targets is None:
        return samples, samples
    wanted = _matrix(targets, f"{which}targets")
    if len(wanted) != len(samples):
        got = f"{len(wanted)} for {len(samples)}"
        raise DatasetError(f"have a target for every {which}sample, not {got}")
    return samples, wanted


def _matrix(values: Any, what: str) -> Matrix:
    try:
        array = np.array(values, np.float64, order="C", copy=None if _is_settled(values) else True)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"give {what} as rows of numbers, all of one length") from error
    if array.ndim != 2 or array.size == 0:
        raise DatasetError(f"give {what} as rows of numbers, all of one length")
    check_size(*array.shape, most=MAX_VALUES)
    if not np.isfinite(array).all():
        raise DatasetError(f"give {what} that are finite")
    return settled(array)


def _is_settled(values: Any) -> bool:
    """Whether nobody can write to the array any more, so that a large one needs no copy."""
    if is_mapped(values):
        return True
    return isinstance(values, np.ndarray) and values.base is None and not values.flags.writeable


def locate(path: str) -> Path:
    """Return the absolute path, as seen from the working directory; ~ is the home directory."""
    with contextlib.suppress(RuntimeError):  # nobody has that home
        return Path(path).expanduser().absolute()
    return Path(path).absolute()


def find_file(path: str, hint: str) -> Path:
    """Return where the file or directory is.

    Args:
        path: absolute, or as seen from the working directory.
        hint: what to put there, where it is missing.

    Raises:
        DatasetError: nothing is there; says on which machine.
    """
    place = locate(path)
    try:
        place.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        got = f"{place} on {platform.node()} gives {str(reason)!r}"
        raise DatasetError(f"find its path: {got}; {hint}") from error
    return place
