"""Writes published figures beside ours."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from sweep.errors import ConfigError
from sweep.reports.figures.points import Points, draw_points
from sweep.reports.published import SURVIVAL, Measure, Published
from sweep.reports.sections.registry import Context, section
from sweep.reports.sections.survival import format_quartiles, format_share
from sweep.reports.statistics.survival import FEWEST_SEEDS, survivals
from sweep.reports.tables.text import (
    bullets,
    escape,
    format_number,
    format_value,
    markdown_table,
    named_values,
    rest,
)
from sweep.store.tables.reader import read_curves
from sweep.studies.publications.readings import Comparison, compare, pair_trials

MOST_READINGS = 40
BEST, LITERAL = "best", "literal"


@section(20, columns=None, without_trials=True)
def comparison_section(context: Context) -> str:
    """Compare trials with published figures; nothing where none are asked for.

    Raises:
        ConfigError: if no trial matches any of them.
    """
    published = context.against
    if published is None:
        return ""
    pairs = pair_trials(published, context.trials)
    if pairs.empty:
        raise _unmatched(published, context)
    if "epoch" in published.rows.columns:
        curves = read_curves(context.directory.path, list(pairs["trial_id"].unique()))
        pairs = pair_trials(published, context.trials, curves)
    parts = [f"## Beside {escape(published.name)}", _coverage(published, pairs)]
    if SURVIVAL in published.rows.columns:
        return "\n\n".join([*parts, _survival_table(published, context.trials, pairs)])
    return "\n\n".join([*parts, *_comparison(context, compare(published, pairs))])


def _coverage(published: Published, pairs: pd.DataFrame) -> str:
    text = (
        f"{pairs['row'].nunique()} of {len(published.rows)} published rows are matched, by "
        f"{pairs['trial_id'].nunique():,} trials; matched by {escape(', '.join(published.keys))}."
    )
    if published.unchecked:
        text += f" {published.unchecked} more rows, unchecked at their source, are left out."
    return text


def _comparison(context: Context, found: Comparison) -> list[str]:
    """Write the ranking, the runs of the best and of the literal reading, and their figure."""
    best = int(found.readings.index[0])
    shown = {BEST: best} | ({} if found.literal is None else {LITERAL: found.literal})
    parts = [_ranking(found)]
    for name, number in shown.items():
        if name == LITERAL and number == best:
            continue
        parts += [f"### The {name} reading", _describe(found, number), _runs_table(found, number)]
    if found.literal == best:
        parts.append("The best reading is the literal one.")
    return [*parts, *_doubts(found), *_figure(context, found, shown)]


def _ranking(found: Comparison) -> str:
    measures = [item.title for item in found.published.measures if item.weighs]
    doubtful = len(_doubtful(found)) > 0
    header = ["rank", *found.dimensions, "runs", *measures, "mismatches", "distance"]
    header += ["without doubtful", "rank without"] if doubtful else []
    rows = []
    for place, (_, row) in enumerate(found.readings.head(MOST_READINGS).iterrows(), start=1):
        numbers = [
            format_number(row[name], ".2f") for name in (*measures, "mismatches", "distance")
        ]
        last = [format_number(row["distance_sure"], ".2f"), format_number(row["rank_sure"], ".0f")]
        values = [format_value(row[name]) for name in found.dimensions]
        rows.append([f"{place}", *values, f"{row['runs']}", *numbers, *(last if doubtful else [])])
    text = (
        "A reading is one combination of what the publication leaves open. Its distance is the "
        f"mean |log10(ours / published)| of {' and of '.join(measures)} over the runs that state "
        "them, averaged, plus the share of trials that contradict the published reconstruction. "
        "Ours is the median over seeds. Readings that cover more runs come first."
    )
    table = [markdown_table(header, rows), *rest(len(found.readings), len(rows))]
    return "\n\n".join(["### Readings", text, *table])


def _describe(found: Comparison, number: int) -> str:
    values = named_values(found.readings.loc[number][found.dimensions])
    return escape(values) or "All trials: nothing was left open."


def _runs_table(found: Comparison, number: int) -> str:
    published, runs = found.published, found.runs.loc[number]
    said = "reconstructs" in published.rows.columns
    header = [*published.labels, "trials", "met their rule"]
    for item in published.measures:
        header += [f"published {item.title}", f"our {item.title}", "ratio"]
    header += ["published reconstructs", "our share"] if said else []
    rows = []
    for place, (_, ours) in zip(runs.index.tolist(), runs.iterrows(), strict=True):
        theirs = published.rows.loc[place]
        line = [format_value(theirs[name]) for name in published.labels]
        line += [f"{ours['trials']:.0f}", f"{ours['converged']:.0%}"]
        for item in published.measures:
            line += _beside(theirs[item.published], ours, item)
        share = format_number(ours["reconstructed"], ".0%")
        rows.append([*line, *([format_value(theirs["reconstructs"]), share] if said else [])])
    return markdown_table(header, rows)


def _beside(theirs: Any, ours: "pd.Series[float]", item: Measure) -> list[str]:
    """Return the published number, ours with its range over seeds, and their ratio."""
    form = ".0f" if item.title == "epochs" else ".3g"
    middle, low, high = (ours[f"{item.title}{end}"] for end in ("", "_low", "_high"))
    spread = f" ({low:{form}} to {high:{form}})" if high > low else ""
    return [
        format_number(theirs, form),
        f"{format_number(middle, form)}{spread}",
        format_number(middle / theirs, ".3g"),
    ]


def _doubtful(found: Comparison) -> pd.DataFrame:
    """Return the published rows that were matched, but may be wrong."""
    rows = found.published.rows.loc[found.runs.index.unique("row")]
    return rows.dropna(subset=["doubtful"]) if "doubtful" in rows.columns else rows.head(0)


def _doubts(found: Comparison) -> Iterable[str]:
    """Yield a list of the rows that may be wrong."""
    keys, labels = set(found.published.keys), found.published.labels
    names = [name for name in labels if name not in keys] or labels
    lines = [
        f"{escape(named_values(row[names]))}: {escape(row['doubtful'])}"
        for _, row in _doubtful(found).iterrows()
    ]
    if lines:
        yield f"Doubtful as published:\n\n{bullets(lines)}"


def _figure(context: Context, found: Comparison, shown: dict[str, int]) -> Iterable[str]:
    """Yield the figure of ours against published; nothing where no run has both."""
    panels = []
    for item in found.published.measures:
        groups = {name: _points(found, number, item) for name, number in shown.items()}
        if item.weighs and any(len(points) for points in groups.values()):
            labels = (f"published {item.title}", f"our {item.title}")
            panels.append(Points(item.title, *labels, groups, diagonal=True))
    if panels:
        title = f"Ours against {escape(found.published.name)}"
        yield context.figures.show("published", title, draw_points(panels))


def _points(found: Comparison, number: int, item: Measure) -> pd.DataFrame:
    runs = found.runs.loc[number]
    theirs = found.published.rows[item.published].loc[runs.index]
    points = pd.DataFrame({"x": theirs.astype("float64"), "y": runs[item.title]})
    return points.dropna()


def _survival_table(published: Published, trials: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Write beside each published mean the survival of our best setting of that problem."""
    header = [*published.labels, "published epochs", "our best setting", "trials", "met its rule"]
    header += ["half by epoch (quartiles)", "ratio"]
    lines = []
    for place in sorted(set(pairs["row"])):
        group, theirs = pairs[pairs["row"] == place], published.rows.loc[place]
        found = survivals(trials[trials["trial_id"].isin(group["trial_id"])], 1)
        line = [format_value(theirs[name]) for name in published.labels]
        line.append(format_number(theirs[SURVIVAL], ".0f"))
        for best in found.settings:
            called = named_values(dict(zip(found.parameters, best.values, strict=True)))
            lower, middle, upper = format_quartiles(best.quartiles)
            line += [called or "all", f"{best.converged.total}", format_share(best)]
            line += [f"{middle} ({lower} to {upper})"]
            line += [format_number(best.quartiles[1] / theirs[SURVIVAL], ".3g")]
        lines.append(
            line if found.settings else [*line, f"fewer than {FEWEST_SEEDS} seeds", *"----"]
        )
    text = (
        "Our best setting is the one that met its rule most often, the quickest of equals, of all "
        "in the sweep for the problem; the published means are of whatever was chosen there."
    )
    return f"{text}\n\n{markdown_table(header, lines)}"


def _unmatched(published: Published, context: Context) -> ConfigError:
    name = published.keys[0]
    values = ", ".join(dict.fromkeys(map(format_value, published.rows[name])))
    must = f"describe a run of {context.directory.path} by {', '.join(published.keys)}"
    got = f"no trial that matches; its {name} is one of {values}"
    return ConfigError.of(f"--against {published.name}", must, got=got)
