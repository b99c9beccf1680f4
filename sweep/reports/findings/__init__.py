"""What a sweep has found: sentences from numbers, each with its figure as plain data.

`find` makes them once, from a `Subject`; pages, reports, the end of a run and notebooks show them.
A page writes them by `findings_html`, and beside them `methods_text` and `latex_table`.
"""

from sweep.reports.findings.finding import Figure, Finding, Kind, Mark
from sweep.reports.findings.found import find
from sweep.reports.findings.latex import latex_table
from sweep.reports.findings.markup import figure_svg, findings_html
from sweep.reports.findings.methods import methods_text
from sweep.reports.findings.subject import Subject, read_subject

__all__ = [
    "Figure",
    "Finding",
    "Kind",
    "Mark",
    "Subject",
    "figure_svg",
    "find",
    "findings_html",
    "latex_table",
    "methods_text",
    "read_subject",
]
