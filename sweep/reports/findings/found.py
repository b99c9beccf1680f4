"""Makes the findings of a sweep, the one place that has them all."""

from collections.abc import Callable, Sequence

from sweep.reports.findings.boundaries import find_boundaries
from sweep.reports.findings.endings import find_endings
from sweep.reports.findings.finding import Finding
from sweep.reports.findings.importance import find_importance
from sweep.reports.findings.settings import find_settings
from sweep.reports.findings.subject import Subject

FINDERS: Sequence[Callable[[Subject], list[Finding]]] = (
    find_importance,
    find_settings,
    find_boundaries,
    find_endings,
)
"""In the order in which they are told."""


def find(subject: Subject) -> list[Finding]:
    """Return what was found; nothing where no trial counts."""
    if subject.trials.empty:
        return []
    return [finding for finder in FINDERS for finding in finder(subject)]
