"""Writes the report of a sweep: in Markdown with figures beside it, and as a page to explore."""

from collections.abc import Sequence

import pandas as pd

from sweep.errors import ConfigError, StoreError
from sweep.ladder import Rung
from sweep.reports.axes import axes_of, find_axes
from sweep.reports.findings.record import findings_beside, write_findings
from sweep.reports.findings.subject import COLUMNS, Subject
from sweep.reports.page.apart import is_large, write_page_apart
from sweep.reports.page.document import compose_page
from sweep.reports.page.reconstructions import Reconstruct
from sweep.reports.page.table import PageTable, page_columns
from sweep.reports.population import population_of
from sweep.reports.published import Published
from sweep.reports.recorded import asked_for
from sweep.reports.rejudging import read_judged, read_telling
from sweep.reports.sections.registry import (
    Context,
    FigureFolder,
    all_sections,
    columns_read,
    compose_report,
)
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath

NAME = "report.md"
SUFFIXES = (".md", ".markdown")


def write_report(
    directory: ResultsDir,
    output: AnyPath | None = None,
    *,
    rung: Rung | None = None,
    against: Published | None = None,
    by: Sequence[str] = (),
    figures: str | None = None,
    reconstruct: Reconstruct | None = None,
) -> AnyPath:
    """Write a report on the results in `directory`.

    Args:
        directory: results of a sweep.
        output: the file to write, `report/report.md` there if None. Its figures go beside it, into
            a folder named after it, and the page to explore, as `page_beside` has it.
        rung: the rule to judge by, in place of each trial's own; None for its own.
        against: published figures to compare with; None for none.
        by: parameters to show by, at most two: the first colours the curves, and two are crossed.
        figures: pdf, svg or png, to write each figure in print quality too; None for not.
        reconstruct: computes a trained network's outputs, for the page; None for not.

    Returns:
        The Markdown written.

    Raises:
        ConfigError: if no trial matches the published figures, `by` names what does not vary, or
            `output` is no Markdown file.
        StoreError: if there are no results, a file is damaged, a ladder is wanted that was
            not kept, or the report cannot be written.
    """
    path = output or directory.report / NAME
    if not path.name.lower().endswith(SUFFIXES):
        must = f"end in {' or '.join(SUFFIXES)}: the report is written in Markdown, its figures as "
        raise ConfigError.of("--output", f"{must}PNG", got=repr(path.name))
    asked = asked_for(directory)
    alone = against is None and reconstruct is None
    apart = (  # first, so that never two tables are held
        alone and is_large(directory) and write_page_apart(directory, page_beside(path), rung)
    )
    trials = _read(directory, rung, () if apart else page_columns(directory), against is not None)
    population = population_of(trials, asked, by_path=rung is not None)
    del trials  # where some do not count, those that do are a copy
    subject = Subject.of(directory, population)
    found = subject.findings
    context = Context(
        directory,
        population,
        axes=subject.axes,
        figures=FigureFolder(path.with_name(f"{path.stem}_figures"), figures),
        by=find_axes(axes_of(population.trials), by),
        rung=rung,
        against=against,
        findings=found,
    )
    write_atomically(path, compose_report(context, all_sections()).encode())
    if not apart:
        table = PageTable.of(subject, rung)
        write_atomically(page_beside(path), compose_page(table, reconstruct))
    write_findings(findings_beside(path), found)
    return path


def _read(
    directory: ResultsDir, rung: Rung | None, of_page: Sequence[str], whole: bool
) -> pd.DataFrame:
    """Return the trials with the columns that a report reads, or with all of them."""
    columns = [*columns_read(all_sections()), *COLUMNS, *of_page]
    trials = read_judged(directory, rung) if whole else read_telling(directory, rung, columns)
    if trials.empty:
        raise StoreError(f"{directory.path}: must hold at least one trial to report on (got none)")
    return trials


def page_beside(report: AnyPath) -> AnyPath:
    """Return where the page to explore lies beside a report in Markdown."""
    return report.with_name(f"{report.stem}.html")
