"""Expands a sweep into trials: a million of them in seconds."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt64

from sweep.components.registry import PRETRAININGS
from sweep.config.grids.conditions import Rule
from sweep.config.sweepfile import SweepConfig
from sweep.datasets import DatasetSpec
from sweep.errors import ConfigError
from sweep.planning.product import Key, TrialProduct
from sweep.trial import PACK_KEY, Trial

CHUNK = 4_096
"""Trials whose values are looked up together."""
DIGITS = 16
"""Of an identity."""
Identities = UInt64[np.ndarray, " trials"]


def identity_numbers(names: Iterable[str]) -> Identities:
    """Return identities, 16 hex digits each, as numbers."""
    left = iter(names)
    parts = [np.zeros(0, np.uint64)]
    while chunk := list(islice(left, CHUNK)):
        parts.append(_numbers(chunk))
    return np.concatenate(parts)


def _numbers(names: list[str]) -> Identities:
    if any(len(name) != DIGITS for name in names):  # such as the first digits of one
        return np.array([int(name, 16) for name in names], np.uint64)
    return np.frombuffer(bytes.fromhex("".join(names)), ">u8").astype(np.uint64)


@dataclass(frozen=True)
class Cells:
    """Trials by position: what planning needs of them, side by side.

    Attributes:
        trial_ids, path_ids: the identities as 64-bit numbers.
        keys: which pack key, as an index into the grid's `pack_keys`.
        products, positions: where the trial stands: which grid, which combination.
        max_epochs: its limit. pretraining_epochs: most epochs of the phases before.
    """

    trial_ids: UInt64[np.ndarray, " trials"]
    path_ids: UInt64[np.ndarray, " trials"]
    keys: Int64[np.ndarray, " trials"]
    products: Int64[np.ndarray, " trials"]
    positions: Int64[np.ndarray, " trials"]
    max_epochs: Float64[np.ndarray, " trials"]
    pretraining_epochs: Float64[np.ndarray, " trials"]

    def __len__(self) -> int:
        return len(self.trial_ids)

    def take(self, rows: Int64[np.ndarray, " rows"]) -> "Cells":
        """Return these rows, in this order."""
        return Cells(**{name: array[rows] for name, array in vars(self).items()})


@dataclass(frozen=True)
class TrialGrid:
    """The trials of a sweep, each once.

    Attributes:
        products: the grids whose union it is.
        datasets: how to load the data of each fingerprint.
    """

    products: tuple[TrialProduct, ...]
    datasets: Mapping[str, DatasetSpec]

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[Trial]:
        return self.trials(np.arange(len(self)))

    @cached_property
    def cells(self) -> Cells:
        """Every trial, in the order of the file; one that several grids ask for stands once."""
        index: dict[Key, int] = {}
        parts = [_cells(product, number, index) for number, product in enumerate(self.products)]
        united = Cells(**{n: np.concatenate([vars(p)[n] for p in parts]) for n in vars(parts[0])})
        _, first = np.unique(united.trial_ids, return_index=True)
        return united if len(first) == len(united) else united.take(np.sort(first))

    @cached_property
    def pack_keys(self) -> tuple[Key, ...]:
        """The pack keys that `Cells.keys` counts."""
        index: dict[Key, int] = {}
        for product in self.products:
            for key in _pack_keys(product)[1]:
                index.setdefault(key, len(index))
        return tuple(index)

    def trial(self, row: int) -> Trial:
        """Return the trial at a row of `cells`."""
        return next(self.trials(np.array([row])))

    def trials(self, rows: Int64[np.ndarray, " rows"]) -> Iterator[Trial]:
        """Yield the trials at these rows of `cells`, each made as it is asked for."""
        for start in range(0, len(rows), CHUNK):
            yield from self._trials(rows[start : start + CHUNK])

    def _trials(self, rows: Int64[np.ndarray, " rows"]) -> Iterator[Trial]:
        chosen = self.cells.take(rows)
        columns = {
            number: self.products[number].columns(chosen.positions[chosen.products == number])
            for number in np.unique(chosen.products).tolist()
        }
        identities = zip(
            *(chosen.products.tolist(), chosen.trial_ids.tolist(), chosen.path_ids.tolist()),
            strict=True,
        )
        for product, trial_id, path_id in identities:
            values = next(columns[product])
            yield Trial.known(values, trial_id=f"{trial_id:016x}", path_id=f"{path_id:016x}")

    def missing(self, done: Collection[str]) -> Int64[np.ndarray, " missing"]:
        """Return the rows of the trials whose identities are not among those done."""
        numbers = identity_numbers(done)
        return np.flatnonzero(~np.isin(self.cells.trial_ids, numbers))

    def unknown(self, trial_ids: Collection[str]) -> set[str]:
        """Return those of some identities that are of no trial here."""
        names = list(trial_ids)
        numbers = identity_numbers(names)
        return {names[i] for i in np.flatnonzero(~np.isin(numbers, self.cells.trial_ids))}

    def holds_any(self, rules: Collection[Rule]) -> Bool[np.ndarray, " trials"]:
        """Return for each trial whether any of the rules holds."""
        cells = self.cells
        held = np.zeros(len(cells), bool)
        for number, product in enumerate(self.products):
            rows = np.flatnonzero(cells.products == number)
            held[rows] = product.holds_any(rules)[cells.positions[rows]]
        return held


def expand(config: SweepConfig) -> TrialGrid:
    """Expand a sweep into its trials.

    Raises:
        ConfigError: its parts do not go together, or there are too many combinations.
    """
    expansion = config.expansion
    where = f"sweep {config.name}"
    faults = [problem.fault(where) for problem in expansion.problems]
    if faults:
        raise ConfigError(faults)
    products = tuple(map(TrialProduct, expansion.products))
    return TrialGrid(products, expansion.datasets)


def _pack_keys(product: TrialProduct) -> tuple[Int64[np.ndarray, " combinations"], list[Key]]:
    """Return the pack key of every combination, as `Trial.pack_key` has it."""
    code, found = product.codes(list(PACK_KEY))
    return code, [
        tuple(of(v) for of, v in zip(PACK_KEY.values(), key, strict=True)) for key in found
    ]


def _cells(product: TrialProduct, number: int, index: dict[Key, int]) -> Cells:
    """Return the trials of one grid; `index` numbers the pack keys of all grids."""
    positions = np.flatnonzero(product.kept)
    trial_ids, path_ids = product.identities()
    code, keys = _pack_keys(product)
    numbers = np.array([index.setdefault(key, len(index)) for key in keys], np.int64)
    return Cells(
        trial_ids=trial_ids,
        path_ids=path_ids,
        keys=numbers[code[positions]],
        products=np.full(len(positions), number),
        positions=positions,
        max_epochs=product.numbers("max_epochs")[positions],
        pretraining_epochs=_pretraining_epochs(product)[positions],
    )


def _pretraining_epochs(product: TrialProduct) -> Float64[np.ndarray, " combinations"]:
    """Return the most epochs of pretraining, of all its phases."""
    names = ("topology", "pretraining", "pretraining_layers", "pretraining_max_epochs")
    code, found = product.codes(names)
    most: list[int] = []
    for topology, kind, layers, epochs in cast("list[tuple[Any, ...]]", found):
        known = PRETRAININGS.get(kind)
        parts = known.parts(len(topology) - 1, layers=layers or 1) if known else ()
        most.append(len(parts) * (epochs or 0))
    limits: Float64[np.ndarray, " combinations"] = np.array(most, np.float64)[code]
    return limits
