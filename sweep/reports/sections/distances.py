"""Correlates epochs with how far the weights moved. Knows nothing of why they would.

That epochs grow with the distance from the initial to the final weights is a claim of the published
study.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.figures.palette import level_colours
from sweep.reports.figures.points import MOST_GROUPS, Points, draw_points
from sweep.reports.population import has_converged
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.correlations import FEWEST, pearson, spearman
from sweep.reports.statistics.intervals import Estimate, corrected, describe_level, format_estimate
from sweep.reports.tables.text import markdown_table

FEWEST_TRIALS = FEWEST
MOST_POINTS = 2000
ALL, OTHERS = "all", "others"
GREY = "#bbbbbb"
COEFFICIENTS = ("Spearman", "Pearson")


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
        trials: the table of trials, of which all that met a rule count. Groups of fewer than
            `FEWEST_TRIALS` are left out.
    """
    known = _solved(trials)
    groups = [(str(name), group) for name, group in known.groupby("topology", sort=False)]
    groups = groups if len(groups) > 1 else []
    telling = [(n, g) for n, g in [*groups, (ALL, known)] if _is_telling(g)]
    level = corrected(len(COEFFICIENTS) * len(telling))
    return [_correlate(name, group, level) for name, group in telling]


@section(150)
def distance_section(context: Context) -> str:
    """Write how epochs go with distance; nothing where too few trials converged."""
    found = correlations(context.trials)
    if not found:
        return ""
    text = (
        "Of all trials that met a stop rule: epochs against the distance from the initial to the "
        f"final weights (2-norm). {describe_level(len(COEFFICIENTS) * len(found))} They are as if "
        "trials were drawn independently of each other; where settings vary, their differences "
        "make most of a coefficient."
    )
    rows = [
        [item.name, f"{item.trials}", *(format_estimate(c, ".2f") for c in item.coefficients)]
        for item in found
    ]
    table = markdown_table(["topology", "trials", *COEFFICIENTS], rows)
    title = "Epochs by distance"
    points = _points(context.trials)
    named = [name for name in points.groups if name != OTHERS]
    colours = level_colours(named, context.axes, "topology") | {OTHERS: GREY}
    drawn = draw_points([points], {name: colours[name] for name in points.groups})
    figure = context.figures.show("distance", title, drawn)
    count = sum(map(len, points.groups.values()))
    total = max(item.trials for item in found)
    drawn_of = f"{count:,} of them, evenly spread over the table, are drawn."
    note = f"\n\n{drawn_of}" if count < total else ""
    return "\n\n".join([f"## {title}", text, table, f"{figure}{note}"])


def _points(trials: pd.DataFrame) -> Points:
    known = _spread(_solved(trials))
    most = known["topology"].value_counts().index[:MOST_GROUPS]
    names = known["topology"].where(known["topology"].isin(most[:-1]), OTHERS)
    names = known["topology"] if known["topology"].nunique() <= MOST_GROUPS else names
    return Points(
        title="",
        x_label="distance from the initial weights",
        y_label="epochs",
        groups={
            str(name): group.rename(columns={"weight_distance": "x", "epochs": "y"})[["x", "y"]]
            for name, group in known.groupby(names)
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
    if len(group) <= MOST_POINTS:
        return group
    return group.iloc[np.linspace(0, len(group) - 1, MOST_POINTS).astype(int)]


def _correlate(name: str, group: pd.DataFrame, level: float) -> Correlation:
    x, y = (group[column].to_numpy(np.float64) for column in ("weight_distance", "epochs"))
    return Correlation(name, len(group), spearman(x, y, level), pearson(x, y, level))
