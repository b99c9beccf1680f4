"""Gathers what the page says of single trials beyond their row: codes, gradients, tracebacks.

There is room for some: of each setting the best trial, then those in the middle, then the worst.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweep.printable import printable_text
from sweep.reports.groups import factors_of
from sweep.reports.objective import objective_of
from sweep.reports.page.reconstructions import Reconstruct, pictures_of
from sweep.reports.page.rounding import rounded
from sweep.reports.page.table import PageTable
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.reader import read_codes, read_gradients
from sweep.store.tables.snapshot import read_rows

MOST_TRIALS = 120
MOST_FAILED = 20
MOST_LETTERS = 1_200_000
"""Letters of JSON, some four of which are one in the page."""
MOST_SAMPLES = 32
MOST_EPOCHS = 24

Details = dict[str, Any]


def gather_details(table: PageTable, reconstruct: Reconstruct | None = None) -> Details:
    """Return what is told of single trials, `{trials: {trial_id: …}, inputs: {data: …}}`.

    Args:
        table: the trials of the page.
        reconstruct: computes a trained network's outputs; None for no reconstructions.
    """
    chosen = chosen_trials(table)
    told = {trial_id: dict[str, Any]() for trial_id in chosen}
    for name, found in {
        "codes": _codes(table.directory, chosen),
        "gradients": _gradients(table.directory, chosen),
        "traceback": _tracebacks(table),
    }.items():
        for trial_id, value in found:
            told.setdefault(trial_id, {})[name] = value
    inputs: dict[str, Any] = {}
    if reconstruct:
        inputs, outputs = pictures_of(table.directory, chosen, reconstruct)
        for trial_id, picture in outputs.items():
            told[trial_id]["outputs"] = picture
    return {"trials": _within(told, MOST_LETTERS), "inputs": inputs}


def chosen_trials(table: PageTable) -> list[str]:
    """Return of each setting its best trial, then the ones in the middle, then the worst.

    Those of better settings come first; no more than `MOST_TRIALS`.
    """
    counted = table.population.trials
    loss, factors = objective_of(counted), factors_of(counted)
    setting: Any = counted.groupby(factors, dropna=False, sort=False).ngroup() if factors else 0
    ranked = pd.DataFrame({"id": counted["trial_id"], "loss": loss, "setting": setting})
    ranked = ranked[np.isfinite(loss)].sort_values("loss", kind="stable")
    place = ranked.groupby("setting").cumcount()
    size = ranked.groupby("setting")["id"].transform("size")
    wanted = [place == 0, place == size // 2, place == size - 1]
    ids = pd.concat([ranked["id"][one] for one in wanted]).drop_duplicates()
    return [str(trial_id) for trial_id in ids.head(MOST_TRIALS)]


def _codes(directory: ResultsDir, trial_ids: Sequence[str]) -> Iterator[tuple[str, Any]]:
    rows = read_codes(directory.path, trial_ids)
    rows = rows[rows["sample"] < MOST_SAMPLES].sort_values(["layer", "sample", "unit"])
    for trial_id, of_trial in rows.groupby("trial_id"):
        layers = [
            {
                "layer": int(table["layer"].iloc[0]),
                "samples": int(table["sample"].nunique()),
                "units": int(table["unit"].nunique()),
                "values": rounded(table["activation"], 3),
            }
            for _, table in of_trial.groupby("layer")
        ]
        yield str(trial_id), layers


def _gradients(directory: ResultsDir, trial_ids: Sequence[str]) -> Iterator[tuple[str, Any]]:
    rows = read_gradients(directory.path, trial_ids)
    for trial_id, of_trial in rows.groupby("trial_id"):
        wide = of_trial.pivot_table(index="layer", columns="epoch", values="gradient_norm")
        count = len(wide.columns)
        wide = wide.iloc[:, np.linspace(0, count - 1, min(count, MOST_EPOCHS)).astype(int)]
        told = {
            "layers": wide.index.tolist(),
            "epochs": wide.columns.tolist(),
            "norm": [rounded(row, 3) for row in wide.to_numpy()],
        }
        yield str(trial_id), told


def _tracebacks(table: PageTable) -> Iterator[tuple[str, str]]:
    failed = table.population.failed["trial_id"].head(MOST_FAILED).tolist()
    if not failed:
        return
    where = ("trial_id", failed)
    rows = read_rows(
        table.directory.path, TableName.TRIALS, columns=["traceback"], where=where
    ).to_pylist()
    for row in rows:
        if row["traceback"]:
            yield row["trial_id"], printable_text(row["traceback"])


def _within(told: Details, most: int) -> Details:
    """Return the first of those of whom there is anything to tell, as many as there is room for."""
    kept: Details = {}
    for trial_id, value in told.items():
        most -= len(json.dumps(value))
        if most < 0:
            break
        if value:
            kept[trial_id] = value
    return kept
