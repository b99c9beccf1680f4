"""Claims: the site and what surrounds the code say what is so."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def shown(name: str) -> list[str]:
    """Return the lines of a block of the tutorial that is marked as shown by a command."""
    found = re.search(rf"<!-- {name}:start -->\n```\w+\n(.*?)```", TUTORIAL, re.DOTALL)
    assert found
    return found[1].splitlines()


def said(line: str, cwd: Path) -> list[str]:
    """Return what a line of a console block prints."""
    words = shlex.split(line.removeprefix("$ "))
    program = [sys.executable, *(["-m", "sweep"] if words[0] == "sweep" else [])]
    done = subprocess.run(
        [*program, *words[1:]],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_the_tutorial_shows_what_commands_print(tmp_path: Path) -> None:
    (data,) = re.findall(r"^\$ python -c .*load_wine.*$", TUTORIAL, re.MULTILINE)
    said(data, tmp_path)
    first, *rest = shown("init")
    assert said(first, tmp_path) == rest
    assert "\n".join(shown("grid")) in (tmp_path / "sweep.yaml").read_text("utf-8")
    first, *rest = shown("plan")
    workers = re.compile(r"packs  .*|                state .*")
    printed = said(f"{first} --workers 2", tmp_path)
    assert [workers.sub("", line) for line in printed] == [workers.sub("", line) for line in rest]


def test_the_site_has_every_page_once() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = re.findall(r"[\w/-]+\.md$", text.partition("\nnav:")[2], re.MULTILINE)
    assert len(pages) == len(set(pages))
    inside = {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")}
    outside = {"index.md", "changelog.md", "contributing.md", "security.md", "conduct.md"}
    assert set(pages) == inside | outside


@pytest.mark.parametrize(
    ("page", "link", "written"),
    [
        ("index.md", "[x](docs/config.md#table)", "[x](config.md#table)"),
        ("search.md", "[x](../README.md)", "[x](index.md)"),
        ("experiments/study.md", "[x](../../CHANGELOG.md)", "[x](../changelog.md)"),
        ("contributing.md", "[x](docs/design/fused.md)", "[x](design/fused.md)"),
        ("search.md", "[x](https://a.b/c.md)", "[x](https://a.b/c.md)"),
        ("search.md", "[`x`](../sweep/pack.py)", "`x`"),
        ("search.md", "![x](../results/none.png)", "![x](../results/none.png)"),
        ("experiments/study.md", "![x](../../bench/a.png)", "![x](../figures/bench/a.png)"),
        ("search.md", "```\n[x](../sweep/pack.py)\n```", "```\n[x](../sweep/pack.py)\n```"),
    ],
)
def test_links_lead_to_pages_of_the_site(page: str, link: str, written: str) -> None:
    site_hooks = pytest.importorskip("docs.site_hooks", reason="needs the extra `check`")
    pages = {"config.md", "index.md", "changelog.md", "design/fused.md", "figures/bench/a.png"}
    assert site_hooks.with_site_links(link, page, pages, "") == written


def test_links_lead_to_the_code_where_that_lies() -> None:
    site_hooks = pytest.importorskip("docs.site_hooks", reason="needs the extra `check`")
    there = "[x](https://example.org/sweep/blob/main/sweep/pack.py)"
    given = site_hooks.with_site_links(
        "[x](../sweep/pack.py)", "search.md", (), "https://example.org/sweep"
    )
    assert given == there


def test_the_paper_cites_what_it_lists() -> None:
    cited = set(re.findall(r"@([\w]+)", (ROOT / "paper.md").read_text("utf-8")))
    listed = re.findall(r"^@\w+\{(\w+),", (ROOT / "paper.bib").read_text("utf-8"), re.MULTILINE)
    assert (cited, len(listed)) == (set(listed), len(set(listed)))


def test_figures_of_the_paper_and_the_readme_are_those_that_were_measured() -> None:
    measured = (ROOT / "docs/performance.md").read_text("utf-8").replace("µ", "u")
    paper = (ROOT / "paper.md").read_text("utf-8").replace("µ", "u")
    for figure in ("0.99 us", "489 us", "4.65 us", "0.91 us"):
        assert figure in paper
        assert figure in measured
    readme = (ROOT / "README.md").read_text("utf-8").partition("## How fast")[2]
    row = re.compile(r"\| ([^|]*16-8-4-8-16|digits|10,000 x 784)[^|]*\| ([\d.]+) \w\w \|")
    found = dict(row.findall(readme))
    assert len(found) == 3
    for value in found.values():
        assert f"| {value} " in measured


def test_versions_are_said_alike() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    pythons = workflow["jobs"]["run"]["strategy"]["matrix"]["python"]
    known = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if "Python :: 3." in name]
    assert pythons == known
    steps = [step.get("run") for step in workflow["jobs"]["run"]["steps"]]
    assert ".ci/run" in steps
