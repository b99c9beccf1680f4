"""The numbers of the page on vanishing gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from docs.experiments.source.page import EXAMPLES, fixed
from sweep.reports.statistics.intervals import Estimate, corrected, difference_of_pairs
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_gradients, read_phases, read_trials
from sweep.studies.baselines import load_targets, measure_yardstick, thresholds
from sweep.studies.gradients import first_probes

DEPTHS = (4, 8, 12)
BASE: dict[str, object] = {
    "activation": "sigmoid",
    "initialiser": "normal",
    "initialiser_constant": 0.1,
    "optimizer": "sgd",
    "normalisation": "none",
    "skip": "none",
    "gradient_clip": "none",
    "pretraining": "none",
}
FULL_DEPTHS = (4, 6, 8, 12)
DRAWN = {"xavier_uniform": 1.0, "kaiming_normal": 2**0.5}
"""Gains of initialisers, which stand in `initialiser_constant`."""


def numbers() -> dict[str, Any]:
    """Return what the page names: counts, and functions of how a setting departs from the base."""
    directory = ResultsDir(EXAMPLES / "vanishing")
    trials = read_trials(directory.path)
    targets = load_targets(directory, trials)
    limits = thresholds(trials, targets)
    trials = trials.assign(learnt=trials["final_loss"] < limits)
    yardstick = measure_yardstick(next(iter(targets.values())), "binary_cross_entropy")
    assert yardstick
    setting = _finder(trials)
    probes = first_probes(read_gradients(directory.path))
    ends = trials.set_index("trial_id")["depth"]
    first = probes[probes["layer"] == 0].set_index("trial_id")["gradient_rms"]
    last = probes[probes["layer"] == probes["trial_id"].map(ends) - 1]
    ratio = first / last.set_index("trial_id")["gradient_rms"]
    norms = probes.groupby("trial_id")["gradient_norm"].agg(lambda norm: np.sqrt((norm**2).sum()))

    def ratios(depth: int = 12, **changes: object) -> "pd.Series[float]":
        return ratio[setting(depth=depth, **changes)["trial_id"]].astype("float64")

    base = setting(depth=None)
    together = _shown_together(trials, base)
    full = trials[trials["depth"] == DEPTHS[-1]]
    return {
        "n_trials": len(trials),
        "n_settings": len(trials) // (len(DEPTHS) * len(setting(depth=4))),
        "seeds": len(setting(depth=4)),
        "seconds": float(trials["seconds_share"].sum()),
        "constant": yardstick.constant,
        "least": yardstick.least,
        "halfway": yardstick.halfway,
        "base_losses": base["final_loss"].tolist(),
        "base_trials": len(base),
        "passed_on": _passed_on(probes, set(base["trial_id"])),
        "ratio": lambda **changes: float(ratios(**changes).median()),
        "ratios": lambda **changes: ratios(**changes).tolist(),
        "comparisons": len(together),
        "shown_together": sum(found.low > 0 for found in together),
        "weakest": min(found.low for found in together if found.low > 0),
        "row": lambda **changes: _row(setting, changes),
        "count": lambda **changes: int(setting(**changes)["learnt"].sum()),
        "loss": lambda **changes: float(setting(**changes)["final_loss"].median()),
        "base_norm": float(norms[list(base["trial_id"])].max()),
        "phases": _phases(directory, setting),
        "restoring": int(
            sum(bool(group["learnt"].all()) for _, group in full.groupby(list(BASE), dropna=False))
        ),
        "full": _full(),
    }


def _full() -> dict[str, Any]:
    """Return counts of the sweep of all digits, and a function that writes a row of its table."""
    directory = ResultsDir(EXAMPLES / "vanishing_full")
    trials = read_trials(directory.path)
    limits = thresholds(trials, load_targets(directory, trials))
    trials = trials.assign(learnt=trials["final_loss"] < limits)
    setting = _finder(trials)
    return {
        "n_trials": len(trials),
        "seeds": int(trials["seed"].nunique()),
        "seconds": float(trials["seconds_share"].sum()),
        "halfway": float(limits.median()),
        "row": lambda **changes: _full_row(setting, changes),
        "count": lambda **changes: int(setting(**changes)["learnt"].sum()),
        "total": lambda **changes: len(setting(**changes)),
        "lesser": lambda **changes: _lesser(setting(**changes)),
    }


def _full_row(setting: Callable[..., pd.DataFrame], changes: dict[str, object]) -> str:
    """Write the cells of a setting: trials that have learnt at either rate, the lesser loss."""
    cells = []
    for depth in FULL_DEPTHS:
        found = setting(depth=depth, **changes)
        rates, loss = list(found.groupby("learning_rate")), _lesser(found)
        learnt = [int(trials["learnt"].sum()) for _, trials in rates]
        shown = [
            f"**{n}**" if n == len(rows) else f"{n}"
            for n, (_, rows) in zip(learnt, rates, strict=True)
        ]
        cells.append(f"{', '.join(shown)} ({fixed(loss, 3 if loss < 10 else 1)})")
    return " | ".join(cells)


def _lesser(trials: pd.DataFrame) -> float:
    """Return the lesser of the median losses at each learning rate."""
    return float(trials.groupby("learning_rate")["final_loss"].median().min())


def _finder(trials: pd.DataFrame) -> Callable[..., pd.DataFrame]:
    def setting(depth: int | None = 4, **changes: object) -> pd.DataFrame:
        wanted = {**BASE, **changes}
        if "initialiser_constant" not in changes and wanted["initialiser"] in DRAWN:
            wanted["initialiser_constant"] = DRAWN[str(wanted["initialiser"])]
        holds = np.logical_and.reduce([trials[key] == value for key, value in wanted.items()])
        found: pd.DataFrame = trials[holds & ((trials["depth"] == depth) | (depth is None))]
        assert len(found) > 1, (depth, changes)
        return found

    return setting


def _shown_together(trials: pd.DataFrame, base: pd.DataFrame) -> list[Estimate]:
    """Return how much more often each setting learns than the base, seed by seed, all depths."""
    seeds = ["depth", "seed"]
    plain = base.set_index(seeds)["learnt"].astype(int)
    others = [
        rows.set_index(seeds)["learnt"].astype(int)
        for _, rows in trials.groupby(list(BASE), dropna=False)
        if not set(rows["trial_id"]) & set(base["trial_id"])
    ]
    level = corrected(len(others))
    return [difference_of_pairs((rows - plain).to_numpy(np.int64), level) for rows in others]


def _row(setting: Callable[..., pd.DataFrame], changes: dict[str, object]) -> str:
    """Write the cells of a setting: trials that have learnt, and the median loss, by depth."""
    cells = []
    for depth in DEPTHS:
        trials = setting(depth=depth, **changes)
        learnt, loss = int(trials["learnt"].sum()), float(trials["final_loss"].median())
        shown = f"**{learnt}**" if learnt == len(trials) else f"{learnt}"
        cells.append(f"{shown} ({fixed(loss, 3 if loss < 10 else 1)})")
    return " | ".join(cells)


def _passed_on(probes: pd.DataFrame, trial_ids: set[str]) -> list[float]:
    """Return the median share of the gradient that a layer of the base passes on, by depth."""
    rows = probes[probes["trial_id"].isin(trial_ids)].sort_values(["trial_id", "layer"])
    shares = rows["gradient_rms"] / rows.groupby("trial_id")["gradient_rms"].shift(-1)
    depth = rows.groupby("trial_id")["layer"].transform("max") + 1
    # Inner layers alone: the output layer, and the one before it, have derivatives of their own.
    inner = (rows["layer"] > 0) & (rows["layer"] < depth - 2)
    return [float(shares[inner & (depth == d)].median()) for d in DEPTHS]


def _phases(directory: ResultsDir, setting: Callable[..., pd.DataFrame]) -> dict[str, Any]:
    phases = read_phases(directory.path)

    def losses(name: str, depth: int) -> list[float]:
        rows = phases[phases["trial_id"].isin(setting(depth=depth, pretraining=name)["trial_id"])]
        medians: pd.Series[float] = rows.groupby("phase")["loss"].median()
        return [float(loss) for loss in medians]

    return {"grow": losses("grow", 4), "greedy": losses("greedy", 8)}
