"""Makes results of many trials without training any: `python -m bench.synthetic RESULTS`.

Losses fall as they do in training: fast at first, to a floor that depends on what the trial is;
some meet a rule, some a limit, some diverge and a few fail.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.parts import clean, publish
from sweep.store.tables.schema import SCHEMAS, conform
from sweep.store.tables.table_set import TableSet

ROWS_PER_PART = 20_000
ACTIVATIONS = ("relu", "sigmoid", "swish", "tanh")
TOPOLOGIES = ("16-4-16", "16-5-16", "16-8-4-8-16")
OPTIMIZERS = ("adam", "rmsprop", "sgd")
RATES = tuple(np.geomspace(1e-4, 1e-1, 7).round(8).tolist())
MOST_EPOCHS = 50_000
ERROR = "MemoryError: no memory for 512 lanes"
START = pd.Timestamp("2026-01-02T03:04:05", tz="UTC")
CONSTANT: dict[str, Any] = {
    "sweep": "synthetic",
    "dataset": "one-hot-16",
    "data_fingerprint": "0123456789abcdef",
    "depth": 2,
    "bottleneck": 4,
    "n_parameters": 148,
    "output_activation": "sigmoid",
    "initialiser": "glorot_uniform",
    "loss": "binary_cross_entropy",
    "loss_semantics": "keras",
    "dtype": "float32",
    "max_epochs": MOST_EPOCHS,
    "seconds": 1.5,
    "host": "bench",
    "device": "cpu",
    "engine": "fused",
    "numerics_version": 1,
    "lanes": 512,
    "attempt": 1,
    "resumed_from": 0,
    "sweep_version": "0",
    "torch_version": "0",
    "python_version": "0",
    "started": START,
    "finished": START,
}


def make_results(directory: ResultsDir, trials: int, *, points: int = 40, seed: int = 0) -> None:
    """Write the tables of so many trials.

    Args:
        directory: where there are no results yet.
        trials: how many.
        points: recorded epochs of a trial, at most; 0 for no curves.
        seed: key of all draws.
    """
    clean(directory)
    for number, (first, rows) in enumerate(_parts(trials), 1):
        rng = np.random.default_rng([seed, first])
        table = make_trials(rows, first=first, rng=rng)
        tables = {name: SCHEMAS[name].empty_table() for name in TableName}
        tables[TableName.TRIALS] = _conformed(table, TableName.TRIALS)
        if points:
            curves = _curves(table, points, rng)
            tables[TableName.CURVES] = _conformed(curves, TableName.CURVES)
        publish(directory, number, TableSet(tables))


def make_trials(rows: int, *, first: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return trials of a full grid, in its order from trial `first` on."""
    place = np.arange(first, first + rows)
    grid, levels = {}, place
    axes = {
        "activation": ACTIVATIONS,
        "topology": TOPOLOGIES,
        "optimizer": OPTIMIZERS,
        "learning_rate": RATES,
    }
    for name, values in axes.items():
        grid[name] = np.asarray(values)[levels % len(values)]
        levels = levels // len(values)
    table = pd.DataFrame({**CONSTANT, **grid, "seed": levels})
    ids = rng.integers(0, 2**63, (2, rows))
    table["trial_id"], table["path_id"] = ([f"{n:016x}" for n in row] for row in ids)
    table["pack"] = [f"{n:016x}" for n in place // 512]
    return table.assign(**_outcomes(table, rng))


def _outcomes(table: pd.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
    rows = len(table)
    rate = np.log10(table["learning_rate"].to_numpy())
    off = np.abs(rate + 2.0 + 0.5 * (table["optimizer"] == "sgd"))
    quality = off + 0.6 * (table["activation"] == "sigmoid") + rng.normal(0, 0.4, rows)
    loss = 10 ** (-5 + 1.5 * quality)
    epochs = np.clip(10 ** (3.0 + 0.5 * off + rng.normal(0, 0.3, rows)), 20, None).astype(np.int64)
    reason = np.where(epochs >= MOST_EPOCHS, "max_epochs", "converged").astype(object)
    epochs = np.minimum(epochs, MOST_EPOCHS)
    diverged = (rate > -1.6) & (rng.random(rows) < 0.2)
    failed = rng.random(rows) < 0.0005
    epochs[diverged] = rng.integers(2, 200, int(diverged.sum()))
    reason[diverged], reason[failed] = "diverged", "failed"
    status = np.where(np.isin(reason, ["diverged", "failed"]), reason, "finished")
    finished, seconds = status == "finished", epochs * 2e-5 * rng.uniform(0.8, 1.2, rows)
    measured = {
        "final_loss": loss,
        "best_loss": loss * rng.uniform(0.98, 1, rows),
        "validation_loss": loss * rng.uniform(1, 1.5, rows),
        "gradient_norm": np.sqrt(loss) * rng.lognormal(0, 1, rows),
        "samples_reconstructed": np.clip(16 - 3 * quality, 0, 16).round(),
        "dead_units": rng.poisson(np.clip(off, 0, 3) * 0.3),
    }
    return {
        "status": status,
        "stop_reason": reason,
        "epochs": epochs,
        "updates": epochs,
        "seconds_share": seconds,
        "error": np.where(failed, np.array(ERROR, dtype=object), None),  # type: ignore[call-overload]
        **{name: np.where(finished, values, np.nan) for name, values in measured.items()},
    }


def _curves(table: pd.DataFrame, points: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the losses of each trial at up to so many epochs, spread by their logarithms."""
    last = table["epochs"].to_numpy()
    shares = np.linspace(0, 1, points)
    epochs = np.rint(last[:, None] ** shares).astype(np.int64)
    floor = np.log10(table["final_loss"].fillna(10.0).to_numpy())[:, None]
    noise = np.cumsum(rng.normal(0, 0.02, epochs.shape), axis=1)
    bend = rng.uniform(0.8, 2.5, (len(table), 1))
    losses = 10 ** (-0.2 + (floor + 0.2) * shares**bend + noise)
    fresh = np.diff(epochs, axis=1, prepend=0) > 0
    ids = np.repeat(table["trial_id"].to_numpy(), points).reshape(epochs.shape)
    held_out = losses * rng.uniform(1, 1.5, (len(table), 1))
    return pd.DataFrame(
        {
            "trial_id": ids[fresh],
            "phase": np.zeros(int(fresh.sum()), np.int8),
            "epoch": epochs[fresh],
            "loss": losses[fresh],
            "validation_loss": held_out[fresh],
        }
    )


def _conformed(table: pd.DataFrame, name: TableName) -> pa.Table:
    """Return a frame as a table of the store: what it lacks holds its neutral value or nothing."""
    schema = SCHEMAS[name]
    held = pa.schema([item for item in schema if item.name in table.columns])
    return conform(pa.Table.from_pandas(table, held, preserve_index=False), schema, "synthetic")


def _parts(trials: int) -> Iterator[tuple[int, int]]:
    for first in range(0, trials, ROWS_PER_PART):
        yield first, min(ROWS_PER_PART, trials - first)


@click.command()
@click.argument("results", type=click.Path(path_type=Path, file_okay=False))
@click.option("--trials", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--points", type=click.IntRange(min=0), default=40, show_default=True)
def main(results: Path, trials: int, points: int) -> None:
    """Write RESULTS of so many trials, with curves of so many points each."""
    make_results(ResultsDir(results), trials, points=points)


if __name__ == "__main__":
    main()
