"""`sweep results`: show the table of trials."""

import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say, styled_console, write_data
from sweep.cli.options import asked_rung, judging_options, plugin_options
from sweep.printable import counted

if TYPE_CHECKING:
    import pandas as pd

    from sweep.reports.tables.stream import TrialStream

FORMS = ["table", "csv", "json", "markdown"]
EXAMPLE = "\"epochs < 100 and loss = 'mean_squared_error'\""
SPARE_LINES = 5
"""Lines of a screen that are not rows: the command, the notes and the prompt."""


@click.command("results")
@click.argument("results")
@click.option("--where", metavar="EXPR", help=f"Rows to show, in SQL: {EXAMPLE}.")
@click.option("--sort", metavar="COL[,-COL]", default="", help="Columns to sort by; - descends.")
@click.option("--columns", metavar="COL,…", default="", help="Columns to show; all for all.")
@click.option("--top", metavar="N", type=click.IntRange(min=0), help="Most rows to show.")
@click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True)
@judging_options
@plugin_options
def results_command(
    results: str,
    where: str | None,
    sort: str,
    columns: str,
    top: int | None,
    form: str,
    rule: str | None,
    tolerance: float | None,
    patience: int | None,
    monitor: str | None,
) -> None:
    """Show the trials in RESULTS: a directory, the name of a sweep, or its file.

    Shown by default: the hyperparameters that vary, and how each trial ended. A terminal gets a
    screenful, with short ids and as many columns as fit; a pipe or a file gets everything.
    """
    from sweep.cli.places import find_results
    from sweep.reports.population import population_of
    from sweep.reports.recorded import asked_for
    from sweep.reports.rejudging import describe_unmet
    from sweep.reports.tables.selection import Selection
    from sweep.reports.tables.stream import TrialStream

    directory, rung = find_results(results), asked_rung(rule, tolerance, patience, monitor)
    wanted = Selection(where=where, sort=_names(sort), columns=_names(columns), top=top)
    stream = TrialStream(directory, wanted, rung)
    if sys.stdout.isatty():
        _show_screenful(stream, form, top, chosen=bool(wanted.columns))
    else:
        _write_all(stream, form)
    if where is not None and top != 0 and not stream.matching:
        notes = [f"0 of {stream.total:,} match", stream.explain()]
        say("; ".join(filter(None, notes)), err=True)
    if rung is not None and stream.judged is not None:
        population = population_of(stream.judged, asked_for(directory), by_path=True)
        unmet = describe_unmet(directory, population.trials, rung)
        click.echo("\n".join([*population.remarks, unmet]), err=True)


def print_table(frame: "pd.DataFrame", trial_ids: Iterable[str], *, elsewhere: str) -> None:
    """Print rows: fitted to a terminal, with identities as short as all `trial_ids` allow.

    Where standard output is no terminal they are printed in full.

    Args:
        frame: the rows.
        trial_ids: all identities of the results.
        elsewhere: what shows the columns for which there is no room, such as "the report shows".
    """
    from sweep.reports.tables.text import Form, format_table

    if sys.stdout.isatty():
        _show(frame, trial_ids, may_hide=True, elsewhere=elsewhere)
    else:
        click.echo(format_table(frame, Form.TABLE))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _write_all(stream: "TrialStream", form: str) -> None:
    from sweep.reports.tables.text import Form, csv_parts, format_table, json_parts

    if form not in (Form.JSON, Form.CSV):
        click.echo(format_table(stream.read(), Form(form)))
        return
    for part in json_parts(stream) if form == Form.JSON else csv_parts(stream):
        write_data(part)
    write_data("\n" if form == Form.JSON else "")


def _show_screenful(stream: "TrialStream", form: str, top: int | None, *, chosen: bool) -> None:
    """Show the rows that a screen has room for, or as many as were asked for."""
    from sweep.reports.tables.text import Form, format_table

    lines = shutil.get_terminal_size().lines - SPARE_LINES
    room = max(1, lines // (len(stream.columns) + 2) if form == Form.JSON else lines)
    frame = stream.read(room if top is None else None)
    shown, found = len(frame), stream.matching if top is None else len(frame)
    if form == Form.TABLE and len(frame):
        most = room if top is None else None
        shown = _show(frame, stream.trial_ids(), may_hide=not chosen, most=most)
    elif form != Form.TABLE:
        click.echo(format_table(frame, Form(form)))
    if shown < found:
        say(f"{shown:,} of {found:,} trials; --top {found} shows all, as does a pipe", err=True)
    elif form == Form.TABLE and top is None:
        say(f"{shown:,} of {stream.total:,} trials")


def _show(
    frame: "pd.DataFrame",
    trial_ids: Iterable[str],
    *,
    may_hide: bool,
    most: int | None = None,
    elsewhere: str = "--columns all shows",
) -> int:
    """Show rows on a terminal, on about `most` lines; return how many there was room for."""
    from rich.text import Text

    from sweep.reports.tables.listing import list_trials, shortest_ids

    width = shutil.get_terminal_size().columns
    listing = list_trials(frame, width, id_length=shortest_ids(trial_ids), may_hide=may_hide)
    height = 1 if listing.heading else len(frame.columns) + 1
    count = len(frame) if most is None else max(1, (most - len(listing.heading)) // height)
    console = styled_console()
    if listing.heading:
        console.print(Text("\n".join(listing.heading), style="bold"), soft_wrap=True)
    blocks = ["\n".join(lines) for lines in listing.rows[:count]]
    click.echo(("\n" if listing.heading else "\n\n").join(blocks))
    if listing.hidden:
        columns = counted(len(listing.hidden), "column")
        note = f"{columns} hidden: {', '.join(listing.hidden)}; {elsewhere} them"
        console.print(Text(textwrap.fill(note, width), style="dim"), soft_wrap=True)
    return len(blocks)
