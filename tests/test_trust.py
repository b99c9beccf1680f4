"""Whose code a sweep file may run: one's own, an allowed package's, never Python's."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sweep.cli.main import main
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import record_run
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trust import asking_for_plugins, objection
from tests.store_fixtures import make_result
from tests.sweepfiles import small

ASIDE = "def rings():\n    open('ran', 'w').close()\n    return [[1, 0, 0, 0], [0, 1, 0, 0]]\n"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """A working directory, and another folder with a sweep file and the module that it names."""
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (elsewhere / "rings_aside.py").write_text(ASIDE)
    (elsewhere / "a.yaml").write_text(json.dumps(small(dataset="rings_aside:rings")))
    yield here, elsewhere
    sys.modules.pop("rings_aside", None)


def test_code_from_elsewhere_is_not_run_at_planning_unless_allowed(
    folders: tuple[Path, Path],
) -> None:
    here, elsewhere = folders
    file = str(elsewhere / "a.yaml")
    refused = CliRunner().invoke(main, ["plan", file])
    assert refused.exit_code == 2
    assert "dataset must name code below the working directory, or be allowed by --trust" in (
        refused.stderr
    )
    assert not (here / "ran").exists()
    allowed = CliRunner().invoke(main, ["plan", file, "--trust"])
    assert allowed.exit_code == 0, allowed.stderr
    assert (here / "ran").exists()


@pytest.mark.slow
def test_code_that_results_name_is_not_run_for_a_report_unless_allowed(
    folders: tuple[Path, Path],
) -> None:
    here, elsewhere = folders
    directory = ResultsDir(here / "study")
    with Writer(directory) as writer:
        writer.append(encode([make_result()], "study"))
    (elsewhere / "rings_held.py").write_text(ASIDE)
    record_run(directory, json.dumps(small(dataset="rings_held:rings")), {"overrides": []})
    sys.path.append(str(elsewhere))
    for command in (["report"], ["results", "--rule", "loss", "--tolerance", "0.1"]):
        CliRunner().invoke(main, [*command, "study"])
        assert not (here / "ran").exists()
    reported = CliRunner().invoke(main, ["report", "study", "--trust"])
    assert reported.exit_code == 0, reported.stderr
    assert (here / "ran").exists()


def test_code_below_the_working_directory_is_run_unasked(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, elsewhere = folders
    monkeypatch.chdir(elsewhere.parent)
    assert CliRunner().invoke(main, ["plan", "elsewhere/a.yaml"]).exit_code == 0


def test_a_package_is_asked_for_once_and_only_where_a_command_asks() -> None:
    asked = []
    assert objection("numpy:eye") is None

    def no(package: str, place: Path) -> bool:
        asked.append((package, place.name))
        return False

    with asking_for_plugins(no):
        for name in ("numpy:eye", "numpy.linalg:norm"):
            assert "be allowed by --trust" in str(objection(name))
    assert asked == [("numpy", "__init__.py")]


def test_an_installed_package_that_declares_components_is_run_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    information = tmp_path / "netparts-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: netparts\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[sweep.components]\nparts = netparts.all\n")
    (tmp_path / "netparts.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with asking_for_plugins(lambda package, place: False):
        assert objection("netparts:f") is None
        assert objection("numpy:eye") is not None


def test_packages_installed_below_the_working_directory_count_as_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "netparts_installed.py").write_text("")
    monkeypatch.syspath_prepend(installed)
    monkeypatch.chdir(tmp_path)
    with asking_for_plugins(lambda package, place: False):
        assert "--trust" in str(objection("netparts_installed:f"))


def test_a_function_of_pythons_that_a_module_here_imports_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helpers_here.py").write_text("from subprocess import call\n")
    made = {"name": "helpers_here:call", "options": {"args": ["touch", "ran"]}}
    (tmp_path / "a.yaml").write_text(json.dumps(small(dataset=made)))
    refused = CliRunner().invoke(main, ["plan", "a.yaml"])
    assert refused.exit_code == 2
    assert "not of Python's standard library (got helpers_here:call)" in refused.stderr
    assert not (tmp_path / "ran").exists()
