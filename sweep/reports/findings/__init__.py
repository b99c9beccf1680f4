"""What a sweep has found: sentences from numbers, each with its figure as plain data.

`find` makes them once; pages, reports, the end of a run and notebooks show them. A page writes them
by `findings_html`.
"""

from sweep.reports.findings.finding import Figure, Finding, Kind, Mark
from sweep.reports.findings.found import find
from sweep.reports.findings.markup import figure_svg, findings_html

__all__ = ["Figure", "Finding", "Kind", "Mark", "figure_svg", "find", "findings_html"]
