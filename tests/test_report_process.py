"""Claims: a run's report is written by a process beside it, and is that of `sweep report`."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import sweep
from sweep.cli.main import main
from sweep.reports.beside import ReportProcess, current_report
from sweep.reports.report import page_beside, write_report
from sweep.store.places.layout import ResultsDir
from tests.sweepfiles import small


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> ResultsDir:
    folder = tmp_path_factory.mktemp("report")
    sweep.run(small(), output=folder, use_ray=False)
    return ResultsDir(folder)


@pytest.mark.slow
def test_the_report_of_a_process_beside_is_that_of_the_command(directory: ResultsDir) -> None:
    process = ReportProcess(directory)
    process.begin()
    path = Path(str(process.written()))
    text, figures = path.read_text(), sorted((path.parent / "report_figures").iterdir())
    page = page_beside(path).read_bytes()
    write_report(directory)
    assert path.read_text() == text
    assert page_beside(path).read_bytes() == page
    assert sorted((path.parent / "report_figures").iterdir()) == figures


@pytest.mark.slow
def test_a_report_is_written_though_the_process_beside_has_failed(
    directory: ResultsDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", shutil.which("false"))
        process = ReportProcess(directory)
    process.begin()
    assert process.written() == directory.report / "report.md"


@pytest.mark.slow
def test_a_run_that_trains_nothing_leaves_its_report_until_something_changes(
    tmp_path: Path,
) -> None:
    file, results = tmp_path / "small.yaml", tmp_path / "results"
    file.write_text(yaml.safe_dump(small()))
    command = ["run", str(file), "--no-ray", "--quiet", "--output", str(results)]
    assert CliRunner().invoke(main, command).exit_code == 0
    report = results / "report" / "report.md"
    report.write_text("kept")
    assert CliRunner().invoke(main, command).exit_code == 0
    assert report.read_text() == "kept"
    page = report.with_suffix(".html")
    page.unlink()
    assert current_report(ResultsDir(results)) is None
    page.touch()
    assert current_report(ResultsDir(results)) == report
    os.utime(report, ns=(0, 0))
    assert current_report(ResultsDir(results)) is None
    assert CliRunner().invoke(main, command).exit_code == 0
    assert report.read_text() != "kept"
