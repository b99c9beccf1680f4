"""How many epochs finished trials took, by pack key. Knows nothing of what is still to train."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweep.nets.topology import parse_topology
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.snapshot import read_rows
from sweep.trial import PACK_KEY, Status, StopReason


@dataclass(frozen=True)
class Quartiles:
    """Epochs of finished trials: how many trials, and their first, second and third quartile."""

    trials: int
    epochs: tuple[float, float, float]


def read_neighbours(path: AnyPath, keys: Sequence[tuple[object, ...]]) -> dict[int, Quartiles]:
    """Return the epochs of finished trials, by the number of their pack key.

    Args:
        path: the results directory, which need not exist yet.
        keys: pack keys, as `Trial.pack_key` has them; others are left out.
    """
    if not ResultsDir.at(path).exists:
        return {}
    columns = [*PACK_KEY, "status", "stop_reason", "epochs"]
    trials = read_rows(path, TableName.TRIALS, columns=columns).to_pandas()
    ended = (trials["status"] == Status.FINISHED) & (trials["stop_reason"] != StopReason.TIME)
    numbers = {key: number for number, key in enumerate(keys)}
    found: dict[int, list[pd.Series[int]]] = {}
    for values, epochs in trials[ended].groupby(list(PACK_KEY), dropna=False)["epochs"]:
        if (number := numbers.get(_key(values))) is not None:
            found.setdefault(number, []).append(epochs)
    return {number: _quartiles(pd.concat(parts)) for number, parts in found.items()}


def _key(values: tuple[Any, ...]) -> tuple[object, ...]:
    """Return a pack key from its columns, as `Trial.pack_key` has it."""
    named = {n: None if pd.isna(v) else v for n, v in zip(PACK_KEY, values, strict=True)}
    named["topology"] = parse_topology(str(named["topology"]))
    return tuple(of(named[name]) for name, of in PACK_KEY.items())


def _quartiles(epochs: "pd.Series[int]") -> Quartiles:
    first, second, third = (float(epochs.quantile(share)) for share in (0.25, 0.5, 0.75))
    return Quartiles(len(epochs), (first, second, third))
