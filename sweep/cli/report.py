"""`sweep report`: write a report with figures."""

from pathlib import Path

import click

from sweep.cli.judging import asked_rung, judging_options


@click.command("report")
@click.argument("results")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write. [RESULTS/report/report.md]",
)
@click.option(
    "--against",
    metavar="TABLE",
    help="Published figures to show beside: zhang2017_runs, keras_mnist_losses, encoder_epochs, "
    "or a CSV file with such columns.",
)
@judging_options
def report_command(
    results: str,
    output: Path | None,
    against: str | None,
    rule: str | None,
    tolerance: float | None,
    patience: int | None,
) -> None:
    """Write a report on RESULTS in Markdown: a directory, the name of a sweep, or its file.

    The figures go into a folder beside it. Prints the path of the report.
    """
    from sweep.cli.places import find_results
    from sweep.reports.published import load_published
    from sweep.reports.report import write_report

    rung = asked_rung(rule, tolerance, patience)
    published = None if against is None else load_published(against)
    click.echo(write_report(find_results(results), output, rung=rung, against=published))
