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
from jaxtyping import Float64, Int64, UInt16

from sweep.reports.objective import HELD_OUT
from sweep.reports.page.places import Places
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.snapshot import iterate_rows

POINTS = 32
"""Epochs that curves are brought to."""
TOP = 1_023
"""The largest step of a curve that travels: as fine as a picture shows."""
FINER = 64
FINEST = FINER * TOP
"""The largest step here: statistics are of finer ones."""
MISSING = 65_535
ROUNDING = 1e-9
APART = 64.0
"""Further apart than logarithms of epochs can be: each trial of a part has a stretch of its own."""
TITLES = {"loss": "loss", HELD_OUT: "held-out loss"}

Steps = UInt16[np.ndarray, "points trials"]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The curves of one quantity.

    Attributes:
        name: the column of the table of curves.
        epochs: at which values are given, ascending.
        steps: heights, from 0 at `low` to `FINEST` at `high`, `MISSING` where there is none.
        low, high: decimal logarithms of losses, or losses where these can be negative.
        scale: log or linear accordingly.
    """

    name: str
    epochs: Int64[np.ndarray, " points"]
    steps: Steps
    low: float
    high: float
    scale: str

    def steps_of(self, heights: Float64[np.ndarray, "points n"]) -> UInt16[np.ndarray, "points n"]:
        """Return heights, missing ones nan, as steps."""
        factor = FINEST / (self.high - self.low) if self.high > self.low else 0.0
        missing = np.isnan(heights)
        steps = np.rint((np.where(missing, self.low, heights) - self.low) * factor)
        return np.where(missing, MISSING, steps).astype(np.uint16)

    def losses(self, steps: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return the losses at these steps."""
        found = self.low + steps * ((self.high - self.low) / FINEST)
        return np.asarray(10.0**found if self.scale == "log" else found)

    def described(self, offset: int) -> dict[str, Any]:
        """Return what the manifest says of it, its first byte at `offset`."""
        told = {"name": self.name, "title": TITLES[self.name], "scale": self.scale}
        return told | {"low": self.low, "high": self.high, "offset": offset}

    def encoded(self) -> Iterator[bytes]:
        """Yield coarse steps point after point, each less those of the point before."""
        before = np.zeros(self.steps.shape[1], np.uint16)
        for row in self.steps:
            coarse = np.where(row == MISSING, MISSING, (row + FINER // 2) // FINER).astype(
                np.uint16
            )
            yield (coarse - before).astype("<u2").tobytes()  # modulo 2**16
            before = coarse


def read_curves_of(
    directory: ResultsDir, trials: pd.DataFrame, names: Sequence[str]
) -> list[Curves]:
    """Read the curves of these trials; none where nothing is recorded.

    Args:
        directory: the results.
        trials: `trial_id`, `epochs` and the losses of each.
        names: columns of the table of curves.
    """
    last = trials["epochs"].max()
    if pd.isna(last) or last < 1:
        return []
    scale = "linear" if (trials["final_loss"] < 0).any() else "log"
    bounds = _bounds(directory, names, scale)
    found = [
        Curves(
            name=name,
            epochs=(epochs := shared_epochs(int(last))),
            steps=np.full((len(epochs), len(trials)), MISSING, np.uint16),
            low=low,
            high=high,
            scale=scale,
        )
        for name, (low, high) in bounds.items()
    ]
    places = Places(trials)
    columns = ["trial_id", "phase", "epoch", *bounds]
    for table in iterate_rows(directory.path, TableName.CURVES, columns) if found else ():
        if table.num_rows:
            codes, at = places.of(table["trial_id"])
            for curves in found:
                values = _resampled(table, curves, codes, len(at))
                curves.steps[:, at[at >= 0]] = curves.steps_of(values[:, at >= 0])
    return found


def _bounds(
    directory: ResultsDir, names: Sequence[str], scale: str
) -> dict[str, tuple[float, float]]:
    """Return the least and the largest height of each quantity; none of those never recorded."""
    found: dict[str, tuple[float, float]] = {}
    for table in iterate_rows(directory.path, TableName.CURVES, names):
        for name in names:
            known = _heights(table[name], scale)
            known = known[np.isfinite(known)]
            if len(known):
                low, high = found.get(name, (np.inf, -np.inf))
                found[name] = min(low, float(known.min())), max(high, float(known.max()))
    return found


def _heights(losses: pa.ChunkedArray, scale: str) -> Float64[np.ndarray, " rows"]:
    """Return losses, or their decimal logarithms."""
    values = np.asarray(losses.to_numpy(), np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values) if scale == "log" else values


def shared_epochs(last: int, most: int = POINTS) -> Int64[np.ndarray, " points"]:
    """Return at most so many whole epochs from 1 to `last`, spread evenly by their logarithms."""
    epochs = [1]
    for left in range(min(most, last) - 1, 0, -1):
        further = epochs[-1] * (last / epochs[-1]) ** (1 / left)
        epochs.append(max(epochs[-1] + 1, round(further)))
    return np.array(epochs, np.int64)


def _resampled(
    table: pa.Table, curves: Curves, codes: Int64[np.ndarray, " rows"], n_trials: int
) -> Float64[np.ndarray, "points trials"]:
    """Return the heights of each trial of a part at the shared epochs, nan where it has none."""
    phase = table["phase"].to_numpy()
    final = np.zeros(n_trials, phase.dtype)
    np.maximum.at(final, codes, phase)
    heights = _heights(table[curves.name], curves.scale)
    wanted = ~np.isnan(heights) & (heights != np.inf) & (phase == final[codes])
    heights = np.maximum(heights[wanted], curves.low)  # a loss of 0 is as low as the lowest
    codes, at = codes[wanted], np.log(table["epoch"].to_numpy()[wanted])
    line = codes * APART + at
    if (np.diff(line) <= 0).any():
        ascending = np.argsort(line, kind="stable")
        line, heights, codes, at = (a[ascending] for a in (line, heights, codes, at))
    first, last = np.full(n_trials, np.inf), np.full(n_trials, -np.inf)
    np.minimum.at(first, codes, at - ROUNDING)
    np.maximum.at(last, codes, at + ROUNDING)
    values = np.full((len(curves.epochs), n_trials), np.nan)
    stretch = np.arange(n_trials) * APART
    for row, asked in zip(values, np.log(curves.epochs), strict=True):
        if len(line):
            row[:] = np.interp(stretch + asked, line, heights)
        row[(asked < first) | (asked > last)] = np.nan
    return values
