"""Reports where gradients vanish or explode, and what restores learning."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from sweep.reports.groups import Group, factors_of, groups_of
from sweep.reports.population import final_losses
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.comparisons import (
    against,
    compare_shares,
    share_of,
)
from sweep.reports.statistics.intervals import spread
from sweep.reports.tables.text import bullets, format_number, markdown_table
from sweep.store.tables.reader import read_gradients
from sweep.studies.baselines import load_targets, relative_thresholds, thresholds
from sweep.studies.layer_figures import MOST_GROUPS, draw_gradients

VERDICTS = ("vanishing", "exploding", "dead")
"""What a layer can be but healthy."""
APART = ("topology",)
INTRO = (
    "Root mean squares of the objective's gradient in each layer of weights, from 0 at the input; "
    "medians over trials. A gap is a gradient of 0."
)


@section(100, columns=("topology", "depth", "seed"))
def gradients_section(context: Context) -> str:
    """Write how gradients fare by layer, depth and remedy; nothing without two groups probed."""
    probes = read_gradients(context.directory.path)
    trials = context.trials[context.trials["trial_id"].isin(probes["trial_id"])]
    groups = groups_of(trials, most=MOST_GROUPS, apart=APART)
    if len(_by_depth(groups)) < 2:
        return ""
    ends = {"first": first_probes(probes), "last": last_probes(probes)}
    parts = [f"## Gradients\n\n{INTRO}"]
    for name, figure in draw_gradients(groups, ends).items():
        title = f"Gradients at the {name} probe"
        parts.append(context.figures.show(f"gradients_{name}", title, figure))
    parts.append(verdict_table(groups, ends["first"], ends["last"]))
    return "\n\n".join([*parts, _learning(context, trials, groups)])


def first_probes(probes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each trial's first probe."""
    return probes[probes["epoch"] == probes.groupby("trial_id")["epoch"].transform("min")]


def last_probes(probes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each trial's last probe."""
    return probes[probes["epoch"] == probes.groupby("trial_id")["epoch"].transform("max")]


def verdict_table(groups: Sequence[Group], first: pd.DataFrame, last: pd.DataFrame) -> str:
    """Count the layers that are not healthy by setting and depth, at the first and last probe."""
    title = "### Layers that are not healthy\n\nOf all trials, at the first → at the last probe."
    return f"{title}\n\n{_matrix(groups, lambda group: _verdicts(group, first, last))}"


def _verdicts(group: Group, first: pd.DataFrame, last: pd.DataFrame) -> str:
    before, after = (
        probes[probes["trial_id"].isin(group.trials["trial_id"])]["verdict"]
        for probes in (first, last)
    )
    counts = [(v, int((before == v).sum()), int((after == v).sum())) for v in VERDICTS]
    ill = ", ".join(f"{verdict} {a:,} → {b:,}" for verdict, a, b in counts if a or b)
    return f"{ill} of {len(after):,}" if ill else "none"


def _matrix(groups: Sequence[Group], cell: Callable[[Group], str]) -> str:
    """Lay something said of each setting and depth out as a table, a row a setting."""
    depths = sorted({depth for group in groups for depth in group.trials["depth"]})
    said = {(g.label, _depth(g)): cell(g) for g in _by_depth(groups)}
    rows = [[g.label, *(said.get((g.label, depth), "-") for depth in depths)] for g in groups]
    return markdown_table(["setting", *(f"depth {depth}" for depth in depths)], rows)


def _by_depth(groups: Sequence[Group]) -> list[Group]:
    """Split each group by depth, ascending."""
    return [
        replace(group, trials=rows)
        for group in groups
        for _, rows in group.trials.groupby("depth", sort=True)
    ]


def _depth(group: Group) -> int:
    return int(group.trials["depth"].iloc[0])


def _learning(context: Context, trials: pd.DataFrame, groups: Sequence[Group]) -> str:
    absolute = thresholds(trials, load_targets(context.directory, trials))
    relative = relative_thresholds(trials, [*factors_of(trials, apart=APART), "depth"])
    learnt = final_losses(trials) < absolute.fillna(relative)
    return learning_text(groups, learnt, n_relative=int(absolute.isna().sum()))


def learning_text(groups: Sequence[Group], learnt: "pd.Series[bool]", *, n_relative: int) -> str:
    """Say how many trials of each setting and depth learnt, and what makes the difference.

    Args:
        groups: the settings.
        learnt: whether each trial did, by the index of the table of trials.
        n_relative: how many of them were judged by the worst setting for want of their data.
    """
    parts = ["### What restores learning", _rule(n_relative)]
    parts.append(_matrix(groups, lambda g: _count(g, learnt)))
    parts.append("Median final loss:\n\n" + _matrix(groups, _median_loss))
    deepest = max(_depth(group) for group in _by_depth(groups))
    found = [share_of(group, learnt) for group in _by_depth(groups) if _depth(group) == deepest]
    if sentences := compare_shares(found, did="learn"):
        least = against(found, least="the setting that learns least")
        compared = f", against {least}" if any(item.share.count for item in found) else ""
        parts.append(f"At depth {deepest}{compared}:")
        parts.append(bullets(sentences))
    return "\n\n".join(parts)


def _rule(n_relative: int) -> str:
    rule = (
        "A trial has learnt if its final loss is nearer to that of perfect outputs than to that of "
        "the best constant output, which ignores the input. Intervals are of 95%."
    )
    if not n_relative:
        return rule
    return (
        f"{rule} For {n_relative:,} trials the data or the loss could not be evaluated: they have "
        "learnt if their final loss is below half the median of the worst setting and depth."
    )


def _count(group: Group, learnt: "pd.Series[bool]") -> str:
    share = share_of(group, learnt).share
    return f"{share.count:,} of {share.total:,}"


def _median_loss(group: Group) -> str:
    return format_number(spread(final_losses(group.trials)).value, ".3g")
