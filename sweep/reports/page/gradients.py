"""Summarises gradients by layer and epoch, for each level of each axis, over all trials.

Medians are read from histograms of logarithms, so that any number of trials takes the same memory;
they are right to 2.5%.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int64

from sweep.reports.page.levels import Levels
from sweep.reports.page.places import Places
from sweep.reports.page.rounding import rounded
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.snapshot import iterate_rows

MOST_EPOCHS = 24
MOST_LAYERS = 64
LOWEST, HIGHEST = -30.0, 10.0
"""Decimal logarithms between which gradients are told apart; what is lower counts as 0."""
BINS_A_DECADE = 50
BINS = int((HIGHEST - LOWEST) * BINS_A_DECADE)


@dataclass(frozen=True)
class _Probes:
    """Where medians are given: epochs that several trials were probed at, and layers from 0."""

    epochs: Int64[np.ndarray, " epochs"]
    n_layers: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.n_layers, len(self.epochs), BINS


def summarise_gradients(
    directory: ResultsDir, trials: pd.DataFrame, axes: Sequence[Levels]
) -> dict[str, Any]:
    """Return medians of the 2-norm of the gradient for each level of each axis; empty if unknown.

    Returns:
        By axis and level: `n` trials that were probed; `layers`, from 0 at the input; `epochs`;
        `median` by layer and epoch, null where no trial has that layer at that epoch.
    """
    probes = _probes(directory)
    if probes is None or trials.empty:
        return {}
    places = Places(trials)
    counts = {axis.axis: [np.zeros(probes.shape, np.uint32) for _ in axis.order] for axis in axes}
    probed = np.zeros(len(trials), bool)
    columns = ["trial_id", "epoch", "layer", "gradient_norm"]
    for table in iterate_rows(directory.path, TableName.GRADIENTS, columns):
        if table.num_rows:
            codes, at = places.of(table["trial_id"])
            probed[at[at >= 0]] = True
            _count(counts, axes, probes, table, at[codes])
    return {
        axis.axis: {
            level: _medians(counts[axis.axis][code], probes, n)
            for code, level in enumerate(axis.order)
            if (n := int(probed[axis.codes == code].sum()))
        }
        for axis in axes
    }


def _probes(directory: ResultsDir) -> _Probes | None:
    """Find the layers there are, and the epochs but for those of single trials, as their last."""
    trials_at: dict[int, int] = {}
    n_layers = 0
    for table in iterate_rows(directory.path, TableName.GRADIENTS, ["epoch", "layer"]):
        if table.num_rows:
            n_layers = max(n_layers, pc.max(table["layer"]).as_py() + 1)
            first = table.filter(pc.field("layer") == 0)["epoch"]
            for item in pc.value_counts(first).to_pylist():
                trials_at[item["values"]] = trials_at.get(item["values"], 0) + item["counts"]
    if not trials_at:
        return None
    fewest = min(2, max(trials_at.values()))
    epochs = np.array(sorted(e for e, n in trials_at.items() if n >= fewest), np.int64)
    spread = np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_EPOCHS)).astype(np.int64)
    return _Probes(epochs[spread], min(n_layers, MOST_LAYERS))


def _count(
    counts: dict[str, list[np.ndarray]],
    axes: Sequence[Levels],
    probes: _Probes,
    table: pa.Table,
    trial: Int64[np.ndarray, " rows"],
) -> None:
    """Add the rows of a part to the histograms of their levels."""
    epoch, layer, norm = (table[n].to_numpy() for n in ("epoch", "layer", "gradient_norm"))
    at = np.minimum(np.searchsorted(probes.epochs, epoch), len(probes.epochs) - 1)
    wanted = (probes.epochs[at] == epoch) & (layer < probes.n_layers) & (trial >= 0)
    wanted &= ~np.isnan(norm)
    with np.errstate(divide="ignore"):
        height = (np.log10(norm[wanted]) - LOWEST) * BINS_A_DECADE
    bins = np.clip(height, 0, BINS - 1).astype(np.int64)
    cells = (layer[wanted] * len(probes.epochs) + at[wanted]) * BINS + bins
    for axis in axes:
        codes = axis.codes[trial[wanted]]
        for code, histogram in enumerate(counts[axis.axis]):
            found, times = np.unique(cells[codes == code], return_counts=True)
            histogram.reshape(-1)[found] += times.astype(np.uint32)


def _medians(histogram: np.ndarray, probes: _Probes, n: int) -> dict[str, Any]:
    total = histogram.sum(axis=2)
    reached = np.cumsum(histogram, axis=2) * 2 >= np.maximum(total, 1)[:, :, None]
    middle = reached.argmax(axis=2)
    values = 10.0 ** (LOWEST + (middle + 0.5) / BINS_A_DECADE)
    values = np.where(middle == 0, 0.0, values)
    values = np.where(total > 0, values, np.nan)
    used = np.flatnonzero(total.any(axis=1))
    return {
        "n": n,
        "layers": used.tolist(),
        "epochs": probes.epochs.tolist(),
        "median": [rounded(values[layer]) for layer in used],
    }
