"""Findings are kept beside their report, and its Markdown and the end of a run tell them."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweep.errors import StoreError
from sweep.reports.axes import axes_of
from sweep.reports.findings import Finding
from sweep.reports.findings.record import (
    findings_beside,
    in_brief,
    read_findings,
    write_findings,
)
from sweep.reports.population import population_of
from sweep.reports.sections.findings import findings_section
from sweep.reports.sections.registry import Context, FigureFolder
from sweep.store.places.layout import ResultsDir
from tests.test_findings import table_of

MATTERS = Finding("importance", "What matters", "It does.", brief="It matters.")
BOUNDARY = Finding("boundary-x", "x is best", "At its end.", lines="x: [1]", brief="Widen x.")
BEST = Finding("settings", "The best", "It is.", brief="It is best.")
DEAD = Finding("dead-outputs", "Stuck", "All are.", brief="Some are stuck.")


def briefly(*findings: Finding) -> list[str]:
    return in_brief([finding.as_data() for finding in findings])


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = findings_beside(tmp_path / "report.md")
    assert path == tmp_path / "report_findings.json"
    write_findings(path, [MATTERS, BOUNDARY])
    assert read_findings(path) == [MATTERS.as_data(), BOUNDARY.as_data()]
    assert read_findings(tmp_path / "none.json") == []


def test_a_damaged_record_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "report_findings.json"
    path.write_text("[1]")
    with pytest.raises(StoreError, match="sweep report"):
        read_findings(path)


def test_a_run_ends_with_what_matters_and_what_is_most_urgent() -> None:
    assert briefly(MATTERS, BEST, BOUNDARY, DEAD) == ["It matters.", "Widen x."]
    assert briefly(MATTERS, BEST, DEAD) == ["It matters.", "Some are stuck."]
    assert briefly(MATTERS, BEST) == ["It matters.", "It is best."]
    assert briefly(BEST) == ["It is best."]
    assert briefly() == []


def written(tmp_path: Path, *findings: Finding) -> str:
    trials = table_of(lambda learning_rate: learning_rate, seeds=1, learning_rate=[1, 2])
    population = population_of(trials)
    figures = FigureFolder(tmp_path / "figures")
    context = Context(ResultsDir(tmp_path), population, axes_of(trials), figures)
    return findings_section(replace(context, findings=findings))


def test_the_markdown_tells_findings_with_the_lines_to_change(tmp_path: Path) -> None:
    text = written(tmp_path, MATTERS, BOUNDARY, DEAD)
    assert text.splitlines() == [
        "## What was found",
        "",
        "- **What matters.** It does.",
        "- **x is best.** At its end.",
        "",
        "  ```yaml",
        "  x: [1]",
        "  ```",
        "- Some are stuck.",
    ]


def test_what_other_sections_say_is_not_said_twice(tmp_path: Path) -> None:
    assert written(tmp_path, BEST) == ""


def test_hostile_text_is_text_in_the_markdown(tmp_path: Path) -> None:
    hostile = Finding("importance", "<b>*", "a|b `c` <script>")
    text = written(tmp_path, hostile)
    assert "- **&lt;b&gt;\\*.** a\\|b `c` &lt;script&gt;" in text
