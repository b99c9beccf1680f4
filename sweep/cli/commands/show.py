"""`sweep show`: show everything about one trial."""

import json

import click


@click.command("show")
@click.argument("trial_id")
@click.option("--results", help="Where to look: a directory, name or file. [every results/*]")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with the whole curve.")
def show_command(trial_id: str, results: str | None, as_json: bool) -> None:
    """Show everything about the trial whose identity begins with TRIAL_ID.

    What was asked for, how it ended, where it ran, its curve, and the traceback if it failed.
    """
    from sweep.cli.places import all_results, find_results
    from sweep.reports.tables.trial_page import find_trial, format_page

    places = [find_results(results)] if results else all_results()
    page = find_trial(places, trial_id)
    click.echo(json.dumps(page.record, indent=2) if as_json else format_page(page))
