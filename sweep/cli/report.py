"""`sweep report`: write a report with figures."""

from pathlib import Path

import click


@click.command("report")
@click.argument("results")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write. [RESULTS/report/report.md]",
)
def report_command(results: str, output: Path | None) -> None:
    """Write a report on RESULTS in Markdown: a directory, the name of a sweep, or its file.

    The figures go into a folder beside it. Prints the path of the report.
    """
    from sweep.cli.places import find_results
    from sweep.reports.report import write_report

    click.echo(write_report(find_results(results), output))
