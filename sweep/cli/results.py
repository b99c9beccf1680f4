"""`sweep results`: show the table of trials."""

import shutil
import sys
from typing import TYPE_CHECKING

import click

from sweep.cli.judging import asked_rung, judging_options

if TYPE_CHECKING:
    import pandas as pd

FORMS = ["table", "csv", "json", "markdown"]
HEADING_WIDTH = 12
EXAMPLE = "\"epochs < 100 and loss == 'mean_squared_error'\""


@click.command("results")
@click.argument("results")
@click.option("--where", metavar="EXPR", help=f"Rows to show: {EXAMPLE}.")
@click.option("--sort", metavar="COL[,-COL]", default="", help="Columns to sort by; - descends.")
@click.option("--columns", metavar="COL,…", default="", help="Columns to show; all for all.")
@click.option("--top", metavar="N", type=click.IntRange(min=0), help="Most rows to show.")
@click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True)
@judging_options
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
) -> None:
    """Show the trials in RESULTS: a directory, the name of a sweep, or its file.

    Shown by default: the hyperparameters that vary, and how each trial ended.
    """
    from sweep.cli.places import find_results
    from sweep.reports.population import asked_for, population_of
    from sweep.reports.rejudging import describe_unmet, read_judged
    from sweep.reports.selection import Selection, select
    from sweep.reports.tables import Form, format_table

    directory, rung = find_results(results), asked_rung(rule, tolerance, patience)
    trials = read_judged(directory, rung)
    wanted = Selection(where=where, sort=_names(sort), columns=_names(columns), top=top)
    chosen = select(trials, wanted)
    if form == Form.TABLE:
        print_table(chosen, len(trials))
    else:
        click.echo(format_table(chosen, Form(form)))
    if rung is not None:
        population = population_of(trials, asked_for(directory), by_path=True)
        said = [population.left_out, describe_unmet(directory, population.trials, rung)]
        click.echo("\n".join(filter(None, said)), err=True)


def print_table(frame: "pd.DataFrame", n_trials: int) -> None:
    """Print rows of the table, out of `n_trials`: ruled on a terminal, plain elsewhere."""
    from sweep.reports.tables import Form, format_table

    if sys.stdout.isatty():
        _show(frame, n_trials)
    else:
        click.echo(format_table(frame, Form.TABLE))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _heading(name: str) -> str:
    """Break a long name after an underscore, near its middle."""
    breaks = [place + 1 for place, letter in enumerate(name) if letter == "_"]
    if len(name) <= HEADING_WIDTH or not breaks:
        return name
    middle = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle]}\n{name[middle:]}"


def _show(frame: "pd.DataFrame", n_trials: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sweep.reports.tables import cells, is_number, line_of

    rows = cells(frame)
    table = Table(box=box.SIMPLE_HEAD, caption=f"{len(rows):,} of {n_trials:,} trials")
    for index, name in enumerate(frame.columns):
        right = all(is_number(row[index]) for row in rows)
        table.add_column(_heading(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(line_of(cell)) for cell in row])
    Console(width=shutil.get_terminal_size().columns).print(table)
