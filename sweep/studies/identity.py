"""Reports whether networks learn to repeat their input, and which units give up.

A trial has learnt the identity if the root mean squared error of its outputs is at most 1% of the
range of the targets. (`samples_reconstructed` counts errors up to 0.4, far too wide for targets
other than 0 and 1.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.groups import Group, groups_of
from sweep.reports.population import final_losses, where
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.comparisons import (
    GroupShare,
    against,
    compare_shares,
    share_of,
)
from sweep.reports.statistics.intervals import Share
from sweep.reports.tables.text import MISSING, bullets, column_table
from sweep.studies.baselines import Targets, load_targets

TOLERANCE = 0.01
MOST_GROUPS = 96
SQUARED = "mean_squared_error"
INTRO = (
    "A trial learns the identity if the root mean squared error of its outputs is at most "
    f"{TOLERANCE:.0%} of the range of the targets; this is judged where the loss is "
    f"{SQUARED.replace('_', ' ')}. An output is stuck if it is 0 for every sample although its "
    "target is not; a hidden unit is dead if its activation's slope is 0 for every sample."
)


@dataclass(frozen=True)
class UnitCounts:
    """What became of the units of a group's trials.

    Attributes:
        group: the trials.
        stuck: trials with an output stuck at 0. dead: trials with a dead hidden unit.
        stuck_outputs, dead_units: means over trials. sparsity: mean share of output values at 0.
        learnt: trials that learnt the identity, of those that can be judged.
    """

    group: Group
    stuck: Share
    dead: Share
    stuck_outputs: float
    dead_units: float
    sparsity: float
    learnt: GroupShare


COLUMNS: Mapping[str, Callable[[UnitCounts], str]] = {
    "setting": lambda counts: counts.group.label,
    "trials": lambda counts: f"{len(counts.group.trials):,}",
    "learn the identity": lambda counts: str(counts.learnt.share or MISSING),
    "with outputs stuck at 0": lambda counts: str(counts.stuck),
    "stuck outputs": lambda counts: f"{counts.stuck_outputs:.2f}",
    "outputs at 0": lambda counts: f"{counts.sparsity:.1%}",
    "with dead units": lambda counts: str(counts.dead),
    "dead units": lambda counts: f"{counts.dead_units:.2f}",
}


@section(120, columns=("zero_outputs", "dead_units", "output_sparsity", "seed"))
def identity_section(context: Context) -> str:
    """Write what became of outputs and units by setting; nothing without two settings.

    Settings of which nothing can be judged, and nothing gave up, are left out.
    """
    trials = context.trials
    trials = where(trials, trials["zero_outputs"].notna() & trials["dead_units"].notna())
    groups = groups_of(trials, most=MOST_GROUPS)
    if len(groups) < 2:
        return ""
    learnt = learns_identity(trials, target_ranges(load_targets(context.directory, trials)))
    counts = [count_units(group, learnt) for group in groups]
    telling = [c for c in counts if c.learnt.share.total or c.stuck.count or c.dead.count]
    return identity_text(telling) if telling else ""


def target_ranges(targets: Mapping[str, Targets]) -> dict[str, float]:
    """Return the greatest less the least target of each data set."""
    return {name: float(values.max() - values.min()) for name, values in targets.items()}


def learns_identity(trials: pd.DataFrame, ranges: Mapping[str, float]) -> "pd.Series[float]":
    """Return 1 for each trial that learnt the identity, 0 for others, nan where it is unknown.

    Args:
        trials: the table.
        ranges: greatest less least target by fingerprint of the data.
    """
    widths = trials["data_fingerprint"].map(ranges).astype("float64")
    learnt = final_losses(trials) <= (TOLERANCE * widths) ** 2
    is_mean_square = (trials["loss"] == SQUARED) & (trials["loss_reduction"] == "mean")
    return learnt.astype(np.float64).where(is_mean_square & widths.notna())


def count_units(group: Group, learnt: "pd.Series[float]") -> UnitCounts:
    """Count what became of the units of a group's trials.

    Args:
        group: its trials.
        learnt: what `learns_identity` says of each, by the index of the table of trials.
    """
    trials = group.trials
    stuck, dead = trials["zero_outputs"].astype(float), trials["dead_units"].astype(float)
    judged = learnt[trials.index].dropna() > 0
    return UnitCounts(
        group=group,
        stuck=Share.of(stuck > 0),
        dead=Share.of(dead > 0),
        stuck_outputs=float(stuck.mean()),
        dead_units=float(dead.mean()),
        sparsity=float(trials["output_sparsity"].astype(float).mean()),
        learnt=share_of(group, judged),
    )


def identity_text(counts: Sequence[UnitCounts]) -> str:
    """Write the table, and a sentence for each remedy."""
    parts = ["## Units and outputs", INTRO, column_table(COLUMNS, counts)]
    learnt = [item.learnt for item in counts]
    if sentences := compare_shares(learnt, did="learn it"):
        if any(item.share.count for item in learnt):
            least = against(learnt, least="the setting that learns it least")
            parts.append(f"Against {least}:")
        parts.append(bullets(sentences))
    return "\n\n".join(parts)
