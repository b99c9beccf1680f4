"""Estimates how much room on disk the results of trials take."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from sweep.config.sweepfile import Record
from sweep.datasets import load_data
from sweep.planning.grid import Grid
from sweep.planning.packs import Rows
from sweep.trial import PACK_KEY

MOST_TRIALS_WITH_STATES = 2_000
"""A state is several times its network: of larger sweeps only those are kept that a limit ended."""

ROW_BYTES = 300
"""Of the table of trials, of that of ladders, and of a saved state apart from its network and
curve. These and the sizes below are those of zstd, measured on small networks."""

POINT_BYTES = 9  # a recorded loss and its epoch
PARAMETER_BYTES = {"float32": 6.5, "float64": 9.0}  # both are stored as float64
PROBE_BYTES = 70  # a layer at an epoch that was looked at
ACTIVATION_BYTES = 10
DECADE, TAIL = 20, 16  # recorded epochs in a decade, and at the end
SLOTS = {"sgd": 0, "rmsprop": 1, "adagrad": 1}  # arrays of an optimizer; the others have 2


def disk_bytes(grid: Grid, rows: Rows, record: Record) -> dict[str, int]:
    """Return about the most bytes that the results of trials take on disk, by table.

    That is if every trial trains to its limit. Measured sizes lie between half of it and all.

    Args:
        grid: the trials.
        rows: those to count.
        record: what is kept of them; `auto` is judged by the number of trials in the grid.
    """
    few = len(grid) <= MOST_TRIALS_WITH_STATES
    states = ("all" if few else "resumable") if record.state == "auto" else record.state
    limits, fixed = _limits(grid)
    kinds = np.stack([grid.cells.keys[rows], limits[rows], fixed[rows]], axis=1)
    found, counts = np.unique(kinds, axis=0, return_counts=True)
    total: dict[str, float] = {}
    for (key, limit, asked_for), count in zip(found.tolist(), counts.tolist(), strict=True):
        shape = dict(zip(PACK_KEY, grid.pack_keys[int(key)], strict=True))
        sizes = _sizes(grid, shape, limit, record)
        if states == "none" or (states == "resumable" and asked_for):
            del sizes["state"]
        for name, size in sizes.items():
            total[name] = total.get(name, 0.0) + size * count
    return {name: round(size) for name, size in total.items()}


def _sizes(grid: Grid, shape: Mapping[str, Any], limit: float, record: Record) -> dict[str, float]:
    """Return the bytes of one trial that trains for `limit` epochs, by table."""
    widths, held_out = shape["topology"], False
    each = PARAMETER_BYTES[shape["dtype"]] * _n_parameters(shape)
    points = DECADE * np.log10(max(limit, 1.0)) + TAIL
    if record.curves or record.codes != "none":
        data = load_data(grid.datasets[shape["data_fingerprint"]])
        held_out = data.validation_inputs is not None
    sizes = {
        "trials": float(ROW_BYTES),
        "curves": points * POINT_BYTES * (1.5 if held_out else 1.0) * record.curves,
        "weights": each * record.weights,
        "state": each * (1 + _slots(shape)) + points * POINT_BYTES + 2 * ROW_BYTES,
        "ladder": float(ROW_BYTES) * record.ladder,
        "gradients": points / 2 * (len(widths) - 1) * PROBE_BYTES * record.gradients,
    }
    if record.codes != "none":
        hidden = widths[1:-1] if record.codes == "all" else [min(widths[1:-1], default=0)]
        sizes["codes"] = float(sum(hidden) * len(data.inputs) * ACTIVATION_BYTES)
    return {name: size for name, size in sizes.items() if size}


def _n_parameters(shape: Mapping[str, Any]) -> int:
    """Return how many numbers a network keeps, running statistics included."""
    layers = list(pairwise(shape["topology"]))
    own = layers[: (len(layers) + 1) // 2] if shape["tied_weights"] else layers
    inner = sum(fan_out for _, fan_out in layers[:-1])
    normalised = shape["normalisation"] == "batch"
    n: int = sum(a * b for a, b in own) + 4 * inner * normalised
    if shape["biases"]:
        n += sum(fan_out for _, fan_out in layers) - inner * normalised
    if shape["skip"] == "highway":
        n += sum((a + 1) * b for a, b in layers[:-1])
    return n


def _slots(shape: Mapping[str, Any]) -> int:
    extras = ("optimizer_momentum", "optimizer_centered", "optimizer_amsgrad")
    return SLOTS.get(shape["optimizer"], 2) + sum(bool(shape[name]) for name in extras)


def _limits(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the most epochs of every trial, and whether they are what it was asked for."""
    cells = grid.cells
    asked = np.zeros(len(cells))
    for number, product in enumerate(grid.products):
        rows = np.flatnonzero(cells.products == number)
        asked[rows] = product.numbers("fixed_epochs")[cells.positions[rows]]
    fixed = asked > 0
    return np.where(fixed, np.minimum(asked, cells.max_epochs), cells.max_epochs), fixed
