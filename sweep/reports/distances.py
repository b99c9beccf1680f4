"""Correlates epochs with how far the weights moved. Knows nothing of why they would.

That epochs grow with the distance from the initial to the final weights is a claim of the published
study.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import rankdata

from sweep.reports.context import Context
from sweep.reports.intervals import LEVEL, Estimate, format_estimate, resampled
from sweep.reports.plots import MOST_GROUPS, Points, draw_points
from sweep.reports.population import has_converged
from sweep.reports.tables import markdown_table

FEWEST_TRIALS = 8
MOST_TRIALS = 2000
ALL = "all"


@dataclass(frozen=True)
class Correlation:
    """How epochs go with distance, -1 to 1: by ranks (Spearman) and linearly (Pearson)."""

    name: str
    trials: int
    spearman: Estimate
    pearson: Estimate

    @property
    def coefficients(self) -> tuple[Estimate, Estimate]:
        return self.spearman, self.pearson


def correlations(trials: pd.DataFrame) -> list[Correlation]:
    """Correlate `weight_distance` with `epochs` for each topology, and over all.

    Args:
        trials: the table of trials, of which those that met a rule count, at most `MOST_TRIALS`
            of a group, evenly spread. Groups of fewer than `FEWEST_TRIALS` are left out.
    """
    known = _solved(trials)
    groups = [(str(name), group) for name, group in known.groupby("topology", sort=False)]
    groups = groups if len(groups) > 1 else []
    telling = [(n, g) for n, g in [*groups, (ALL, known)] if _is_telling(g)]
    return [_correlate(name, group) for name, group in telling]


def distance_section(context: Context) -> str:
    """Write how epochs go with distance; nothing where too few trials converged."""
    found = correlations(context.trials)
    if not found:
        return ""
    text = (
        "Of trials that met a stop rule: epochs against the distance from the initial to the final "
        f"weights (2-norm), with bootstrap intervals of {LEVEL:.0%}."
    )
    rows = [
        [item.name, f"{item.trials}", *(format_estimate(c, ".2f") for c in item.coefficients)]
        for item in found
    ]
    table = markdown_table(["topology", "trials", "Spearman", "Pearson"], rows)
    title = "Epochs by distance"
    figure = context.figures.show("distance", title, draw_points([_points(context.trials)]))
    return "\n\n".join([f"## {title}", text, table, figure])


def _points(trials: pd.DataFrame) -> Points:
    known = _spread(_solved(trials))
    most = known["topology"].value_counts().index[:MOST_GROUPS]
    names = known["topology"].where(known["topology"].isin(most[:-1]), "others")
    names = known["topology"] if known["topology"].nunique() <= MOST_GROUPS else names
    return Points(
        title="",
        x_label="distance from the initial weights",
        y_label="epochs",
        groups={
            str(name): group.rename(columns={"weight_distance": "x", "epochs": "y"})[["x", "y"]]
            for name, group in known.groupby(names, sort=False)
        },
    )


def _solved(trials: pd.DataFrame) -> pd.DataFrame:
    solved = trials[has_converged(trials)]
    numbers = {name: solved[name].astype("float64") for name in ("weight_distance", "epochs")}
    known = pd.DataFrame({"topology": solved["topology"], **numbers})
    return known.dropna()


def _is_telling(group: pd.DataFrame) -> bool:
    varies = group["weight_distance"].nunique() > 1 and group["epochs"].nunique() > 1
    return varies and len(group) >= FEWEST_TRIALS


def _spread(group: pd.DataFrame) -> pd.DataFrame:
    if len(group) <= MOST_TRIALS:
        return group
    return group.iloc[np.linspace(0, len(group) - 1, MOST_TRIALS).astype(int)]


def _correlate(name: str, group: pd.DataFrame) -> Correlation:
    shown = _spread(group)
    pair = (shown["weight_distance"].to_numpy(), shown["epochs"].to_numpy())
    spearman, pearson = (resampled(pair, of, paired=True) for of in (_spearman, _pearson))
    return Correlation(name, len(group), spearman, pearson)


def _spearman(
    x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."], axis: int = -1
) -> Float[np.ndarray, "..."]:
    return _pearson(rankdata(x, axis=axis), rankdata(y, axis=axis), axis=axis)


def _pearson(
    x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."], axis: int = -1
) -> Float[np.ndarray, "..."]:
    """Return the correlation along an axis; 0 for a resample that does not vary."""
    x, y = (values - values.mean(axis, keepdims=True) for values in (x, y))
    norm = np.sqrt((x * x).sum(axis) * (y * y).sum(axis))
    together = (x * y).sum(axis)
    shares: Float[np.ndarray, "..."] = np.zeros_like(together)
    np.divide(together, norm, out=shares, where=norm > 0)
    return shares
