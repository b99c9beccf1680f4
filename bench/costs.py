"""Measures the driver's work for each trial, message and pack.

Times are processor seconds: whatever else the machine does stays out of them, and so does the wait
for the disk.
"""

import pickle
import resource
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.problem import one_hot, study_lanes
from bench.stopwatch import say
from bench.tables import short_results
from sweep.api import run_sweep
from sweep.config import SweepConfig, load_config
from sweep.engines.fused.engine import FusedEngine
from sweep.planning import Plan, make_plan
from sweep.planning.packs import PlannedPack, make_packs
from sweep.ray.broker import Broker
from sweep.ray.session import ray_session
from sweep.ray.staffing import Places
from sweep.running.collection import collecting_rarely
from sweep.running.coordinator import Coordinator
from sweep.running.forecast import Forecast
from sweep.running.messages import Rows, Tally
from sweep.running.options import RunOptions
from sweep.running.worker_loop import ROWS_AT_ONCE
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import table_set_of
from sweep.store.tables.holdings import Holdings
from sweep.store.tables.writer import Writer
from sweep.training.work import Work, freeze

CONFIG = Path(__file__).parents[1] / "configs" / "many.yaml"
PACK_SIZES = (32, 1024)
FRAME_SIZES = (16, ROWS_AT_ONCE)
FRAMES = 20
TRIALS_HELD = 20_000
TRIALS_TRAINED = 400
CALLS = 2_000
CALLS_AT_ONCE = 100
LANES_SAVED = 512


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one driver on this machine takes: processor seconds, and bytes where the name says so.

    Attributes:
        plan_trial: planning, a trial. offer_pack, offer_trial: making a pack, opening its account,
            pickling it. keep_message, keep_row: a message of rows into journal and table.
        checkpoint: keeping the state of 512 lanes. call: a beat, at the broker.
        plan_bytes: of the plan, a trial. matching_rulestes: to know which trials have a row, each.
            open_bytes: a trial of a pack under way or ahead. row_bytes: of the table on disk.
    """

    plan_trial: float
    offer_pack: float
    offer_trial: float
    keep_message: float
    keep_row: float
    checkpoint: float
    call: float
    plan_bytes: float
    matching_rulestes: float
    open_bytes: float
    row_bytes: float


def config_of(trials: int) -> SweepConfig:
    """Return a sweep of so many trials, a multiple of 100: seeds, rates and initial weights."""
    return load_config(
        CONFIG,
        (
            f"grid.replicates={trials // 100}",
            "grid.learning_rate={log: {from: 1e-4, to: 1e-1, count: 10}}",
            "grid.initialiser={name: uniform, constant: {linear: {from: 0.1, to: 1, count: 10}}}",
        ),
    )


@collecting_rarely()
def measure_costs(trials: int) -> Measured:
    """Measure everything, and first the plan of so many trials, which then need not be made again.

    The memory of a plan is that by which this process grows, so that it should be a fresh one.
    """
    say(f"planning {trials:,} trials")
    before, began = _peak_bytes(), time.process_time()
    plan_of(trials)
    plan_seconds, plan_bytes = time.process_time() - began, _peak_bytes() - before
    say("making packs, keeping rows, calling the broker")
    with tempfile.TemporaryDirectory() as folder:
        results = ResultsDir(Path(folder) / "results")
        with Writer(results) as writer:
            coordinator = Coordinator(writer, "bench", TRIALS_HELD, Forecast(TRIALS_HELD))
            offer_pack, offer_trial = _line(
                PACK_SIZES, [_offer(coordinator, n) for n in PACK_SIZES]
            )
            keep_message, keep_row = _line(
                FRAME_SIZES, [_keep(coordinator, n) for n in FRAME_SIZES]
            )
            checkpoint = _save(coordinator)
        row_bytes = _row_bytes(Path(folder) / "trained")
    return Measured(
        plan_trial=plan_seconds / trials,
        offer_pack=offer_pack,
        offer_trial=offer_trial,
        keep_message=keep_message,
        keep_row=keep_row,
        checkpoint=checkpoint,
        call=_call(),
        plan_bytes=plan_bytes / trials,
        matching_rulestes=_matching_rulestes(),
        open_bytes=_open_bytes(),
        row_bytes=row_bytes,
    )


@cache
def plan_of(trials: int) -> Plan:
    """Plan a sweep of so many trials, a multiple of 100: seeds, rates and initial weights."""
    plan = make_plan(config_of(trials), workers=1)
    assert plan.missing == trials, plan.missing
    return plan


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _line(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Return what each costs and what each of its parts costs, from two sizes of it."""
    part = (seconds[1] - seconds[0]) / (sizes[1] - sizes[0])
    return max(0.0, seconds[0] - sizes[0] * part), part


