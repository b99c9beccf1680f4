"""Makes the findings of a sweep, the one place that has them all."""

from collections.abc import Callable, Sequence

from sweep.reports.axes import Axis
from sweep.reports.findings.finding import Finding
from sweep.reports.findings.importance import find_importance
from sweep.reports.findings.settings import find_settings
from sweep.reports.findings.subject import Subject
from sweep.reports.population import Population
from sweep.store.places.layout import ResultsDir

FINDERS: Sequence[Callable[[Subject], list[Finding]]] = (find_importance, find_settings)
"""In the order in which they are told."""


def find(directory: ResultsDir, population: Population, axes: Sequence[Axis]) -> list[Finding]:
    """Return what was found; nothing where no trial counts.

    Args:
        directory: the results.
        population: the trials that count, with what varies, how they ended, and the columns of
            `subject.COLUMNS`; and those left out.
        axes: what varies among those that count.
    """
    subject = Subject(directory, population, axes)
    if subject.trials.empty:
        return []
    return [finding for finder in FINDERS for finding in finder(subject)]
