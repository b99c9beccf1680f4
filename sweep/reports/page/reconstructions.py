"""Shows what trained networks make of samples, beside these.

The networks themselves are computed by whoever calls, as that takes PyTorch.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sweep.datasets import load_data
from sweep.reports.recorded import recorded_datasets
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.reader import read_trial, read_weights
from sweep.store.tables.snapshot import read_rows
from sweep.trial import Trial

MOST_SHOWN = 24
MOST_SAMPLES = 10
LARGEST = 4_096
"""Features of a sample above which it is not shown."""
SMALLEST_SIDE = 5
"""Of a square that samples are shown as, pixels; others are shown as a row."""
GREY = 255

Reconstruct = Callable[[Trial, np.ndarray, np.ndarray], np.ndarray]
"""Returns the outputs of a trial's network, from its parameters and some samples."""
Picture = dict[str, Any]


def pictures_of(
    directory: ResultsDir, trial_ids: Sequence[str], reconstruct: Reconstruct
) -> tuple[dict[str, Picture], dict[str, Picture]]:
    """Return samples by the fingerprint of their data, and outputs for them by trial.

    Left out are trials whose weights were not kept, and data that no recorded run names.
    """
    where = ("trial_id", trial_ids)
    kept = read_rows(directory.path, TableName.WEIGHTS, columns=["trial_id"], where=where)
    held = set(kept["trial_id"].to_pylist())
    wanted = [trial_id for trial_id in trial_ids if trial_id in held][:MOST_SHOWN]
    trials = {trial_id: read_trial(directory.path, trial_id) for trial_id in wanted}
    specs = recorded_datasets(directory, {t.data_fingerprint for t in trials.values()})
    samples = {}
    for fingerprint, spec in specs.items():
        table = load_data(spec).inputs
        if table.shape[1] <= LARGEST:
            spread = np.linspace(0, len(table) - 1, min(len(table), MOST_SAMPLES))
            samples[fingerprint] = np.asarray(table[spread.astype(int)], np.float64)
    outputs = {
        trial_id: _picture(
            reconstruct(
                trial, read_weights(directory.path, trial_id).flat, samples[trial.data_fingerprint]
            )
        )
        | {"of": trial.data_fingerprint}
        for trial_id, trial in trials.items()
        if trial.data_fingerprint in samples
    }
    shown = {picture["of"] for picture in outputs.values()}
    return {name: _picture(table) for name, table in samples.items() if name in shown}, outputs


def _picture(table: Float[np.ndarray, "samples features"]) -> Picture:
    """Return samples as levels of grey, 0 at `low` to 255 at `high`, and the shape of each."""
    finite = table[np.isfinite(table)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    scaled = (np.nan_to_num(table, nan=low) - low) / (high - low or 1.0)
    side = math.isqrt(table.shape[1])
    square = side >= SMALLEST_SIDE and side * side == table.shape[1]
    return {
        "shape": [side, side] if square else [1, table.shape[1]],
        "low": low,
        "high": high,
        "values": np.rint(np.clip(scaled, 0, 1) * GREY).astype(int).tolist(),
    }
