"""Claims: what a contributor reads is so: commands exist, pictures are those of the code."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PAGES = ("CONTRIBUTING.md", "README.md", ".ci/run")


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_is_a_target(page: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    told = set(
        re.findall(r"(?:`|\$ |^)make ([\w-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    )
    assert told
    assert told <= targets


def test_every_marker_and_file_of_the_guide_is_there() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    markers = re.findall(
        r'^    "(\w+): ', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert markers
    assert [marker for marker in markers if f"`{marker}`" not in guide] == []
    files = re.findall(r"\b(?:tests|docs)/\w+\.py\b", guide)
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_hooks_run_what_make_runs() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    commands = [hook["entry"].split()[0] for hook in local["hooks"]]
    makefile = MAKEFILE.replace("$(BIN)", ".venv/bin")
    assert local["repo"] == "local"
    assert [command for command in commands if f"\t{command}" not in makefile] == []


@pytest.mark.slow
def test_the_page_on_architecture_is_drawn_from_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_from_file_location("architecture", ROOT / "docs" / "architecture.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "architecture", module)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert page == module.render(page), "run: python docs/architecture.py"
