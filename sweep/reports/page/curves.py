"""Brings the recorded losses of all trials to some epochs that they share, and packs them.

Reads the table of curves part by part, so that a million trials need a matrix of small numbers and
no more. A trial has values from its first recorded epoch to its last; in between they are
interpolated, the loss by its logarithm over that of the epoch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, Float32, Int64, UInt16

from sweep.planning.identities import identity_numbers
from sweep.reports.objective import HELD_OUT
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.snapshot import iterate_rows

POINTS = 32
"""Epochs that curves are brought to."""
TOP = 4_095
"""The largest value of a curve that travels: finer steps than a picture shows."""
MISSING = 65_535
APART = 64.0
"""Further apart than logarithms of epochs can be: each trial of a part has a stretch of its own."""
TITLES = {"loss": "loss", HELD_OUT: "held-out loss"}

Matrix = Float32[np.ndarray, "points trials"]
Steps = UInt16[np.ndarray, "points trials"]


@dataclass(frozen=True)
class Curves:
    """The curves of one quantity.

    Attributes:
        name: the column of the table of curves.
        epochs: at which values are given, ascending.
        steps: 0 at `low` to `TOP` at `high`, `MISSING` where a trial has no value.
        low, high: decimal logarithms of losses, or losses where these can be negative.
        scale: log or linear accordingly.
    """

    name: str
    epochs: Int64[np.ndarray, " points"]
    steps: Steps
    low: float
    high: float
    scale: str

    def values(self, steps: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return the losses at these steps."""
        found = self.low + steps * ((self.high - self.low) / TOP)
        return np.asarray(10.0**found if self.scale == "log" else found)

    def described(self, offset: int) -> dict[str, Any]:
        """Return what the manifest says of it, its first byte at `offset`."""
        told = {"name": self.name, "title": TITLES[self.name], "scale": self.scale}
        return told | {"low": self.low, "high": self.high, "offset": offset}

    def encoded(self) -> Iterator[bytes]:
        """Yield the steps point after point, each less those of the point before."""
        before = np.zeros(self.steps.shape[1], np.uint16)
        for row in self.steps:
            yield (row - before).astype("<u2").tobytes()  # modulo 2**16
            before = row


def read_curves_of(
    directory: ResultsDir, trials: pd.DataFrame, names: Sequence[str]
) -> list[Curves]:
    """Read the curves of these trials; none where nothing is recorded.

    Args:
        directory: the results.
        trials: `trial_id`, `epochs` and the losses of each.
        names: columns of the table of curves.
    """
    order = np.argsort(numbers := identity_numbers(trials["trial_id"]))
    ids = numbers[order]
    last = trials["epochs"].max()
    if pd.isna(last) or last < 1:
        return []
    epochs = shared_epochs(int(last))
    scale = "linear" if (trials["final_loss"] < 0).any() else "log"
    found: dict[str, Matrix] = {}
    columns = ["trial_id", "phase", "epoch", *names]
    for table in iterate_rows(directory.path, TableName.CURVES, columns):
        if not table.num_rows:
            continue
        codes, places = _places(table["trial_id"], ids, order)
        for name in names:
            values = _resampled(table, name, codes, len(places), epochs, scale)
            if values is None:
                continue
            if name not in found:
                found[name] = np.full((len(epochs), len(trials)), np.nan, np.float32)
            known = places >= 0
            found[name][:, places[known]] = values[:, known]
    return [_quantised(name, epochs, values, scale) for name, values in found.items()]


def shared_epochs(last: int, most: int = POINTS) -> Int64[np.ndarray, " points"]:
    """Return at most so many whole epochs from 1 to `last`, spread evenly by their logarithms."""
    epochs = [1]
    for left in range(min(most, last) - 1, 0, -1):
        further = epochs[-1] * (last / epochs[-1]) ** (1 / left)
        epochs.append(max(epochs[-1] + 1, round(further)))
    return np.array(epochs, np.int64)


def _places(
    ids: pa.ChunkedArray, known: np.ndarray, order: np.ndarray
) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " trials"]]:
    """Return the number of each row's trial in this part, and the place of each in the table."""
    encoded = ids.combine_chunks().dictionary_encode()
    numbers = identity_numbers(encoded.dictionary.to_pylist())
    at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
    places = np.where(known[at] == numbers, order[at], -1)
    return encoded.indices.to_numpy().astype(np.int64), places


def _resampled(
    table: pa.Table,
    name: str,
    codes: Int64[np.ndarray, " rows"],
    n_trials: int,
    epochs: Int64[np.ndarray, " points"],
    scale: str,
) -> Matrix | None:
    """Return the values of each trial of a part at these epochs, or None where none are known."""
    phase = table["phase"].to_numpy()
    final = np.zeros(n_trials, phase.dtype)
    np.maximum.at(final, codes, phase)
    losses = table[name].to_numpy().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = np.log10(losses) if scale == "log" else losses
    wanted = ~np.isnan(heights) & (heights != np.inf) & (phase == final[codes])
    if not wanted.any():
        return None
    heights, codes = heights[wanted], codes[wanted]
    heights[heights == -np.inf] = np.finfo(np.float32).min  # a loss of 0: the lowest of all
    at = np.log(table["epoch"].to_numpy()[wanted])
    line = codes * APART + at
    if (np.diff(line) <= 0).any():
        ascending = np.argsort(line, kind="stable")
        line, heights, codes, at = (a[ascending] for a in (line, heights, codes, at))
    first, last = np.full(n_trials, np.inf), np.full(n_trials, -np.inf)
    np.minimum.at(first, codes, at)
    np.maximum.at(last, codes, at)
    asked = np.log(epochs)
    stretch = np.arange(n_trials) * APART
    rows = [np.interp(stretch + x, line, heights) for x in asked]
    values = np.array(rows, np.float32)
    rounding = 1e-9
    outside = (asked[:, None] < first - rounding) | (asked[:, None] > last + rounding)
    values[outside] = np.nan
    return values


def _quantised(
    name: str, epochs: Int64[np.ndarray, " points"], values: Matrix, scale: str
) -> Curves:
    """Return values as steps between the least and the largest of them."""
    bottom = np.finfo(np.float32).min / 2
    bounds = [
        (row[row > bottom].min(initial=np.inf), row[row > bottom].max(initial=-np.inf))
        for row in values
    ]
    low, high = (
        float(f(column)) for f, column in zip((min, max), zip(*bounds, strict=True), strict=True)
    )
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 1.0
    steps = np.empty(values.shape, np.uint16)
    factor = TOP / (high - low) if high > low else 0.0
    for row, place in zip(values, steps, strict=True):
        missing = np.isnan(row)
        scaled = (np.clip(np.where(missing, low, row), low, high) - low) * factor
        place[:] = np.where(missing, MISSING, np.rint(scaled))
    return Curves(name, epochs, steps, low, high, scale)
