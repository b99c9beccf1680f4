"""Puts trials into packs that train together."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from math import ceil

import numpy as np
from jaxtyping import Int64

from sweep.config.grids.conditions import parse_rule
from sweep.config.sweepfile import Resources
from sweep.pack import Pack
from sweep.planning.engines import choose_engine, unfused
from sweep.planning.grid import TrialGrid
from sweep.trial import Trial

LEAST_TRIALS = 32  # fewer leave the cost of a pack unshared
MOST_TRIALS = {"fused": 8192, "torch": 1024, "reference": 1024}
PACKS_PER_WORKER = 4  # enough that the slowest pack does not hold the others up
MOST_PACKS_PER_WORKER = 8
Rows = Int64[np.ndarray, " rows"]


@dataclass(frozen=True)
class PlannedPack:
    """A pack before its trials are made: rows of the grid, their engine and device."""

    rows: Rows
    engine: str
    device: str


def plan_packs(
    grid: TrialGrid, rows: Rows, *, resources: Resources, workers: int
) -> list[PlannedPack]:
    """Divide trials into packs, without making them.

    Trials of one pack key stand together, and all trials of one path in one pack. Packs are large
    enough to pay for themselves and small enough that every worker has several; where there are
    hundreds of tiny keys, a pack holds several of them.

    Args:
        grid: the trials.
        rows: those to train.
        resources: what the sweep asks for.
        workers: packs trained at a time, at least 1.
    """
    planned: list[PlannedPack] = []
    for (engine, device), keys in _groups(grid, rows, resources):
        most = resources.lanes_per_pack or MOST_TRIALS[engine]
        target = min(pack_target(len(rows), workers), most)
        parts = [part for key in keys for part in _split(grid, key, target)]
        planned += [PlannedPack(part, engine, device) for part in parts]
    if len(planned) > MOST_PACKS_PER_WORKER * workers:
        planned = list(_merged(planned, len(rows), resources=resources, workers=workers))
    return planned


def count_unfused(grid: TrialGrid, rows: Rows, resources: Resources) -> dict[str, int]:
    """Return how many of these trials the fused engine cannot train, by the feature it lacks.

    A trial counts for each such feature.
    """
    counts: dict[str, int] = {}
    for part, device in _alike(grid, rows, resources):
        for reason in unfused(grid.trial(int(part[0])), device):
            counts[reason] = counts.get(reason, 0) + len(part)
    return counts


def pack_target(trials: int, workers: int) -> int:
    """Return the number of trials that a pack should have, all packs together having `trials`."""
    share = max(LEAST_TRIALS, ceil(trials / (PACKS_PER_WORKER * workers)))
    return max(1, min(share, ceil(trials / workers)))


def make_packs(
    grid: TrialGrid, planned: Sequence[PlannedPack], *, resources: Resources
) -> Iterator[Pack]:
    """Yield the packs one by one, making their trials as each is asked for."""
    for pack in planned:
        trials = tuple(grid.trials(pack.rows))
        names = sorted({trial.data_fingerprint for trial in trials})
        on_gpu = resources.gpu if pack.device == "cuda" else None
        yield Pack(
            pack_id=_pack_id(trials),
            trials=trials,
            datasets=tuple((name, grid.datasets[name]) for name in names),
            engine=pack.engine,
            device=pack.device,
            cpus=resources.cpus_per_pack,
            gpus=on_gpu.gpus_per_pack if on_gpu else resources.gpus_per_pack,
        )


def halve_pack(pack: Pack, trial_ids: Collection[str]) -> tuple[Pack, ...]:
    """Return these trials of `pack` as two packs, no path in both; none if they share one path."""
    trials = [trial for trial in pack.trials if trial.trial_id in trial_ids]
    paths = list(dict.fromkeys(trial.path_id for trial in trials))
    if len(paths) < 2:
        return ()
    first = set(paths[: len(paths) // 2])
    halves = (
        tuple(trial for trial in trials if (trial.path_id in first) is wanted)
        for wanted in (True, False)
    )
    return tuple(replace(pack, pack_id=_pack_id(half), trials=half) for half in halves)


def _pack_id(trials: Sequence[Trial]) -> str:
    return sha256("\n".join(trial.trial_id for trial in trials).encode()).hexdigest()[:16]


def _groups(
    grid: TrialGrid, rows: Rows, resources: Resources
) -> Iterator[tuple[tuple[str, str], list[Rows]]]:
    """Yield each engine and device with the rows of each of its pack keys."""
    found: dict[tuple[str, str], list[Rows]] = {}
    for part, device in _alike(grid, rows, resources):
        engine = choose_engine(grid.trial(int(part[0])), resources.engine, device)
        found.setdefault((engine, device), []).append(part)
    yield from found.items()


def _alike(grid: TrialGrid, rows: Rows, resources: Resources) -> Iterator[tuple[Rows, str]]:
    """Yield rows of one pack key and device, with the device."""
    on_gpu = train_on_gpu(grid, resources)
    for part in _runs(rows, grid.cells.keys[rows] * 2 + on_gpu[rows]):
        yield part, "cuda" if on_gpu[part[0]] else "cpu"


def train_on_gpu(grid: TrialGrid, resources: Resources) -> Int64[np.ndarray, " trials"]:
    """Return 1 for each trial that trains on a GPU; all trials of a path train on one device."""
    everywhere = resources.gpus_per_pack > 0 or (resources.gpu and not resources.gpu.where)
    if everywhere or resources.gpu is None:
        return np.full(len(grid), int(bool(everywhere)))
    sent = grid.holds_any([parse_rule(conditions) for conditions in resources.gpu.where])
    paths = grid.cells.path_ids
    return np.isin(paths, paths[sent]).astype(np.int64)


def _runs(rows: Rows, labels: Int64[np.ndarray, " rows"]) -> list[Rows]:
    """Return the rows of each label, labels by first appearance and rows in order."""
    if not len(rows):
        return []
    _, first, code = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    ranked = rank[code]
    order = np.argsort(ranked, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(ranked[order])) + 1)


def _split(grid: TrialGrid, rows: Rows, target: int) -> list[Rows]:
    """Divide the rows of a key into parts of about equal size, no path in two of them."""
    n_parts = ceil(len(rows) / target)
    paths = grid.cells.path_ids[rows]
    _, first, code = np.unique(paths, return_index=True, return_inverse=True)
    together = np.argsort(first[code], kind="stable")
    rank = np.argsort(np.argsort(first, kind="stable"))[code][together]
    starts = np.flatnonzero(np.diff(rank, prepend=-1))
    part_of_path = starts * n_parts // len(rows)
    part = part_of_path[rank]
    return np.split(rows[together], np.flatnonzero(np.diff(part)) + 1)


def _merged(
    planned: Sequence[PlannedPack], trials: int, *, resources: Resources, workers: int
) -> Iterator[PlannedPack]:
    """Yield the packs, neighbours of one engine and device joined while they fit one."""
    for (engine, device), group in groupby(planned, key=lambda b: (b.engine, b.device)):
        most = resources.lanes_per_pack or MOST_TRIALS[engine]
        target = min(pack_target(trials, workers), most)
        held: list[Rows] = []
        for pack in group:
            if held and sum(map(len, held)) + len(pack.rows) > target:
                yield PlannedPack(np.concatenate(held), engine, device)
                held = []
            held.append(pack.rows)
        yield PlannedPack(np.concatenate(held), engine, device)
