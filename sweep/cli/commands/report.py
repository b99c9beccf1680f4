"""`sweep report`: write a report with figures."""

from typing import TYPE_CHECKING

import click

from sweep.cli.console import say, write_data
from sweep.cli.options import asked_rung, judging_options, plugin_options

if TYPE_CHECKING:
    import numpy as np

    from sweep.ladder import Rung
    from sweep.trial import Trial

FORMS = ["pdf", "svg", "png"]  # sweep.reports.figures.printed.FORMS, which takes long to import


@click.command("report")
@click.argument("results")
@click.option(
    "--output",
    help="Markdown file to write, or its URI. [RESULTS/report/report.md]",
)
@click.option(
    "--against",
    metavar="TABLE",
    help="Published figures to show beside: zhang2017_runs, keras_mnist_losses, encoder_epochs, "
    "or a CSV file with such columns.",
)
@click.option(
    "--by",
    metavar="AXIS",
    multiple=True,
    help="Parameter to colour the curves by; given twice, a heat map of the two as well.",
)
@click.option(
    "--figures",
    type=click.Choice(FORMS),
    help="Write each figure for print as well, into REPORT_figures/print: as wide as the columns "
    "of a journal, fonts embedded.",
)
@click.option(
    "--reconstructions",
    is_flag=True,
    help="Show samples beside what networks make of them, where weights were kept: on the page of "
    "the best, a middling and the worst trial of settings. Loads PyTorch.",
)
@click.option(
    "--latex",
    is_flag=True,
    help="Print a LaTeX table of the best settings (booktabs), and write no report.",
)
@judging_options
@plugin_options
def report_command(
    results: str,
    output: str | None,
    against: str | None,
    by: tuple[str, ...],
    figures: str | None,
    reconstructions: bool,
    latex: bool,
    rule: str | None,
    tolerance: float | None,
    patience: int | None,
    monitor: str | None,
) -> None:
    """Write a report on RESULTS: a directory, the name of a sweep, or its file.

    In Markdown, with its figures in a folder beside it, and as a page of the same name for a
    browser, report.html, in which every trial can be explored. Prints the paths of both.
    """
    rung = asked_rung(rule, tolerance, patience, monitor)
    if latex:
        _print_latex(results, rung)
        return
    from sweep.cli.places import find_results
    from sweep.reports.published import load_published
    from sweep.reports.report import page_beside, write_report
    from sweep.store.places.remote import path_of

    place = path_of(output) if output else None
    published = None if against is None else load_published(against)
    directory = find_results(results)
    report = write_report(
        directory,
        place,
        rung=rung,
        against=published,
        by=by,
        figures=figures,
        reconstruct=_reconstruct if reconstructions else None,
    )
    say(str(report))
    say(str(page_beside(report)))


def _reconstruct(trial: "Trial", parameters: "np.ndarray", inputs: "np.ndarray") -> "np.ndarray":
    from sweep.nets.autoencoder import reconstructions  # PyTorch comes with it

    return reconstructions(trial, parameters, inputs)


def _print_latex(results: str, rung: "Rung | None") -> None:
    from sweep.cli.places import find_results
    from sweep.reports.findings import latex_table, read_subject

    write_data(f"{latex_table(read_subject(find_results(results), rung))}\n")
