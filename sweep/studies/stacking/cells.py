"""Gathers trials by depth and by how they were pretrained, and measures them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.population import final_losses
from sweep.reports.repeats import repeats_of
from sweep.reports.statistics.intervals import BySeed, Share

RELIABLE = 1.1
DEEP = "deep"
"""The way of trials without pretraining; that of others is its name."""


@dataclass(frozen=True)
class Cell:
    """Trials of one setting, depth and way of training, with finite losses above 0.

    Attributes:
        depth: layers of weights. way: deep, or the kind of pretraining.
        losses: final losses. validation: losses on held-out samples, none where there are none.
        epochs, seconds: in all, pretraining included.
        near: 1 for trials within 10% of the best of the setting and depth, 0 for all others.
        level: loss that at least half of the trials of the depth came down to; nan if not known.
        sooner: epochs, pretraining included, after which each came down to it; inf if it did not.

    All but the level have a value a trial, under its seed.
    """

    depth: int
    way: str
    losses: BySeed
    validation: BySeed
    epochs: BySeed
    seconds: BySeed
    near: BySeed
    level: float
    sooner: BySeed

    @property
    def reliable(self) -> Share:
        return Share.of(self.near)


def with_totals(trials: pd.DataFrame, phases: pd.DataFrame) -> pd.DataFrame:
    """Return the trials with `total_epochs` and `total_seconds`: sums over their phases.

    A trial without phases has its own; so has one whose phases were not timed its own seconds.
    """
    parts = phases.groupby("trial_id")
    sums = parts.agg(epochs=("epochs", "sum"), seconds=("seconds", _total))
    found = trials[["trial_id"]].join(sums, on="trial_id")
    return trials.assign(
        total_epochs=found["epochs"].fillna(trials["epochs"]).astype(np.float64),
        total_seconds=found["seconds"].fillna(trials["seconds"]).astype(np.float64),
    )


def _total(seconds: "pd.Series[float]") -> float:
    """Return the sum, nan where any is missing."""
    return float(seconds.sum(skipna=False))


def cells_of(trials: pd.DataFrame, ladder: pd.DataFrame) -> list[Cell]:
    """Split the trials of one setting by depth and way of training, ascending, deep ones first.

    Args:
        trials: with `way`, `total_epochs` and `total_seconds`.
        ladder: when they came down to losses, by epochs of their last phase.
    """
    cells = []
    for depth, same in trials.groupby("depth"):
        best = float(final_losses(same).min())
        level, met = _level_met(same, ladder)
        for way in ways_of(same["way"]):
            rows = same[same["way"] == way]
            rows = rows.assign(
                near=final_losses(rows) <= RELIABLE * best, sooner=met[rows.index]
            ).set_index(repeats_of(rows))
            known = rows[final_losses(rows) > 0]
            cells.append(
                Cell(
                    depth=int(depth),  # type: ignore[arg-type]
                    way=way,
                    losses=known["final_loss"].astype(np.float64),
                    validation=known["validation_loss"].dropna().astype(np.float64),
                    epochs=known["total_epochs"],
                    seconds=known["total_seconds"],
                    near=rows["near"].astype(np.float64),
                    level=level,
                    sooner=rows["sooner"].astype(np.float64),
                )
            )
    return cells


def ways_of(ways: Iterable[str]) -> list[str]:
    """Return the ways there are, deep first."""
    return sorted(set(ways), key=lambda way: (way != DEEP, way))


def _level_met(trials: pd.DataFrame, ladder: pd.DataFrame) -> tuple[float, "pd.Series[float]"]:
    """Return the least loss that half of the trials came down to, and when each did."""
    reached = ladder[(ladder["rule"] == "loss") & ladder["trial_id"].isin(trials["trial_id"])]
    counts = reached.groupby("tolerance").size()
    levels = counts.index[2 * counts >= len(trials)]
    level = float(levels.min()) if len(levels) else float("nan")
    epochs = reached[reached["tolerance"] == level].set_index("trial_id")["epoch"]
    met = trials["trial_id"].map(epochs).astype(np.float64)
    return level, (met + trials["total_epochs"] - trials["epochs"]).fillna(np.inf)