def _queue(size: int) -> Iterator[Work]:
    """Make the packs of `TRIALS_HELD` trials, as the driver does."""
    plan = plan_of(TRIALS_HELD)
    rows = np.arange(TRIALS_HELD // size * size).reshape(-1, size)
    batches = [PlannedPack(part, "fused", "cpu") for part in rows]
    for pack in make_packs(plan.grid, batches, resources=plan.config.resources):
        yield Work(pack)


def _offer(coordinator: Coordinator, size: int) -> float:
    """Return the seconds in which the driver makes and offers a pack of this size."""
    queue = _queue(size)
    coordinator.open(next(queue))
    count, began = 0, time.process_time()
    for count, work in enumerate(queue, 1):  # noqa: B007 (counted)
        coordinator.open(work)
        pickle.dumps(work)
    return (time.process_time() - began) / count


def _keep(coordinator: Coordinator, size: int) -> float:
    """Return the seconds in which the driver keeps a message of this many rows, parts included."""
    results = short_results(size * FRAMES, first=size * FRAMES)
    frames = [Rows.of(list(islice(results, size)), "bench") for _ in range(FRAMES)]
    began = time.process_time()
    for frame in frames:
        coordinator.keep("0" * 16, frame)
    coordinator.writer.flush()
    return (time.process_time() - began) / FRAMES


def _save(coordinator: Coordinator) -> float:
    """Return the seconds in which the driver keeps a checkpoint of a full pack."""
    lanes = study_lanes(LANES_SAVED)
    engine = FusedEngine(lanes.shape, one_hot(16))
    data = freeze(engine.begin(lanes), lanes.lanes, ())
    began = time.process_time()
    for _ in range(FRAMES):
        coordinator.writer.save_checkpoint("0" * 16, data)
    return (time.process_time() - began) / FRAMES


def _row_bytes(folder: Path) -> float:
    """Return the bytes on disk of a trial that was trained, with its curve and weights."""
    config = load_config(CONFIG, (f"grid.replicates={TRIALS_TRAINED}",))
    run_sweep(config, RunOptions(output=folder, use_ray=False))
    table = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return table / TRIALS_TRAINED


def _open_bytes() -> float:
    """Return the memory of a trial whose pack is under way."""
    tracemalloc.start()
    queue = list(_queue(PACK_SIZES[1]))
    forecast = Forecast(TRIALS_HELD)
    for work in queue:
        forecast.open(work.pack)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / TRIALS_HELD


def _matching_rulestes() -> float:
    """Return the memory by which the driver knows that a trial has a row."""
    holdings = Holdings()
    batch = table_set_of(list(short_results(TRIALS_HELD)), "bench")
    tracemalloc.start()
    holdings.add_all(batch.trials, 1)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / TRIALS_HELD


class _Watched(Broker):
    async def cpu_seconds(self) -> float:
        return time.process_time()


def _call() -> float:
    """Return the processor seconds that a beat takes the broker."""
    with ray_session(address=None, workers=1):
        import ray

        broker: Any = ray.remote(_Watched).options(num_cpus=0, max_concurrency=10_000)
        broker = broker.remote(Places(1), 0)
        beat = Tally(epochs=1)
        ray.get([broker.beat.remote(1, beat) for _ in range(CALLS)])
        before = ray.get(broker.cpu_seconds.remote())
        for _ in range(CALLS // CALLS_AT_ONCE):
            ray.get([broker.beat.remote(1, beat) for _ in range(CALLS_AT_ONCE)])
        return float((ray.get(broker.cpu_seconds.remote()) - before) / CALLS)
