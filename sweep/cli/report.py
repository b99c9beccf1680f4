"""`sweep report`: write a report with figures."""

import click


@click.command("report")
@click.argument("results")
@click.option(
    "--output",
    help="File to write, or its URI. [RESULTS/report/report.md]",
)
def report_command(results: str, output: str | None) -> None:
    """Write a report on RESULTS in Markdown: a directory, the name of a sweep, or its file.

    The figures go into a folder beside it. Prints the path of the report.
    """
    from sweep.cli.places import find_results
    from sweep.reports.report import write_report
    from sweep.store.remote import path_of

    click.echo(write_report(find_results(results), path_of(output) if output else None))
