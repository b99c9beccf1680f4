"""Loads data sets by name. Knows nothing of who asks."""

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float64

from sweep.datasets.data import Data, DatasetSpec, thaw
from sweep.errors import SweepError
from sweep.trust import plugins_are_refused

MAX_VALUES = 20_000_000
Maker = Callable[..., Data]
_MAKERS: dict[str, Maker] = {}


class DatasetError(SweepError):
    """A data set cannot be made as asked; the message completes "must …"."""


def dataset(name: str) -> Callable[[Maker], Maker]:
    """Register a function of the data set's options under `name`."""

    def register(maker: Maker) -> Maker:
        _MAKERS[name] = maker
        return maker

    return register


def dataset_names() -> list[str]:
    """Return the registered names."""
    return sorted(_MAKERS)


@lru_cache(maxsize=256)
def load_data(spec: DatasetSpec) -> Data:
    """Return a data set, read-only; the same object for the same spec.

    Raises:
        DatasetError: the data set is unknown, or its options do not make one.
    """
    plugin = ":" in spec.name
    maker = _plugin(spec.name) if plugin else _MAKERS.get(spec.name)
    if maker is None:
        raise DatasetError(f"be one of {', '.join(dataset_names())} or package.module:function")
    if not plugin:
        return maker(**dict(spec.options))
    try:
        made = maker(**{name: thaw(value) for name, value in spec.options})
    except Exception as error:  # a user's code may raise anything
        raise DatasetError(f"be made by its function, which raised {error!r}") from error
    return _from_plugin(spec.name, made)


def make_data(name: str, inputs: Any, targets: Any = None) -> Data:
    """Check and freeze arrays as a data set.

    Args:
        name: for people.
        inputs: numbers, (samples, features).
        targets: as many rows; None for the inputs themselves.

    Raises:
        DatasetError: the arrays are not two finite matrices with equally many rows.
    """
    samples = _matrix(inputs, "samples")
    if targets is None:
        return Data(name=name, inputs=samples, targets=samples)
    wanted = _matrix(targets, "targets")
    if len(wanted) != len(samples):
        raise DatasetError(f"have a target for every sample, not {len(wanted)} for {len(samples)}")
    return Data(name=name, inputs=samples, targets=wanted)


def check_size(samples: int, features: int) -> None:
    """Refuse data too large to be kept in memory many times over.

    Raises:
        DatasetError: there would be more than MAX_VALUES numbers.
    """
    if samples * features > MAX_VALUES:
        got = f"{samples:,} samples of {features:,}"
        raise DatasetError(f"hold at most {MAX_VALUES:,} numbers, not {got}")


def _matrix(values: Any, what: str) -> Float64[np.ndarray, "samples features"]:
    try:
        array = np.array(values, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise DatasetError(f"give {what} as rows of numbers, all of one length") from error
    if array.ndim != 2 or array.size == 0:
        raise DatasetError(f"give {what} as rows of numbers, all of one length")
    check_size(*array.shape)
    if not np.isfinite(array).all():
        raise DatasetError(f"give {what} that are finite")
    array.flags.writeable = False
    return array


def _plugin(name: str) -> Maker:
    if plugins_are_refused():
        raise DatasetError("name a data set that is built in, as --no-plugins is given")
    module, _, function = name.partition(":")
    try:
        maker = getattr(importlib.import_module(module), function)
    except Exception as error:  # a user's module may raise anything on import
        raise DatasetError(f"name a function that can be imported ({error})") from error
    if not callable(maker):
        raise DatasetError("name a function")
    return maker  # type: ignore[no-any-return]


def _from_plugin(name: str, made: Any) -> Data:
    """Accept a Data, an array of samples, or a pair of samples and targets."""
    if isinstance(made, Data):
        return make_data(
            made.name, made.inputs, None if made.targets is made.inputs else made.targets
        )
    inputs, targets = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    return make_data(name, inputs, targets)
