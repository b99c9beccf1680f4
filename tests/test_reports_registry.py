"""A section of a report is one new file: it registers itself at its place."""

import ast
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import sweep.studies
from sweep.reports.sections import registry
from sweep.reports.sections.registry import PACKAGES, all_sections


def modules() -> Iterator[Path]:
    for package in map(import_module, PACKAGES):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield Path(str(import_module(found.name).__file__))


def test_every_function_called_a_section_is_in_reports() -> None:
    functions = {
        node.name
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_section")
    }
    assert {found.write.__name__ for found in all_sections()} == functions


def test_sections_come_in_the_order_of_their_places() -> None:
    names = [found.write.__name__ for found in all_sections()]
    assert names == [
        "overview_section",
        "findings_section",
        "rejudging_section",
        "comparison_section",
        "stop_reasons_section",
        "search_section",
        "settings_section",
        "axes_section",
        "curves_section",
        "epochs_section",
        "loss_section",
        "heatmap_section",
        "gradients_section",
        "symmetry_section",
        "identity_section",
        "stacking_section",
        "survival_section",
        "distance_section",
        "false_convergence_section",
        "failures_section",
    ]


def test_a_new_file_is_all_that_a_new_section_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from sweep.reports.sections.registry import section\n\n"
    text += "@section(175)\ndef added_section(context):\n    return '## Added'\n"
    (tmp_path / "added.py").write_text(text)
    monkeypatch.setattr(sweep.studies, "__path__", [*sweep.studies.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    all_sections.cache_clear()
    try:
        assert [found.write.__name__ for found in all_sections()][-1] == "added_section"
    finally:
        all_sections.cache_clear()
        sys.modules.pop("sweep.studies.added", None)


def test_only_what_names_the_results_is_written_where_no_trial_counts() -> None:
    always = {found.write.__name__ for found in all_sections() if found.without_trials}
    assert always == {
        "overview_section",
        "rejudging_section",
        "comparison_section",
        "failures_section",
    }
