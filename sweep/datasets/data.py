"""What a data set is once loaded."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from sweep.datasets.node_files import blocks, cast

Pair = tuple[Float[np.ndarray, "samples features"], Float[np.ndarray, "samples outputs"]]


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


def is_binary(table: Float[np.ndarray, "samples _"]) -> bool:
    """Return whether a table holds nothing but zeros and ones; reads only as far as it must."""
    return all(((block == 0.0) | (block == 1.0)).all() for block in blocks(table))


@dataclass(frozen=True)
class DatasetSpec:
    """A data set as a configuration asks for it: enough to load it on any worker.

    Attributes:
        name: registered name, or `package.module:function`.
        options: its arguments, sorted by name; values are frozen.
        validation: share of the samples to hold out, in [0, 1).
        split_seed: which samples those are, 0 to 2**63 - 1; which are chosen, and their noise.
        train_samples: how many of the others to train on; None for all.
        noise: standard deviation of what is added to them and to their targets.
        scale: `none`, `unit` or `standard`, as `scaled` has it.
    """

    name: str
    options: tuple[tuple[str, object], ...] = ()
    validation: float = 0.0
    split_seed: int = 0
    scale: str = "none"
    train_samples: int | None = None
    noise: float = 0.0

    @property
    def is_drawn(self) -> bool:
        """Whether `split_seed` says anything."""
        return bool(self.validation or self.noise or self.train_samples)

    @property
    def split_suffix(self) -> str:
        """What the name of the data ends with, to tell those of several `split_seed` apart."""
        return f"-split-{self.split_seed}" if self.split_seed else ""


@dataclass(frozen=True)
class Data:
    """Samples to train on and, if there are any, samples held out of training; read-only.

    Attributes:
        name: for people, such as `one-hot-16`.
        inputs: float64, (samples, features).
        targets: float64, (samples, outputs); the same array for a plain autoencoder.
        validation_inputs: float64, (held out, features), never trained on; None for none.
        validation_targets: float64, (held out, outputs); the same array for a plain autoencoder.
        left_out: columns of a table that are no numbers, and that nobody asked for.
        one_hot: whether every target row trained on holds a single 1 among zeros.
        distinct: how many of the samples trained on differ from one another.
    """

    name: str
    inputs: Float64[np.ndarray, "samples features"]
    targets: Float64[np.ndarray, "samples outputs"]
    validation_inputs: Float64[np.ndarray, "held_out features"] | None = None
    validation_targets: Float64[np.ndarray, "held_out outputs"] | None = None
    left_out: tuple[str, ...] = ()

    @cached_property
    def one_hot(self) -> bool:
        return is_binary(self.targets) and bool((self.targets.sum(axis=1) == 1.0).all())

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the SHA-256 of shapes and little-endian values, held-out ones last."""
        digest = hashlib.sha256()
        arrays = (self.inputs, self.targets, self.validation_inputs, self.validation_targets)
        for array in arrays:
            if array is not None:
                digest.update(repr(array.shape).encode())
                digest.update(np.ascontiguousarray(array, "<f8").data)
        return digest.hexdigest()[:16]

    @cached_property
    def distinct(self) -> int:
        # np.unique would sort a copy of all samples; adding 0.0 makes -0.0 the 0.0 that it equals.
        return len({hashlib.sha256(row + 0.0).digest() for row in self.inputs})

    def in_dtype(self, dtype: str) -> Pair:
        """Return inputs and targets in `float32` or `float64`, the same arrays at every call.

        They are read-only, C-contiguous and aligned to 64 bytes; one array where targets are the
        inputs. Those of large data are mapped from files that all processes of a machine share.
        """
        return self._casts.pair(self.inputs, self.targets, dtype)

    def held_out_in_dtype(self, dtype: str) -> Pair | None:
        """Return held-out inputs and targets as `in_dtype` does; None where none are held out."""
        if self.validation_inputs is None or self.validation_targets is None:
            return None
        return self._casts.pair(self.validation_inputs, self.validation_targets, dtype)

    @cached_property
    def _casts(self) -> "_Casts":
        return _Casts({})

    @property
    def features(self) -> int:
        return int(self.inputs.shape[1])


@dataclass(frozen=True)
class _Casts:
    """Arrays of one data set in the dtypes that were asked for, by what they were made of."""

    made: dict[tuple[int, str], np.ndarray]

    def pair(self, inputs: np.ndarray, targets: np.ndarray, dtype: str) -> Pair:
        for array in (inputs, targets):
            if (id(array), dtype) not in self.made:
                self.made[id(array), dtype] = cast(array, dtype)
        return self.made[id(inputs), dtype], self.made[id(targets), dtype]
