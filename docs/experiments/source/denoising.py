"""The numbers of the page on what helps on held-out data."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd

from docs.experiments.source.page import EXAMPLES, fixed
from sweep.reports.statistics.intervals import Estimate, corrected, format_estimate
from sweep.reports.statistics.orders import median_ratio
from sweep.store.tables.reader import read_trials

PLAIN: Mapping[str, object] = {
    "input_noise_scale": None,
    "input_noise_rate": None,
    "input_dropout": 0.0,
    "hidden_dropout": 0.0,
    "code_penalty": 0.0,
    "weight_decay": 0.0,
    "weight_l1": 0.0,
    "tied_weights": False,
}
REMEDIES: tuple[tuple[str, str, object], ...] = (
    ("gaussian noise 0.05", "input_noise_scale", 0.05),
    ("gaussian noise 0.1", "input_noise_scale", 0.1),
    ("gaussian noise 0.3", "input_noise_scale", 0.3),
    ("masking 0.1", "input_noise_rate", 0.1),
    ("masking 0.3", "input_noise_rate", 0.3),
    ("dropout of inputs 0.1", "input_dropout", 0.1),
    ("dropout of hidden units 0.05", "hidden_dropout", 0.05),
    ("dropout of hidden units 0.2", "hidden_dropout", 0.2),
    ("L1 on the code 1e-5", "code_penalty", 1e-5),
    ("L1 on the code 1e-4", "code_penalty", 1e-4),
    ("L1 on the code 1e-3", "code_penalty", 1e-3),
    ("weight decay 1e-6", "weight_decay", 1e-6),
    ("weight decay 1e-5", "weight_decay", 1e-5),
    ("weight decay 1e-4", "weight_decay", 1e-4),
    ("L1 on the weights 1e-6", "weight_l1", 1e-6),
    ("L1 on the weights 1e-5", "weight_l1", 1e-5),
    ("tied weights", "tied_weights", True),
)
NARROW, WIDE = "64-32-16-32-64", "64-128-64"
FEW, ALL = 200, 1438
"""Images trained on."""
CELLS = tuple(product((FEW, ALL), (NARROW, WIDE)))
LEVEL = corrected(len(REMEDIES))
Compared = Mapping[tuple[str, tuple[int, str]], Estimate]
"""Ratios by remedy and cell."""


def numbers() -> dict[str, Any]:
    """Return what the page names."""
    trials = read_trials(EXAMPLES / "denoising")
    plain = {cell: _setting(trials, cell) for cell in CELLS}
    found = _compare(trials, plain, "validation_loss")
    best = _compare(trials, plain, "best_validation_loss")
    return {
        "n_trials": len(trials),
        "minutes": float(trials["seconds_share"].sum()) / 60,
        "seeds": len(plain[CELLS[0]]),
        "level": f"{100 * LEVEL:.3g}%",
        "plain": [fixed(1000 * _held_out(plain[cell]).median()) for cell in CELLS],
        "plain_trained": [fixed(1000 * plain[cell]["final_loss"].median()) for cell in CELLS],
        "gaps": [_gap(plain[cell]) for cell in CELLS],
        "rows": [
            " | ".join([name, *(_cell(found[name, cell]) for cell in CELLS)])
            for name, _, _ in REMEDIES
        ],
        "better": [_shown(found, cell, -1) for cell in CELLS],
        "worse": [_shown(found, cell, 1) for cell in CELLS],
        "unshown": [_shown(found, cell, 0) for cell in CELLS],
        "ratios": lambda name: [found[name, cell].value for cell in CELLS],
        "helps": lambda name: [_verdict(found[name, cell]) == -1 for cell in CELLS],
        "verdicts": len(found),
        "otherwise": [
            f"{name} ({cell[0]:,}, {'narrow' if cell[1] == NARROW else 'wide'})"
            for name, cell in found
            if _verdict(found[name, cell]) != _verdict(best[name, cell])
        ],
        "stopping": [_stopping(trials, cell) for cell in CELLS],
        "stopping_with_noise": [_stopping(trials, cell, input_noise_scale=0.1) for cell in CELLS],
    }


def _setting(trials: pd.DataFrame, cell: tuple[int, str], **changes: object) -> pd.DataFrame:
    """Return the trials of a setting that trained all their epochs, by seed."""
    return _by_seed(trials[trials["restore"] == "last"], cell, changes)


def _by_seed(
    trials: pd.DataFrame, cell: tuple[int, str], changes: Mapping[str, object]
) -> pd.DataFrame:
    samples, topology = cell
    few = trials["dataset_train_samples"].fillna(ALL) == FEW
    rows = trials[(few == (samples == FEW)) & (trials["topology"] == topology)]
    for column, value in {**PLAIN, **changes}.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    found: pd.DataFrame = rows.set_index("seed").sort_index()
    assert found.index.tolist() == list(range(10)), (cell, changes, len(found))
    return found


def _held_out(trials: pd.DataFrame, column: str = "validation_loss") -> "pd.Series[float]":
    return trials[column].astype("float64")


def _compare(
    trials: pd.DataFrame, plain: Mapping[tuple[int, str], pd.DataFrame], column: str
) -> dict[tuple[str, tuple[int, str]], Estimate]:
    """Return each remedy's median ratio of a held-out loss to plain's, split by split."""
    return {
        (name, cell): median_ratio(
            _held_out(_setting(trials, cell, **{remedy: value}), column).to_numpy(),
            _held_out(plain[cell], column).to_numpy(),
            LEVEL,
        )
        for name, remedy, value in REMEDIES
        for cell in CELLS
    }


def _gap(trials: pd.DataFrame) -> float:
    """Return how many times the loss on held-out images is that on those trained on."""
    return float((_held_out(trials) / trials["final_loss"].astype("float64")).median())


def _cell(ratio: Estimate) -> str:
    """Write a ratio with its interval, bold where it is shown to help, italic where to harm."""
    mark = {-1: "**", 0: "", 1: "*"}[_verdict(ratio)]
    return f"{mark}× {format_estimate(ratio, '.2f')}{mark}"


def _verdict(ratio: Estimate) -> int:
    """Return -1 where a remedy is shown to help, 1 where it is shown to harm, else 0."""
    return int(ratio.low > 1) - int(ratio.high < 1)


def _shown(found: Compared, cell: tuple[int, str], verdict: int) -> list[str]:
    """Name the remedies of a verdict, the lowest ratio first."""
    names = [name for name, _, _ in REMEDIES if _verdict(found[name, cell]) == verdict]
    return sorted(names, key=lambda name: found[name, cell].value)


def _stopping(trials: pd.DataFrame, cell: tuple[int, str], **changes: object) -> dict[str, Any]:
    """Say what early stopping by the held-out loss does to a setting."""
    early = _by_seed(trials[trials["restore"] == "best"], cell, changes)
    full = _setting(trials, cell, **changes)
    ratio = median_ratio(
        _held_out(early).to_numpy(), _held_out(full).to_numpy(), corrected(2 * len(CELLS))
    )
    return {
        "ratio": f"× {format_estimate(ratio, '.2f')}",
        "epochs": float(early["epochs"].median()),
        "kept": float(early["weights_epoch"].median()),
        "stopped": int((early["stop_reason"] == "converged").sum()),
        "best": float((full["best_validation_loss"] / full["validation_loss"]).median()),
    }
