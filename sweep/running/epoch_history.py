"""How many epochs finished trials took, by pack key. Knows nothing of what is still to train."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.nets.topology import parse_topology
from sweep.store.layout import ResultsDir, TableName
from sweep.store.remote import AnyPath
from sweep.store.snapshot import read_rows
from sweep.trial import PACK_KEY, PRESENCE_KEY, Status, StopReason


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
    columns = [*PACK_KEY, *PRESENCE_KEY, "status", "stop_reason", "epochs"]
    trials = read_rows(path, TableName.TRIALS, columns=columns).to_pandas()
    ended = (trials["status"] == Status.FINISHED) & (trials["stop_reason"] != StopReason.TIME)
    trials = trials[ended]
    present = [trials[name].fillna(0.0) != 0.0 for name in PRESENCE_KEY]
    numbers = {key: number for number, key in enumerate(keys)}
    groups = trials["epochs"].groupby([*(trials[n] for n in PACK_KEY), *present], dropna=False)
    found = ((numbers.get(_key(key)), epochs) for key, epochs in groups)
    return {number: _quartiles(epochs) for number, epochs in found if number is not None}


def _key(values: tuple[object, ...]) -> tuple[object, ...]:
    """Return a pack key from its columns, as `Trial.pack_key` has it."""
    n = len(PACK_KEY)
    named = dict(zip(PACK_KEY, values[:n], strict=True))
    named["topology"] = parse_topology(str(named["topology"]))
    plain = (None if value is pd.NA or value != value else value for value in named.values())
    return (*plain, *map(bool, values[n:]))


def _quartiles(epochs: "pd.Series[int]") -> Quartiles:
    first, second, third = (float(epochs.quantile(share)) for share in (0.25, 0.5, 0.75))
    return Quartiles(len(epochs), (first, second, third))
