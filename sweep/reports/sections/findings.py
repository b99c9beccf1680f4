"""Writes what was found, before the numbers that it comes from."""

import re

from sweep.printable import printable_line
from sweep.reports.findings.finding import Finding
from sweep.reports.findings.subject import COLUMNS
from sweep.reports.sections.registry import Context, section
from sweep.reports.tables.text import bullets, escape

CODE = re.compile("`([^`]+)`")
TOLD_ELSEWHERE = ("settings", "endings")
"""Findings that the overview and the tables of settings and of endings say."""
IN_FULL = ("importance", "boundary")
"""Findings of which the report says no more anywhere else."""


@section(5, columns=COLUMNS)
def findings_section(context: Context) -> str:
    """Write a paragraph a finding; nothing where there is none that other sections do not say."""
    told = [found for found in context.findings if found.name not in TOLD_ELSEWHERE]
    if not told:
        return ""
    return f"## What was found\n\n{bullets(map(_paragraph, told))}"


def _paragraph(finding: Finding) -> str:
    if finding.name.partition("-")[0] not in IN_FULL:
        return _prose(finding.brief or finding.text)
    text = f"**{escape(finding.title)}.** {_prose(f'{finding.text} {finding.how}'.strip())}"
    if not finding.lines:
        return text
    lines = "\n".join(f"  {line}" for line in finding.lines.splitlines())
    return f"{text}\n\n  ```yaml\n{lines}\n  ```"


def _prose(text: str) -> str:
    """Make text stand in Markdown for itself, but for what stands between backticks: code."""
    parts = CODE.split(text)
    told = (f"`{printable_line(part)}`" if i % 2 else escape(part) for i, part in enumerate(parts))
    return "".join(told)
