"""Reports whether hidden units that start alike become different.

Units of a layer with equal weights, in and out, get equal gradients: in exact arithmetic they stay
alike for ever, and only rounding can part them. Networks of such units are the symmetric manifold.
"""

from collections.abc import Sequence

import pandas as pd

from sweep.reports.figures.palette import level_colours
from sweep.reports.findings.endings import SYMMETRIC
from sweep.reports.groups import PLAIN, Group, groups_of
from sweep.reports.population import where
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.comparisons import GroupShare, compare_shares, share_of
from sweep.reports.statistics.intervals import format_estimate, spread
from sweep.reports.tables.text import bullets, markdown_table
from sweep.store.tables.reader import read_gradients
from sweep.studies.gradients import first_probes
from sweep.studies.layer_figures import draw_unit_distances
from sweep.trial import PARAMETERS

BROKEN = 1e-3
"""Units are apart once their distance is above this share of the layer's weights."""
STARTS = tuple(name for name in PARAMETERS if name.startswith(("initialiser", "bias_constant")))
MOST_GROUPS = 12
COLUMNS = ["start", "ends symmetric (95% interval)", "broken", "epoch broken, median (quartiles)"]
INTRO = (
    "The least distance between two hidden units of a layer, in weights in, biases and weights "
    "out. A trial "
    f"ends symmetric if it is below {SYMMETRIC:g}; the symmetry is broken at the first probe where "
    f"in every layer it is above {BROKEN:g} of the 2-norm of the layer's weights."
)


@section(110, columns=("unit_distance", "engine", "seed"))
def symmetry_section(context: Context) -> str:
    """Write which starts stay symmetric; nothing if none is, or there is but one kind of start."""
    trials = where(context.trials, context.trials["unit_distance"].notna())
    groups = start_groups(trials)
    if len(groups) < 2:
        return ""
    probes = _probes_of(trials["trial_id"], read_gradients(context.directory.path))
    if not _any_symmetric(trials, probes):
        return ""
    parts = [f"## Symmetry\n\n{INTRO}"]
    if len(probes):
        least = probes.groupby(["trial_id", "epoch"])["unit_distance"].min().reset_index()
        colours = level_colours([group.label for group in groups], context.axes, STARTS[0])
        figure = draw_unit_distances(groups, colours, least)
        parts.append(context.figures.show("symmetry", "Distance between units by epoch", figure))
    return "\n\n".join([*parts, symmetry_text(groups, epochs_broken(probes))])


def _probes_of(trial_ids: "pd.Series[str]", probes: pd.DataFrame) -> pd.DataFrame:
    """Return the probes of some trials, many of which may not have been probed."""
    probed = trial_ids[trial_ids.isin(probes["trial_id"].unique())]
    return probes[probes["unit_distance"].notna() & probes["trial_id"].isin(probed)]


def start_groups(trials: pd.DataFrame) -> list[Group]:
    """Group trials by how they start, engine by engine; none shares a trial with another.

    Where there are more than `MOST_GROUPS` starts, by the initialiser alone.
    """
    for names in (STARTS, STARTS[:1]):
        found = _started(trials, names)
        if len(found) <= MOST_GROUPS:
            break
    return found


def _started(trials: pd.DataFrame, names: Sequence[str]) -> list[Group]:
    apart = [name for name in PARAMETERS if name not in names]
    several = trials["engine"].nunique() > 1
    return [
        Group("", f"{_start(group)} ({engine})" if several else _start(group), rows)
        for group in groups_of(trials, most=len(trials), apart=apart)
        for engine, rows in group.trials.groupby("engine", sort=True)
    ]


def _start(group: Group) -> str:
    return str(group.trials["initialiser"].iloc[0]) if group.label == PLAIN else group.label


def epochs_broken(probes: pd.DataFrame) -> "pd.Series[int]":
    """Return by trial the first epoch of the probes at which every layer's units are apart."""
    shares = probes.assign(share=probes["unit_distance"] / probes["weight_norm"])
    least = shares.groupby(["trial_id", "epoch"])["share"].min().reset_index()
    return pd.Series(least[least["share"] > BROKEN].groupby("trial_id")["epoch"].min())


def symmetry_text(groups: Sequence[Group], broken: "pd.Series[int]") -> str:
    """Count the trials that end symmetric by start and engine, and say when others part.

    Args:
        groups: at least two.
        broken: epoch by trial_id, of the trials that were probed and parted.
    """
    found = [
        share_of(group, (group.trials["unit_distance"] < SYMMETRIC).astype(bool))
        for group in groups
    ]
    table = markdown_table(COLUMNS, [_row(item, broken) for item in found])
    return f"{table}\n\n{bullets(compare_shares(found, did='end symmetric'))}"


def _row(item: GroupShare, broken: "pd.Series[int]") -> list[str]:
    epochs = broken[broken.index.isin(item.group.trials["trial_id"])]
    when = format_estimate(spread(epochs.astype("float64")), ",.0f")
    return [item.group.label, str(item.share), f"{len(epochs):,}", when]


def _any_symmetric(trials: pd.DataFrame, probes: pd.DataFrame) -> bool:
    """Whether any trial begins or ends with units alike."""
    begins = len(probes) and (first_probes(probes)["unit_distance"] < SYMMETRIC).any()
    return bool(begins or (trials["unit_distance"] < SYMMETRIC).any())
