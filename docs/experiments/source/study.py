"""The numbers of the page on the study of 25 autoencoders."""

from typing import Any

import numpy as np
import pandas as pd

from docs.experiments.source.page import EXAMPLES
from sweep.nets.autoencoder import hidden_activations
from sweep.reports.published import load_published
from sweep.reports.rejudging import read_judged
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_curves, read_ladder, read_trials
from sweep.studies.codes.hidden_codes import HiddenCodes, find_codes, read_published
from sweep.studies.codes.page import compare_codes
from sweep.studies.publications.readings import compare, pair_trials
from sweep.trial import Status, StopReason

SIGMOID = ("16-5-16", "16-4-16", "16-3-16", "16-8-4-8-16")
SHALLOW = SIGMOID[:3]
INITIALISERS = {"uniform": "U(\N{MINUS SIGN}c, c)", "xavier_uniform": "Xavier, gain c"}
LOSSES = {
    "binary_cross_entropy": "binary cross-entropy",
    "mean_squared_error": "mean squared error",
    "categorical_cross_entropy": "categorical cross-entropy",
}
RELU_LEVEL = 16.118 / 16 / 16
"""What an output at 0 for its own sample adds to a clipped cross-entropy of 16 samples."""
FACTOR = 4


def numbers() -> dict[str, Any]:
    """Return what the page names."""
    trials = read_judged(ResultsDir(EXAMPLES / "zhang2017_readings"))
    published = load_published("zhang2017_runs")
    comparison = compare(published, pair_trials(published, trials))
    return {
        "n_trials": len(trials),
        "literal": _literal_start(trials),
        "rows": _ranking(comparison),
        "n_readings": len(comparison.readings),
        "best": comparison.readings.iloc[0],
        "best_squared": float(_of_loss(comparison, "mean_squared_error")["distance"].iloc[0]),
        "sure": comparison.readings.head(3)["rank_sure"].tolist() == [1, 2, 3],
        "networks": _networks(comparison),
        "at_published": _at_published_epochs(published.rows),
        "spreads": _spreads(comparison),
        "codes": _codes(),
        "advice": _advice(trials),
        "distance": _distance(trials),
        "plateau": _false_convergence(trials),
    }


def _literal_start(trials: pd.DataFrame) -> dict[str, Any]:
    constant = (trials["initialiser"] == "constant") & (trials["initialiser_jitter"] == 0)
    finished = trials[constant & (trials["status"] == Status.FINISHED)]
    sigmoid = finished[
        (finished["activation"] == "sigmoid")
        & (finished["output_activation"] == "sigmoid")
        & (finished["loss"] == "binary_cross_entropy")
        & (finished["delta_patience"] == 1)
    ]
    return {
        "finished": len(finished),
        "unbroken": int((finished["unit_distance"] == 0).sum()),
        "sigmoid": len(sigmoid),
        "loss": float(sigmoid["final_loss"].median()),
        "epochs": sigmoid["epochs"].tolist(),
        "reconstructed": int(sigmoid["samples_reconstructed"].max()),
    }


def _ranking(comparison: Any) -> list[dict[str, Any]]:
    """Return the nearest readings, and the nearest by the rule as written."""
    found = comparison.readings
    rows = [_reading(rank, row) for rank, (_, row) in enumerate(found.iterrows(), 1)]
    written = next(row for row in rows if row["rule"] == "delta, patience 1")
    written["rule"] += ", as written"
    return [*rows[:4], *([written] if written["rank"] > 4 else [])]


def _of_loss(comparison: Any, loss: str) -> pd.DataFrame:
    readings: pd.DataFrame = comparison.readings
    return readings[readings["loss"] == loss]


def _reading(rank: int, row: "pd.Series[Any]") -> dict[str, Any]:
    rule, patience = "delta", row["delta_patience"]
    if pd.isna(patience):
        rule, patience = "early stopping", row["early_stopping_patience"]
    return {
        "rank": rank,
        "weights": INITIALISERS.get(str(row["initialiser"]), str(row["initialiser"])),
        "loss_name": LOSSES[str(row["loss"])],
        "rule": f"{rule}, patience {patience}",
        "epochs": row["epochs"],
        "loss": row["final loss"],
        "mismatches": row["mismatches"],
        "distance": row["distance"],
    }


