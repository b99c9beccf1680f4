"""What a data set is once loaded. Knows no particular data set."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True)
class FrozenDict:
    """A mapping that can be hashed: its keys, sorted, with their frozen values."""

    items: tuple[tuple[str, object], ...]


def freeze(value: Any) -> object:
    """Return lists as tuples and mappings as FrozenDict, all the way down."""
    if isinstance(value, dict):
        return FrozenDict(tuple((key, freeze(inner)) for key, inner in sorted(value.items())))
    return tuple(map(freeze, value)) if isinstance(value, list) else value


def thaw(value: object) -> Any:
    """Return what `freeze` was given."""
    if isinstance(value, FrozenDict):
        return {key: thaw(inner) for key, inner in value.items}
    return list(map(thaw, value)) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class DatasetSpec:
    """A data set as a configuration asks for it: enough to load it on any worker.

    Attributes:
        name: registered name, or `package.module:function`.
        options: its arguments, sorted by name; values are frozen.
    """

    name: str
    options: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Data:
    """Samples and their targets, read-only.

    Attributes:
        name: for people, such as `one-hot-16`.
        inputs: float64, (samples, features).
        targets: float64, (samples, outputs); the same array for a plain autoencoder.
        one_hot: whether every target row holds a single 1 among zeros.
    """

    name: str
    inputs: Float64[np.ndarray, "samples features"]
    targets: Float64[np.ndarray, "samples outputs"]
    validation_inputs: Float64[np.ndarray, "held_out features"] | None = None
    validation_targets: Float64[np.ndarray, "held_out outputs"] | None = None

    @cached_property
    def one_hot(self) -> bool:
        binary = np.isin(self.targets, (0.0, 1.0)).all()
        return bool(binary and (self.targets.sum(axis=1) == 1.0).all())

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the SHA-256 of shapes and little-endian values."""
        digest = hashlib.sha256()
        for array in (self.inputs, self.targets):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()[:16]

    @property
    def features(self) -> int:
        return int(self.inputs.shape[1])
