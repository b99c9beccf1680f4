"""What a data set is once loaded. Knows no particular data set."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True)
class DatasetSpec:
    """A data set as a configuration asks for it: enough to load it on any worker.

    Attributes:
        name: registered name, or `package.module:function`.
        options: its arguments, sorted by name; values are numbers, strings, None or nested tuples.
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