def _networks(comparison: Any) -> list[dict[str, Any]]:
    """Return, by network, what was published and what the best reading gave."""
    runs = comparison.runs.loc[comparison.readings.index[0]]
    published = comparison.published.rows.rename(columns={"epochs": "epochs_published"})
    rows = published.join(runs.rename(columns={"epochs": "epochs_ours"}))
    return [
        {
            "name": f"{topology} {'ReLU' if activation == 'relu' else 'sigmoid'}",
            "sigmoid": activation == "sigmoid",
            "published_epochs": part["epochs_published"].tolist(),
            "epochs": part["epochs_ours"].tolist(),
            "published_loss": part["final_loss"].tolist(),
            "loss": part["final loss"].tolist(),
            "factor": (part["epochs_published"] / part["epochs_ours"]).tolist(),
            "reconstructed": float(part["reconstructed"].mean()),
        }
        for (topology, activation), part in rows.groupby(
            ["topology", "hidden_activation"], sort=False
        )
    ]


def _spreads(comparison: Any) -> dict[str, list[float]]:
    """Return by how much losses spread over c, most over least, per sigmoid network."""
    networks = [network for network in _networks(comparison) if network["sigmoid"]]
    return {
        "published": [_ratio(network["published_loss"]) for network in networks],
        "ours": [_ratio(network["loss"]) for network in networks],
    }


def _ratio(values: list[float]) -> float:
    return max(values) / min(values)


def _at_published_epochs(published: pd.DataFrame) -> dict[str, Any]:
    """Return what our runs had come to at the epochs that were published."""
    trials = read_trials(EXAMPLES / "zhang2017_epochs")
    ours = trials.set_index(["topology", "activation", "initialiser_constant"])
    keys = list(
        zip(
            published["topology"],
            published["hidden_activation"],
            published["initial_weight"],
            strict=True,
        )
    )
    losses = pd.Series([float(ours.loc[key, "final_loss"]) for key in keys], published.index)
    ratio = losses / published["final_loss"]
    known = published["epochs"].notna()
    configuration = published["configuration"]
    middle = known & configuration.isin((2, 3))
    deep = configuration == 4
    return {
        "rows": [
            {
                "name": f"{topology} {'ReLU' if activation == 'relu' else 'sigmoid'}",
                "published": published["final_loss"][rows].tolist(),
                "ours": losses[rows].tolist(),
                "ratio": ratio[rows].tolist(),
            }
            for (topology, activation), rows in _rows_by(
                published, ["topology", "hidden_activation"]
            ).items()
        ],
        "spread": {n: _ratio(losses[configuration == n].tolist()) for n in (2, 3)},
        "published_spread": {
            n: _ratio(published["final_loss"][configuration == n].tolist()) for n in (2, 3)
        },
        "near": int((np.abs(np.log(ratio[middle])) <= np.log(FACTOR)).sum()),
        "middle": int(middle.sum()),
        "factor": FACTOR,
        "floor": float(losses[deep].min()),
        "at_floor": int((losses[deep] == losses[deep].min()).sum()),
        "floor_reached": _floor_reached(trials, float(losses[deep].min())),
        "floor_published": float(published["final_loss"][deep].min()),
        "floor_epochs": int(
            published["epochs"].to_numpy()[published["final_loss"].where(deep).argmin()]
        ),
        "seconds": float(trials["seconds_share"].sum()),
        "total_epochs": int(trials["epochs"].sum()),
        "unmet": _unmet(trials),
    }


def _floor_reached(trials: pd.DataFrame, floor: float) -> list[float]:
    """Return the first recorded epochs at which the runs on the floor were on it."""
    curves = read_curves(EXAMPLES / "zhang2017_epochs", list(trials["trial_id"]))
    there = curves[curves["loss"] <= floor * (1 + 1e-6)]
    first: pd.Series[float] = there.groupby("trial_id")["epoch"].min()
    return [float(epoch) for epoch in first]


def _unmet(trials: pd.DataFrame) -> dict[str, Any]:
    """Return how many of the deep sigmoid runs had not met the strictest rules by their end."""
    deep = trials[(trials["topology"] == SIGMOID[-1]) & (trials["activation"] == "sigmoid")]
    ladder = read_ladder(EXAMPLES / "zhang2017_epochs", list(deep["trial_id"]))
    met = ladder[ladder["rule"].isin(("delta", "early_stopping"))]
    rungs = met.groupby(["rule", "tolerance", "patience"])["trial_id"].nunique()
    strict = ladder[
        (ladder["rule"] == "delta") & (ladder["tolerance"] == 1e-9) & (ladder["patience"] == 1000)
    ]
    last = deep.set_index("trial_id")["epochs"]
    without = last.drop(list(strict["trial_id"]))
    halfway = ladder["epoch"] >= 0.5 * ladder["trial_id"].map(last)
    late = ladder[halfway & ladder["rule"].isin(("delta", "early_stopping"))]
    return {
        "rungs": 64,
        "met_by_all": int((rungs == len(deep)).sum()),
        "late": int(late.groupby(["rule", "tolerance", "patience"]).ngroups),
        "strict_unmet": len(deep) - int(strict["trial_id"].nunique()),
        "runs": len(deep),
        "epochs": int(without.max()) if len(without) else 0,
    }


