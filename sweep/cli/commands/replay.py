"""`sweep replay`: show what a scheduler or another rule would have saved and lost."""

from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
from sweep.cli.options import asked_rung, judging_options

if TYPE_CHECKING:
    import pandas as pd

WHERE = "command line"
SHARES = ("saved", "winner_kept", "top_kept")


@click.command("replay")
@click.argument("results")
@click.option(
    "--scheduler",
    "schedulers",
    multiple=True,
    metavar="NAME[,KEY=VALUE]...",
    help="asha, hyperband or median with keys of the sweep file, as asha,eta=4; may be repeated.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0, max=100_000),
    default=200,
    show_default=True,
    help="Samples of the settings that intervals are over.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Key of their draw. [0]")
@click.option("--json", "as_json", is_flag=True, help="Print all numbers as JSON.")
@judging_options
def replay_command(
    results: str,
    schedulers: tuple[str, ...],
    resamples: int,
    seed: int,
    as_json: bool,
    rule: str | None,
    tolerance: float | None,
    patience: int | None,
    monitor: str | None,
) -> None:
    """Show what schedulers, or a rule, would have saved of the epochs in RESULTS, and lost.

    Nothing is trained: decisions at rungs follow from the stored curves, those of a rule from the
    ladder. All trials must have been trained without a scheduler; what did not end by itself is
    left out. Intervals are of 95%, over settings drawn anew with replacement.

    Exit code: 0, 2 wrong input.
    """
    from sweep.cli.commands.results import print_table
    from sweep.cli.places import find_results
    from sweep.config.scheduler_option import parse_scheduler
    from sweep.errors import ConfigError
    from sweep.reports.replay.replays import replays
    from sweep.reports.tables.text import Form, format_table

    rung = asked_rung(rule, tolerance, patience, monitor)
    asked = [parse_scheduler(text, where=WHERE) for text in schedulers]
    if not asked and rung is None:
        raise ConfigError.of(WHERE, "be given, or --rule", key="--scheduler")
    directory = find_results(results)
    table, left_out = replays(directory, asked, rung, resamples=resamples, seed=seed)
    if left_out:
        say(f"left out: {left_out:,} trials that did not end by themselves", err=True)
    if as_json:
        click.echo(format_table(table, Form.JSON))
    else:
        print_table(readable(table), [], elsewhere="--json shows")


def readable(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table for people: intervals beside their values, and what is the same left out."""
    import pandas as pd

    shown = pd.DataFrame({"replayed": table["replayed"]})
    for name in ("dataset", "loss"):
        if table[name].nunique() > 1:
            shown[name] = table[name]
    shown["settings"] = table["settings"]
    for name in (*SHARES, "regret"):
        form = "{:.1%}".format if name in SHARES else "{:.3g}".format
        shown[name] = [form(value) for value in table[name]]
        if name == "winner_kept":
            shown[name] = ["yes" if value else "no" for value in table[name]]
            if f"{name}_share" in table:
                shown[name] += [f" ({share:.0%})" for share in table[f"{name}_share"]]
        elif f"{name}_low" in table:
            pairs = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
            shown[name] += [f" ({form(low)} to {form(high)})" for low, high in pairs]
    return shown
