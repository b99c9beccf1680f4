"""The numbers of the page on the encoder problem."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from docs.experiments.source.page import EXAMPLES, count, percent, wilson
from sweep.reports.published import load_published
from sweep.reports.rejudging import read_judged
from sweep.reports.statistics.survival import Survival, survivals
from sweep.store.places.layout import ResultsDir

TOPOLOGIES = ("4-2-4", "8-3-8", "10-5-10", "16-4-16", "32-5-32")
RATES = {name: int(name.split("-")[0]) ** 2 / 2 for name in TOPOLOGIES}
"""Our learning rate, of the mean squared error, for a rate of 1 on half the sum of squares."""
PUBLISHED = (
    ("backprop, rate 2, a pattern an update", "backprop"),
    ("momentum 0.6, rate 0.8, flat spot 0.1, a pattern an update", "backprop-momentum"),
    ("Quickprop, rate 0.2, growth 1.75, decay 0.0001", "quickprop"),
    ("Rprop, first step 0.2", "rprop"),
)


def numbers() -> dict[str, Any]:
    """Return what the page names: rows of its tables, and functions of a cell."""
    trials = read_judged(ResultsDir(EXAMPLES / "encoder"))
    cell = _finder(trials)
    rprop = trials[(trials["optimizer"] == "rprop") & (trials["flat_spot"] == 0)]
    failed = rprop[rprop["stop_reason"] != "pattern"]
    shares = [cell(name, "rprop", flat_spot=0.0).converged for name in TOPOLOGIES]
    beside = _beside(trials, cell)
    return {
        "n_trials": len(trials),
        "seeds": 200,
        "rows": _rows(cell),
        "not_all": [
            f"{_percent(share.count, share.total)} of {name}"
            for name, share in zip(TOPOLOGIES, shares, strict=True)
            if 0.5 <= share.count / share.total < 1
        ],
        "all_solved": wilson(200, 200),
        "beside": beside,
        "ratios": [row["published"] / row["ours"] for row in beside],
        "failing": [1 - share.count / share.total for share in shares],
        "failed": len(failed),
        "stuck": float((failed["zero_outputs"] > 0).mean()),
        "gradient": float(failed["gradient_norm"].median()),
        "with_flat_spot": [
            cell(name, "rprop", flat_spot=0.1).converged.count for name in TOPOLOGIES
        ],
        "tight": _half(cell("8-3-8", "backprop", 2.0)) / _half(cell("10-5-10", "backprop", 2.0)),
        "best_rates": _best_rates(cell),
        "solves_none": cell("32-5-32", "backprop", 2.0).converged.count,
    }


def _finder(trials: pd.DataFrame) -> Callable[..., Survival]:
    batches = trials[trials["batch_size"].isna()]

    def cell(
        topology: str, rule: str, rate: float | None = None, flat_spot: float = 0.0
    ) -> Survival:
        rows = batches[(batches["topology"] == topology) & (batches["flat_spot"] == flat_spot)]
        if rule in ("backprop", "momentum"):
            momentum = 0.0 if rule == "backprop" else 0.9
            assert rate is not None
            rows = rows[
                (rows["optimizer"] == "sgd")
                & (rows["optimizer_momentum"] == momentum)
                & np.isclose(rows["learning_rate"].astype(float), rate * RATES[topology])
            ]
        else:
            rows = rows[rows["optimizer"] == rule]
        (found,) = survivals(rows, 1).settings
        assert found.converged.total == 200, (topology, rule, rate, flat_spot)
        return found

    return cell


def _half(found: Survival) -> float:
    return found.quartiles[1]


def _percent(part: int, total: int) -> str:
    return percent(part / total)


def _rows(cell: Callable[..., Survival]) -> list[dict[str, Any]]:
    plan = [
        ("backprop", "0.5", "backprop", 0.5),
        ("backprop", "1", "backprop", 1.0),
        ("backprop", "2", "backprop", 2.0),
        ("momentum 0.9", "0.5", "momentum", 0.5),
        ("Quickprop", "0.2 (10-5-10: 1.4)", "quickprop", None),
        ("Rprop", "first step 0.2", "rprop", None),
    ]
    return [
        {
            "rule": title,
            "rate": shown,
            "cells": [
                " / ".join(_written(cell(name, rule, rate, spot)) for spot in (0.0, 0.1))
                for name in TOPOLOGIES
            ],
        }
        for title, shown, rule, rate in plan
    ]


def _written(found: Survival) -> str:
    """Write by which epoch half are solved; how many are, where fewer than half."""
    half = _half(found)
    if np.isfinite(half):
        return count(half)
    share = found.converged
    return f"not reached ({_percent(share.count, share.total)})" if share.count else "none"


def _beside(trials: pd.DataFrame, cell: Callable[..., Survival]) -> list[dict[str, Any]]:
    published = load_published("encoder_epochs").rows.set_index("algorithm")["epochs_mean"]
    single = trials[trials["batch_size"] == 1]
    found = {
        "backprop": survivals(single[single["optimizer_momentum"] == 0], 1).settings[0],
        "backprop-momentum": survivals(single[single["optimizer_momentum"] == 0.6], 1).settings[0],
        "quickprop": cell("8-3-8", "quickprop"),
        "rprop": cell("8-3-8", "rprop"),
    }
    return [
        {
            "title": title,
            "published": float(published[name]),
            "ours": _half(found[name]),
            "solved": found[name].converged.count / found[name].converged.total,
        }
        for title, name in PUBLISHED
    ]


def _best_rates(cell: Callable[..., Survival]) -> str:
    """Say at which rate backprop without a flat spot is quickest, by topology."""
    rates = (0.5, 1.0, 2.0)
    quickest: dict[float, list[str]] = {}
    for name in TOPOLOGIES:
        halves = [_half(cell(name, "backprop", rate)) for rate in rates]
        best = rates[int(np.argmin(np.nan_to_num(halves, nan=np.inf)))]
        quickest.setdefault(best, []).append(name)
    (first, names), *others = sorted(quickest.items(), reverse=True)
    told = [f"{first:g} is best for {_and(names)}"]
    return ", ".join([*told, *(f"{rate:g} for {_and(names)}" for rate, names in others)])


def _and(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
