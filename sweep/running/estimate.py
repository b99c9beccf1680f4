"""Estimates how long a plan takes, from a short pilot of each kind.

Speed is measured; how many epochs trials take is not known before they have stopped. So there are
two estimates: by finished trials of the same pack key, and by the limits of the sweep.
"""

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from sweep.datasets import load_data
from sweep.engines.costs import epoch_seconds
from sweep.nets.topology import parse_topology
from sweep.pack import Pack
from sweep.planning.packs import PlannedPack, make_packs
from sweep.planning.plan import Plan
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.snapshot import read_rows
from sweep.training.pilot import Pace
from sweep.trial import PACK_KEY, Status, StopReason

MOST_PILOTS = 12
MOST_LANES = 1024
PackKind = tuple[str, str, int]
"""Engine, device and the number of the pack key."""


@dataclass(frozen=True)
class Quartiles:
    """Epochs of finished trials: how many trials, and their first, second and third quartile."""

    trials: int
    epochs: tuple[float, float, float]


@dataclass(frozen=True)
class PackPart:
    """The trials of one kind in one pack.

    Attributes:
        pack: which pack of the plan. kind: which kind.
        rows: one row of the grid for each path.
        limits: most epochs of each path. before: most of its pretraining.
    """

    pack: int
    kind: PackKind
    rows: Int64[np.ndarray, " paths"]
    limits: Float64[np.ndarray, " paths"]
    before: Float64[np.ndarray, " paths"]


@dataclass(frozen=True)
class TimeEstimate:
    """How long a plan takes to train, s, nothing else running and packs handed out in order.

    Attributes:
        at_most: if every path trains to its limit.
        like_finished: if all stop as a quick, a middling, a slow finished trial of their kind
            (the quartiles), and those without such at their limit; None if no kind has any.
        kinds, timed, known: kinds to train, kinds timed, kinds with finished trials.
        finished: finished trials of these kinds.
        epochs_per_second: of all workers together, over everything at its limit.
        workers: packs trained at a time.
    """

    at_most: float
    like_finished: tuple[float, float, float] | None
    kinds: int
    timed: int
    known: int
    finished: int
    epochs_per_second: float
    workers: int


def estimate_plan(
    plan: Plan, finished: Mapping[int, Quartiles], time_pack: Callable[[Pack], Pace]
) -> TimeEstimate:
    """Estimate how long the missing trials of a plan take.

    Args:
        plan: the plan, with something to train.
        finished: epochs of finished trials, by number of the pack key.
        time_pack: measures a pack of one pack key.
    """
    parts = parts_of(plan)
    largest = _largest(parts)
    costs = {kind: _cost(plan, part) for kind, part in largest.items()}
    timed = {k: time_pack(_pack(plan, largest[k])) for k in spread_kinds(costs)}
    kinds = list(largest)
    pace = {kind: lane_epoch_seconds(kind, costs, timed) for kind in kinds}
    known = {kind: finished[kind[2]] for kind in kinds if kind[2] in finished}

    def duration(quartile: int | None) -> float:
        seconds = np.zeros(len(plan.planned_packs))
        for part in parts:
            epochs = part.limits
            if quartile is not None and part.kind in known:
                epochs = np.minimum(epochs, known[part.kind].epochs[quartile])
            seconds[part.pack] += (part.before + epochs).sum() * pace[part.kind]
        return makespan(seconds.tolist(), plan.workers)

    at_most = duration(None)
    return TimeEstimate(
        at_most=at_most,
        like_finished=(duration(0), duration(1), duration(2)) if known else None,
        kinds=len(kinds),
        timed=len(timed),
        known=len(known),
        finished=sum(quartiles.trials for quartiles in known.values()),
        epochs_per_second=sum(float((p.before + p.limits).sum()) for p in parts) / at_most,
        workers=min(plan.workers, len(plan.planned_packs)),
    )


def parts_of(plan: Plan) -> list[PackPart]:
    """Divide every pack of a plan by pack key, a row for each path."""
    cells, parts = plan.grid.cells, []
    for number, pack in enumerate(plan.planned_packs):
        keys = cells.keys[pack.rows]
        for key in np.unique(keys):
            rows = pack.rows[keys == key]
            _, first, path = np.unique(cells.path_ids[rows], return_index=True, return_inverse=True)
            limits = np.zeros(len(first))
            np.maximum.at(limits, path, cells.max_epochs[rows])
            kind = (pack.engine, pack.device, int(key))
            before = cells.pretraining_epochs[rows[first]]
            parts.append(PackPart(number, kind, rows[np.sort(first)], limits, before))
    return parts


def spread_kinds(costs: Mapping[PackKind, float]) -> list[PackKind]:
    """Return up to twelve kinds, evenly spread from the cheapest to the dearest of each engine."""
    ordered = sorted(costs, key=lambda kind: (kind[:2], costs[kind]))
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_PILOTS))
    return [ordered[round(place)] for place in places]


def nearest_kind(
    kind: PackKind, costs: Mapping[PackKind, float], timed: Mapping[PackKind, object]
) -> PackKind:
    """Return the timed kind that represents one: itself, else the nearest in cost of its engine."""

    def distance(other: PackKind) -> tuple[bool, bool, float]:
        return other != kind, other[:2] != kind[:2], abs(math.log(costs[other] / costs[kind]))

    return min(timed, key=distance)


def lane_epoch_seconds(
    kind: PackKind, costs: Mapping[PackKind, float], timed: Mapping[PackKind, Pace]
) -> float:
    """Return the time of an epoch of a lane, from the timed kind that represents it.

    In the fused engine time goes with the cost; elsewhere calls may take most of it.
    """
    nearest = nearest_kind(kind, costs, timed)
    dearer = costs[kind] / costs[nearest] if kind[0] == nearest[0] == "fused" else 1.0
    return timed[nearest].lane_epoch_seconds * dearer


def makespan(seconds: Sequence[float], workers: int) -> float:
    """Return when the last pack ends if each is taken in order by the first free worker."""
    free = [0.0] * max(1, min(workers, len(seconds)))
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)


def _largest(parts: Sequence[PackPart]) -> dict[PackKind, PackPart]:
    largest: dict[PackKind, PackPart] = {}
    for part in parts:
        if part.kind not in largest or len(part.rows) > len(largest[part.kind].rows):
            largest[part.kind] = part
    return largest


def _cost(plan: Plan, part: PackPart) -> float:
    """Return about how long an epoch of one lane would take the fused engine, s."""
    pack = PlannedPack(part.rows[:1], part.kind[0], part.kind[1])
    made = next(make_packs(plan.grid, [pack], resources=plan.config.resources))
    trial = made.trials[0]
    data = load_data(dict(made.datasets)[trial.data_fingerprint])
    return epoch_seconds(trial, len(data.inputs))


def _pack(plan: Plan, part: PackPart) -> Pack:
    pack = PlannedPack(part.rows[:MOST_LANES], part.kind[0], part.kind[1])
    return next(make_packs(plan.grid, [pack], resources=plan.config.resources))


def read_epoch_history(path: AnyPath, keys: Sequence[tuple[object, ...]]) -> dict[int, Quartiles]:
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
