"""What this machine offers to train on, and how much room results take on its disk."""

import os
from itertools import pairwise

import numpy as np

from sweep.config.sweepfile import Record
from sweep.datasets import load_data
from sweep.planning.grid import TrialGrid
from sweep.planning.packs import Rows
from sweep.plugins.components import component_of, flags_of
from sweep.plugins.networks import facts_of
from sweep.trial import Trial

MOST_TRIALS_WITH_STATES = 2_000
"""A state is several times its network: of larger sweeps only those are kept that a limit ended."""

ROW_BYTES = 300
"""Of the table of trials, of that of ladders, and of a saved state apart from its network and
curve. These and the sizes below are those of zstd, measured on small networks."""

POINT_BYTES = 9  # a recorded loss and its epoch
PARAMETER_BYTES = {"float32": 6.5, "float64": 9.0}  # both are stored as float64
PROBE_BYTES = 70  # a layer at an epoch that was probed
ACTIVATION_BYTES = 10
DECADE, TAIL = 20, 16  # recorded epochs in a decade, and at the end


def disk_bytes(grid: TrialGrid, rows: Rows, record: Record) -> dict[str, int]:
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
    found, first, counts = np.unique(kinds, axis=0, return_index=True, return_counts=True)
    total: dict[str, float] = {}
    for (_, limit, asked_for), row, count in zip(found, rows[first], counts.tolist(), strict=True):
        sizes = _sizes(grid, grid.trial(int(row)), float(limit), record)
        if states == "none" or (states == "resumable" and asked_for):
            del sizes["state"]
        for name, size in sizes.items():
            total[name] = total.get(name, 0.0) + size * count
    return {name: round(size) for name, size in total.items()}


def _sizes(grid: TrialGrid, trial: Trial, limit: float, record: Record) -> dict[str, float]:
    """Return the bytes of a trial that trains for `limit` epochs, by table."""
    widths = trial.topology
    each = PARAMETER_BYTES[trial.dtype] * _n_parameters(trial)
    optimizer, options = component_of(trial, "optimizer")
    slots = len(optimizer.slots(flags_of(optimizer, options)))
    points = DECADE * np.log10(max(limit, 1.0)) + TAIL
    data = load_data(grid.datasets[trial.data_fingerprint])
    monitored = 1 if data.validation_inputs is None else 2
    restored = trial.restore == "best"
    sizes = {
        "trials": float(ROW_BYTES),
        "curves": points * POINT_BYTES * monitored * record.curves,
        "weights": each * record.weights,
        "state": each * (1 + slots + restored)
        + points * POINT_BYTES * monitored
        + 2 * ROW_BYTES * monitored,
        "ladder": float(ROW_BYTES) * record.ladder * monitored,
        "gradients": points / 2 * (len(widths) - 1) * PROBE_BYTES * record.gradients,
    }
    if record.codes != "none":
        hidden = widths[1:-1] if record.codes == "all" else [min(widths[1:-1], default=0)]
        sizes["codes"] = float(sum(hidden) * len(data.inputs) * ACTIVATION_BYTES)
    return {name: size for name, size in sizes.items() if size}


def _n_parameters(trial: Trial) -> int:
    """Return how many numbers a network keeps, running statistics included."""
    if trial.network is not None:
        return facts_of(trial).n_numbers
    layers = list(pairwise(trial.topology))
    own = layers[: (len(layers) + 1) // 2] if trial.tied_weights else layers
    inner = sum(fan_out for _, fan_out in layers[:-1])
    normalised = trial.normalisation != "none"
    n: int = sum(a * b for a, b in own) + 4 * inner * normalised
    if trial.biases:
        n += sum(fan_out for _, fan_out in layers) - inner * normalised
    skip, _ = component_of(trial, "skip")
    if skip and skip.gated:
        n += sum((a + 1) * b for a, b in layers[:-1])
    return n


def _limits(grid: TrialGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return the most epochs of every trial, and whether they are what it was asked for."""
    cells = grid.cells
    asked = np.zeros(len(cells))
    for number, product in enumerate(grid.products):
        rows = np.flatnonzero(cells.products == number)
        asked[rows] = product.numbers("fixed_epochs")[cells.positions[rows]]
    fixed = asked > 0
    return np.where(fixed, np.minimum(asked, cells.max_epochs), cells.max_epochs), fixed


MOST_WORKERS_PER_CPU = 16
"""Beyond this the processes alone, about 400 MB each, are more than a machine holds."""


def available_cpus() -> int:
    """Return how many CPUs this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lacking_here(*, workers: int | None, cpus_per_pack: float) -> list[str]:
    """Say what a sweep asks for that this machine does not have; for a cluster that may be right.

    Args:
        workers: packs to train at a time, None for as many as there are CPUs.
        cpus_per_pack: CPUs that each takes.
    """
    cpus = available_cpus()
    said = []
    if workers and workers > cpus:
        said.append(
            f"resources.workers {workers:,}: this machine has {cpus:,} CPUs, which they share"
            + ("; that is more than it can start" if workers > cpus * MOST_WORKERS_PER_CPU else "")
        )
    if cpus_per_pack > cpus:
        said.append(
            f"resources.cpus_per_pack {cpus_per_pack:g}: this machine has {cpus:,} CPUs, so "
            "that no pack could start here"
        )
    return said
