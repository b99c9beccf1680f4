"""`sweep status`: count the results so far."""

import json
from dataclasses import asdict

import click


@click.command("status")
@click.argument("results")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status_command(results: str, as_json: bool) -> None:
    """Count the trials in RESULTS by how they ended: a directory, the name of a sweep, or its file.

    Says too whether a process is writing them now.
    """
    from sweep.cli.places import find_results
    from sweep.reports.progress import format_progress, progress_of

    progress = progress_of(find_results(results))
    if as_json:
        click.echo(json.dumps(asdict(progress), default=str, indent=2))
    else:
        click.echo(format_progress(progress))