def _codes() -> dict[str, Any]:
    directory = ResultsDir(EXAMPLES / "zhang2017")
    trials = read_trials(directory.path)
    five = trials[trials["topology"] == "16-5-16"].set_index("initialiser_constant")["trial_id"]
    first, second = (_bottleneck(directory, five[c]) for c in (1.0, 0.8))
    return {
        "published": compare_codes(first, read_published("zhang2017_codes", "16-5-16")),
        "between": compare_codes(first, second).rounded,
    }


def _bottleneck(directory: ResultsDir, trial_id: str) -> HiddenCodes:
    (found,) = find_codes([directory], trial_id, "bottleneck", compute=hidden_activations)
    return found


def _advice(trials: pd.DataFrame) -> dict[str, Any]:
    """Return how ReLU in the hidden layers alone does, by the best reading's rule."""
    deep = trials[
        (trials["topology"] == SIGMOID[-1])
        & (trials["initialiser"] == "uniform")
        & (trials["early_stopping_patience"] == 100)
    ]
    binary = deep[deep["loss"] == "binary_cross_entropy"]
    relu = binary[binary["activation"] == "relu"].groupby("output_activation")
    softmax = deep[(deep["output_activation"] == "softmax") & (deep["activation"] == "relu")]
    advised = relu.get_group("sigmoid")
    sigmoid = binary[binary["activation"] == "sigmoid"]
    return {
        "trials": len(advised),
        "solved": int((advised["samples_reconstructed"] == 16).sum()),
        "loss": float(advised["final_loss"].median()),
        "epochs": float(advised["epochs"].median()),
        "quicker": float(sigmoid["epochs"].median() / advised["epochs"].median()),
        "throughout": int((relu.get_group("relu")["samples_reconstructed"] == 16).sum()),
        "softmax": int((softmax["samples_reconstructed"] == 16).sum()),
        "n_softmax": len(softmax),
    }


def _distance(trials: pd.DataFrame) -> dict[str, Any]:
    """Return the rank correlation of epochs with distance, pooled and within a reading."""
    solved = trials[trials["stop_reason"] == StopReason.CONVERGED]
    rules = ["delta_patience", "early_stopping_patience"]
    reading = ["topology", "activation", "output_activation", "loss", "initialiser"]
    keys = [*reading, "initialiser_jitter", *rules]
    best = solved[
        (solved["initialiser"] == "uniform")
        & (solved["loss"] == "binary_cross_entropy")
        & (solved["early_stopping_patience"] == 100)
        & (solved["output_activation"] == solved["activation"])
    ]
    within = [
        (key[0], _spearman(group))
        for key, group in solved[solved["topology"].isin(SHALLOW)].groupby(keys, dropna=False)
        if len(group) >= 8 and group["epochs"].nunique() > 1
    ]
    medians = pd.DataFrame(within, columns=["topology", "rho"]).groupby("topology")["rho"].median()
    five = best[best["topology"] == "16-5-16"].groupby("initialiser_constant")["weight_distance"]
    return {
        "pooled": {name: _spearman(solved[solved["topology"] == name]) for name in SHALLOW},
        "pooled_all": _spearman(solved),
        "within": medians.to_dict(),
        "best": [
            _spearman(group) for _, group in best.groupby(["topology", "activation"], sort=False)
        ],
        "by_constant": five.median().to_dict(),
    }


def _rows_by(table: pd.DataFrame, keys: str | list[str]) -> dict[Any, Any]:
    """Return the index of the rows of each group, in the order in which the groups begin."""
    return dict(table.groupby(keys, sort=False).groups)


def _spearman(trials: pd.DataFrame) -> float:
    numbers = trials[["weight_distance", "epochs"]].astype("float64").dropna()
    return float(numbers.corr("spearman").to_numpy()[0, 1])


def _false_convergence(trials: pd.DataFrame) -> dict[str, Any]:
    converged = trials[trials["stop_reason"] == StopReason.CONVERGED]
    false = converged["false_convergence"].astype(bool)
    finished = trials[trials["status"] == Status.FINISHED]
    least = finished.groupby("path_id")["final_loss"].min()
    own = converged["path_id"].map(least) < converged["final_loss"] / 10
    stalled = {
        int(patience): float(false[rows].mean())
        for patience, rows in _rows_by(converged, "early_stopping_patience").items()
    }
    delta = converged["delta_patience"].notna()
    return {
        "converged": len(converged),
        "met": int(false.sum()),
        "by_seed_alone": int((false & ~own).sum()),
        "delta": float(false[delta].mean()),
        "early_stopping": stalled,
    }
