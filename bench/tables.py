"""Planning, reading and writing: commands that train nothing."""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from bench.problem import SHALLOW, start_weights, study_trial
from bench.processes import median_seconds, python, sweep
from bench.stopwatch import say
from bench.table import Row, Unit, at_most, in_seconds
from sweep.result import Curve, Outcome, Provenance, TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import Status, StopReason

TIMES = 5
LIMIT = 120.0
ROWS = 100_000
FRAME_ROWS = 500  # results that reach the writer together
MILLION = (
    "grid.replicates=10000",
    "grid.learning_rate={log: {from: 1e-4, to: 1e-1, count: 10}}",
    "grid.initialiser={name: uniform, constant: {linear: {from: 0.1, to: 1, count: 10}}}",
)
READ = """
import json, sys, time
import sweep, pandas, pyarrow.dataset, pyarrow.parquet
began = time.perf_counter()
rows = len(sweep.read_trials(sys.argv[1], columns="all"))
print(json.dumps([rows, time.perf_counter() - began]))
"""


def planning() -> list[Row]:
    """Plan a million trials."""
    say("planning a million trials")
    ran = sweep("plan", "configs/many.yaml", *MILLION, "--json", timeout=LIMIT)
    trials = json.loads(ran.output)["trials"]
    assert trials == 1_000_000, trials
    work = "sweep plan of 1,000,000 trials"
    seconds, memory = in_seconds(ran.seconds), f"{ran.peak_mb:.0f} MB"
    return [
        Row(work=work, ours=seconds, figure=ran.seconds, unit=Unit.SECONDS, goal=at_most(10)),
        Row(
            work=f"{work}, peak memory",
            ours=memory,
            figure=ran.peak_mb,
            unit=Unit.MEGABYTES,
            goal=at_most(round(2**30 / 1e6)),
        ),
    ]


def waiting() -> list[Row]:
    """Time the commands that a user waits for."""
    say("commands that train nothing")
    example = "results/examples/quickstart"
    commands = [
        (("--help",), 0.3),
        (("plan", "configs/zhang2017.yaml"), 1.0),
        (("status", example), 1.5),
        (("results", example), 1.5),
    ]
    rows = []
    for words, bound in commands:
        seconds = median_seconds(*words, times=TIMES, timeout=LIMIT)
        rows.append(_seconds_row(f"sweep {' '.join(words)}", seconds, bound))
    return rows


def storing() -> list[Row]:
    """Write and read a table of 100,000 rows with curves and weights."""
    say(f"writing {ROWS:,} rows")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "results"
        results = ResultsDir(path)
        frames = list(_frames())
        began = time.perf_counter()
        with Writer(results) as writer:
            for frame in frames:
                writer.append(frame)
        written = time.perf_counter() - began
        files = sum(1 for _ in path.rglob("*.parquet"))
        say("reading them")
        rows, read = json.loads(python("-c", READ, path, timeout=LIMIT).output)
        assert rows == ROWS, rows
        shown = median_seconds("results", str(path), "--top", "5", times=3, timeout=LIMIT)
    note = f"trials, curves and weights, in {files} Parquet files, in frames of {FRAME_ROWS} rows"
    return [
        replace(_seconds_row(f"writing {ROWS:,} rows", written, 5), note=note),
        _seconds_row(f"read_trials of {ROWS:,} rows, beyond imports", read, 0.5),
        _seconds_row(f"sweep results --top 5 of {ROWS:,} rows", shown, 1.5),
    ]


def _seconds_row(work: str, seconds: float, bound: float) -> Row:
    goal = at_most(bound)
    return Row(work=work, ours=in_seconds(seconds), figure=seconds, unit=Unit.SECONDS, goal=goal)


def _frames() -> Iterator[bytes]:
    results = short_results(ROWS)
    while frame := list(islice(results, FRAME_ROWS)):
        yield encode(frame, "bench")


def short_results(count: int, *, first: int = 0) -> Iterator[TrialResult]:
    """Yield results such as short trials leave, of the seeds from `first` on."""
    trial, weights = study_trial(SHALLOW), start_weights(1, SHALLOW)[0]
    now = datetime.now(UTC)
    provenance = Provenance(
        seconds=1.5,
        seconds_share=0.01,
        host="bench",
        device="cpu",
        engine="fused",
        numerics_version=1,
        pack="0" * 16,
        lanes=512,
        attempt=1,
        resumed_from=0,
        sweep_version="0",
        torch_version="0",
        python_version="0",
        started=now,
        finished=now,
    )
    epochs = np.unique(np.rint(10 ** (np.arange(80) / 20)).astype(np.int64))
    for seed in range(first, first + count):
        outcome = Outcome(
            status=Status.FINISHED,
            stop_reason=StopReason.CONVERGED,
            epochs=int(epochs[-1]),
            updates=int(epochs[-1]),
            final_loss=1.0 / (seed + 1),
            best_loss=1.0 / (seed + 1),
            samples_reconstructed=16,
        )
        yield TrialResult(
            trial=replace(trial, seed=seed),
            outcome=outcome,
            provenance=provenance,
            curve=Curve.of_losses(epochs, 1.0 / (epochs + seed)),
            parameters=weights,
        )
