"""Writes the sections on stop rules: judged anew, and met too early."""

import pandas as pd

from sweep.reports.axes import Axis, varying_parameters
from sweep.reports.false_convergence import COLUMN
from sweep.reports.rejudging import describe_rung, describe_unmet, unmet
from sweep.reports.sections.registry import Context, section
from sweep.reports.tables.text import Form, format_table, markdown_table, rest
from sweep.trial import StopReason

MOST_UNMET = 10


@section(10, without_trials=True)
def rejudging_section(context: Context) -> str:
    """Say by which rule trials were judged anew; nothing where each was judged by its own."""
    rung = context.rung
    if rung is None:
        return ""
    text, _, command = describe_unmet(context.directory, context.trials, rung).partition("\n")
    parts = [
        f"## Judged by {describe_rung(rung)}",
        "Read from the ladder of each training, without training: epochs and losses are those "
        "at which this rule would have ended it. What is known only of the end of a "
        "training is left out where the rule was met before.",
        f"{text[0].upper()}{text[1:]}",
        f"```console\n$ {command}\n```" if command else "",
        _unmet_table(context.trials),
    ]
    return "\n\n".join(part for part in parts if part)


@section(160)
def false_convergence_section(context: Context) -> str:
    """Write how many trials converged falsely, by axis; nothing if none did."""
    converged = context.trials[context.trials["stop_reason"] == StopReason.CONVERGED]
    count = int(converged[COLUMN].sum())
    if not count:
        return ""
    text = (
        f"{count:,} of {len(converged):,} converged trials met their rule on a plateau: the same "
        "trial with another seed, or the same path trained longer, ended below a tenth of the "
        f"loss. The column `{COLUMN}` marks them."
    )
    rows = [row for axis in context.axes for row in _shares(converged, axis)]
    header = ["axis", "level", "converged", "falsely", "share"]
    table = [markdown_table(header, rows)] if rows else []
    return "\n\n".join(["## False convergence", text, *table])


def _unmet_table(judged: pd.DataFrame) -> str:
    missing = unmet(judged)
    if missing.empty:
        return ""
    shown = missing.head(MOST_UNMET)
    stated = shown[["trial_id", *varying_parameters(judged), "final_loss"]]
    told = stated.assign(rule=[f"not met by epoch {epoch}" for epoch in shown["epochs"]])
    table = format_table(told, Form.MARKDOWN)
    return "\n\n".join([table, *rest(len(missing), len(shown))])


def _shares(converged: pd.DataFrame, axis: Axis) -> list[list[str]]:
    """Return a row for each level: how many converged, and how many of these falsely."""
    levels = axis.levels.loc[converged.index]
    rows = []
    for level in (level for level in axis.order if (levels == level).any()):
        false = converged[COLUMN][levels == level]
        count = int(false.sum())
        rows.append([axis.name, level, f"{len(false)}", f"{count}", f"{count / len(false):.0%}"])
    return rows
