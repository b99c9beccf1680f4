"""What a sweep has found: sentences from numbers, each with its figure as plain data.

`find` makes them once, from a `Subject`; pages, reports, the end of a run and notebooks show them.
A page writes them by `findings_html`, and beside them `methods_text` and `latex_table`.
"""

from typing import TYPE_CHECKING

from sweep.lazy import lazy_names

if TYPE_CHECKING:
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
_MODULES = {
    "finding": ("Figure", "Finding", "Kind", "Mark"),
    "found": ("find",),
    "latex": ("latex_table",),
    "markup": ("figure_svg", "findings_html"),
    "methods": ("methods_text",),
    "subject": ("Subject", "read_subject"),
}
_PLACES = {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
__getattr__ = lazy_names(__name__, _PLACES)
