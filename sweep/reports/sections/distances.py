"""Correlates epochs with how far the weights moved.

That epochs grow with the distance from the initial to the final weights is a claim of the published
study.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from sweep.reports.axes import Axis
from sweep.reports.figures.curves import evenly_spread
from sweep.reports.figures.palette import level_colours
from sweep.reports.figures.points import MOST_GROUPS, Points, draw_points
from sweep.reports.population import has_converged
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.correlations import FEWEST, pearson, spearman
from sweep.reports.statistics.intervals import Estimate, corrected, describe_level, format_estimate
from sweep.reports.tables.text import column_table

MOST_POINTS = 2000
ALL, OTHERS = "all", "others"
GREY = "#bbbbbb"
TITLE = "Epochs by distance"
COLUMNS: Mapping[str, Callable[["Correlation"], str]] = {
    "topology": lambda found: found.name,
    "trials": lambda found: f"{found.trials}",
    "Spearman": lambda found: format_estimate(found.spearman, ".2f"),
    "Pearson": lambda found: format_estimate(found.pearson, ".2f"),
}


@dataclass(frozen=True)
class Correlation:
    """How epochs go with distance, -1 to 1: by ranks (Spearman) and linearly (Pearson)."""

    name: str
    trials: int
    spearman: Estimate
    pearson: Estimate


def correlations(trials: pd.DataFrame) -> list[Correlation]:
    """Correlate `weight_distance` with `epochs` for each topology, and over all.

    Args:
        trials: the table of trials, of which all that met a rule count. Groups of fewer than
            `FEWEST` are left out.
    """
    known = _points_of(trials)
    groups = [(str(name), group) for name, group in known.groupby("topology", sort=False)]
    groups = [*(groups if len(groups) > 1 else []), (ALL, known)]
    telling = [
        (n, g) for n, g in groups if len(g) >= FEWEST and (g[["x", "y"]].nunique() > 1).all()
    ]
    level = corrected(2 * len(telling))
    found = []
    for name, group in telling:
        x, y = group["x"].to_numpy(), group["y"].to_numpy()
        found.append(Correlation(name, len(x), spearman(x, y, level), pearson(x, y, level)))
    return found


@section(150, columns=("topology", "weight_distance"))
def distance_section(context: Context) -> str:
    """Write how epochs go with distance; nothing where too few trials converged."""
    found = correlations(context.trials)
    if not found:
        return ""
    text = (
        "Of all trials that met a stop rule: epochs against the distance from the initial to the "
        f"final weights (2-norm). {describe_level(2 * len(found))} They assume "
        "trials drawn independently of each other; where settings vary, most of a coefficient "
        "comes from their differences."
    )
    table = column_table(COLUMNS, found)
    every = _points_of(context.trials)
    drawn = every.iloc[evenly_spread(len(every), MOST_POINTS)]
    shown = context.figures.show("distance", TITLE, _draw(drawn, context.axes))
    if len(drawn) < max(item.trials for item in found):
        shown += f"\n\n{len(drawn):,} of them, evenly spread over the table, are drawn."
    return "\n\n".join([f"## {TITLE}", text, table, shown])


def _draw(points: pd.DataFrame, axes: Sequence[Axis]) -> Figure:
    names = points["topology"]
    if names.nunique() > MOST_GROUPS:
        most = names.value_counts().index[: MOST_GROUPS - 1]
        names = names.where(names.isin(most), OTHERS)
    groups = {str(name): group[["x", "y"]] for name, group in points.groupby(names)}
    named = [name for name in groups if name != OTHERS]
    colours = level_colours(named, axes, "topology") | {OTHERS: GREY}
    panel = Points("", "distance from the initial weights", "epochs", groups)
    return draw_points([panel], {name: colours[name] for name in groups})


def _points_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the topology, distance `x` and epochs `y` of the trials that met a rule."""
    met = trials[has_converged(trials)]
    numbers = {"x": met["weight_distance"], "y": met["epochs"]}
    known = pd.DataFrame({"topology": met["topology"].astype(str), **numbers})
    return known.astype({"x": "float64", "y": "float64"}).dropna()
