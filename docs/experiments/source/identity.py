"""The numbers of the page on the identity."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from docs.experiments.source.page import EXAMPLES, share_of, wilson
from sweep.reports.rejudging import read_judged
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_phases
from sweep.studies.baselines import load_targets
from sweep.studies.identity import learns_identity, target_ranges
from sweep.trial import StopReason

DATA = {
    "vectors-1x4": "one",
    "uniform-20x4-0-in-0.1..1-held-out-0.2": "several",
    "uniform-20x4-0-in--1..1-held-out-0.2": "signed",
}
BASE: dict[str, object] = {
    "data": "several",
    "topology": "4-4-4",
    "activation": "relu",
    "output_activation": "relu",
    "activation_slope": None,
    "initialiser": "dl4j_xavier",
    "initialiser_constant": None,
    "initialiser_jitter": None,
    "bias_constant": 0.0,
    "weight_decay": 0.0,
    "learning_rate": 0.01,
    "pretraining": "none",
    "input_noise": "none",
    "sample_order": "full_batch",
}
ANY = frozenset({"activation_slope", "initialiser_constant", "initialiser_jitter"})
"""Parameters of which any value will do, unless one is named."""


def numbers() -> dict[str, Any]:
    """Return what the page names: counts, and functions of how a setting departs from the base."""
    directory = ResultsDir(EXAMPLES / "identity")
    trials = read_judged(directory)
    learnt = learns_identity(trials, target_ranges(load_targets(directory, trials)))
    trials = trials.assign(learnt=learnt.astype(bool), data=trials["dataset"].map(DATA))
    setting = _finder(trials)
    pretrained = read_phases(directory.path)
    sloped = trials["output_activation"].isin(["leaky_relu", "elu"])
    converged = trials[trials["stop_reason"] == StopReason.CONVERGED]
    base = setting()
    dead = base["dead_units"] > 0
    return {
        "n_trials": len(trials),
        "seeds": len(base),
        "n_settings": len(trials) // len(base),
        "epochs": int(trials["epochs"].sum() + trials["pretraining_epochs"].sum()),
        "pretraining_epochs": int(trials["pretraining_epochs"].sum()),
        "seconds": float(trials["seconds_share"].sum()),
        "has_phases": len(pretrained) > 0,
        "learnt": lambda **changes: int(setting(**changes)["learnt"].sum()),
        "shown": lambda **changes: _shown(setting(**changes)),
        "interval": lambda **changes: _interval(setting(**changes)),
        "cell": lambda **changes: _cell(setting(**changes)),
        "stuck": lambda **changes: int((setting(**changes)["zero_outputs"] > 0).sum()),
        "stuck_shown": lambda **changes: _share(setting(**changes)["zero_outputs"] > 0),
        "outputs": _stuck_outputs(setting(data="one")),
        "same_by_seed": _same_by_seed(setting),
        "sloped_stuck": int(trials[sloped]["zero_outputs"].max()),
        "sloped_one": int((~setting_of(trials, sloped, "one")).sum()),
        "dead": int(dead.sum()),
        "dead_units": float(base["dead_units"].mean()),
        "dead_learnt": int(base[dead]["learnt"].sum()),
        "quiet": int(((base["zero_outputs"] == 0) & ~base["learnt"]).sum()),
        "plateaus": int(converged["false_convergence"].sum()),
        "converged": len(converged),
        "draws_itself": int((setting(initialiser="identity")["initialiser_jitter"] == 0).sum()),
        "first_epoch": int(setting(initialiser="identity", initialiser_jitter=0.0)["epochs"].max()),
    }


def setting_of(trials: pd.DataFrame, rows: "pd.Series[bool]", data: str) -> "pd.Series[bool]":
    """Return whether each of these trials on a data set learnt it."""
    found: pd.Series[bool] = trials[rows & (trials["data"] == data)]["learnt"].astype(bool)
    return found


def _finder(trials: pd.DataFrame) -> Callable[..., pd.DataFrame]:
    def setting(**changes: object) -> pd.DataFrame:
        wanted = {k: v for k, v in {**BASE, **changes}.items() if v is not None or k not in ANY}
        found = trials[np.logical_and.reduce([trials[k] == v for k, v in wanted.items()])]
        assert len(found) in (64, 192), (changes, len(found))
        return found

    return setting


def _share(holds: "pd.Series[bool]") -> str:
    return share_of(int(holds.sum()), len(holds))


def _shown(trials: pd.DataFrame) -> str:
    return _share(trials["learnt"])


def _interval(trials: pd.DataFrame) -> str:
    return wilson(int(trials["learnt"].sum()), len(trials))


def _cell(trials: pd.DataFrame) -> str:
    """Write a cell of a table: `54 (74% to 91%)`."""
    return f"{int(trials['learnt'].sum())} ({_interval(trials)})"


def _stuck_outputs(trials: pd.DataFrame) -> dict[str, list[int]]:
    """Return how many seeds have 0 to 4 stuck outputs, and how many a coin would give."""
    counts = trials["zero_outputs"].value_counts().reindex(range(5), fill_value=0)
    return {
        "seen": [int(count) for count in counts],
        "expected": [round(len(trials) * float(binom.pmf(k, 4, 0.5))) for k in range(5)],
    }


def _same_by_seed(setting: Callable[..., pd.DataFrame]) -> bool:
    """Return whether outputs are stuck at the same seeds, whatever the rate and the decay."""
    rates = [setting(data="one", learning_rate=rate) for rate in (0.1, 0.01, 0.001, 0.0001)]
    rows = [*rates, setting(data="one", weight_decay=0.001)]
    counts = [part.set_index("seed")["zero_outputs"].sort_index().tolist() for part in rows]
    return all(other == counts[0] for other in counts)
