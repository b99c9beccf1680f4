"""`sweep compare`: set sweeps beside each other."""

import json
import shutil

import click

from sweep.cli.console import say
from sweep.cli.options import plugin_options


@click.command("compare")
@click.argument("results", nargs=-1, required=True)
@click.option(
    "--across",
    metavar="NAME",
    multiple=True,
    help="Pair trials although they differ in this hyperparameter; may be given again.",
)
@click.option("--output", metavar="FILE", help="Write a page too: .html by itself, or .md.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@plugin_options
def compare_command(
    results: tuple[str, ...], across: tuple[str, ...], output: str | None, as_json: bool
) -> None:
    """Compare two or more RESULTS: directories, names of sweeps, or their files.

    Shows what differs in what they ask for, pairs their trials by settings and seeds, and tells how
    much losses, epochs and the share that converged differ, with intervals. What has one value in
    each sweep, and not the same, is what is compared.
    """
    from sweep.cli.places import find_results
    from sweep.reports.compare.comparison import compare, record_of
    from sweep.store.places.remote import path_of

    place = path_of(output) if output else None
    comparison = compare([find_results(name) for name in results], across)
    if as_json:
        click.echo(json.dumps(record_of(comparison), indent=2))
    if place is None and as_json:
        return
    from sweep.reports.compare.page import terminal_text, write_comparison

    if not as_json:
        click.echo(terminal_text(comparison, shutil.get_terminal_size().columns))
    if place is not None:
        written = write_comparison(comparison, place)
        say(f"page: {written}", err=as_json)
