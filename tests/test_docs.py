"""Claims: what the documents show is what the program does."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from click.testing import CliRunner

import sweep
from docs.experiments.source.page import NAMES, render
from docs.experiments.source.page import PAGES as EXPERIMENTS
from sweep.cli.commands.run import found_lines
from sweep.cli.main import COMMANDS, main
from sweep.config import load_config
from sweep.reports.findings import find, read_subject
from sweep.reports.findings.record import in_brief
from sweep.reports.settings import best_rows
from sweep.reports.tables.text import Form, format_table
from sweep.store.places.layout import ResultsDir
from tests.test_experiments_stacked import write_mnist

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
CONFIGS = sorted(ROOT.glob("configs/*.yaml"))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["config", "tables"])
def test_generated_pages_are_those_of_the_schemas(page: str) -> None:
    functions = {"config": "config_reference", "tables": "table_reference"}
    written = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    assert written == getattr(reference(), functions[page])(), "run: python docs/reference.py"


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w -]", "", head).strip().replace(" ", "-").lower()
        for head in re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            path, _, anchor = target.partition("#")
            there = page.parent / path if path else page
            assert there.exists(), target
            assert not anchor or anchor in anchors_of(there), target


def test_every_command_has_help_and_stands_in_the_documents() -> None:
    documents = "".join(page.read_text("utf-8") for page in PAGES)
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 4
        assert f"sweep {name}" in documents


def test_the_readme_shows_the_quickstart_as_it_is() -> None:
    shown = yaml.safe_load(next(b for b in blocks(README, "yaml") if "name: quickstart" in b))
    kept = yaml.safe_load((ROOT / "configs/quickstart.yaml").read_text("utf-8"))
    kept.pop("description")
    assert shown == kept


def test_the_readme_shows_how_the_quickstart_ends() -> None:
    shown = re.search(r"<!-- results:start -->\n```\n(.*?)```", README, re.DOTALL)
    kept = ROOT / "results/examples/quickstart"
    title, best = best_rows(sweep.read_trials(kept, columns="all"), most=10)
    findings = find(read_subject(ResultsDir(kept)))
    lines = [
        *(title, format_table(best, Form.TABLE)),
        "table:  results/quickstart/trials, 10 trials: sweep results results/quickstart",
        *found_lines(in_brief([finding.as_data() for finding in findings])),
        "report: results/quickstart/report/report.html",
    ]
    assert shown
    assert shown[1] == "\n".join(lines) + "\n"


def test_the_readmes_python_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    scope: dict[str, object] = {}
    exec(blocks(README, "python")[0], scope)
    assert "16-4-16" in capsys.readouterr().out
    model = scope["model"]
    assert len(list(model.parameters())) == 4  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_readmes_shell_lines_read_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = [line for block in blocks(README, "console") for line in block.splitlines()]
    ours = [line for line in lines if "results/examples" in line]
    assert len(ours) >= 2
    for line in ours:
        done = subprocess.run(
            line.removeprefix("$ ").replace("sweep ", f"{sys.executable} -m sweep ", 1),
            shell=True,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 4


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_each_config_opens_with_its_command_and_plans(config: Path, tmp_path: Path) -> None:
    head = config.read_text("utf-8").partition("\nname:")[0]
    assert all(line.startswith("#") for line in head.strip().splitlines())
    assert f"sweep run configs/{config.name}" in head
    assert re.search(r"\d+ trials", head)
    at_hand = [] if "data/mnist" not in head else [f"dataset.path={write_mnist(tmp_path)}"]
    assert load_config(config, at_hand).name == config.stem


def test_the_readmes_own_sweep_plans(tmp_path: Path) -> None:
    grid = next(b for b in blocks(README, "yaml") if "replicates" in b)
    file = tmp_path / "own.yaml"
    fixed = "{output_activation: sigmoid, initialiser: xavier_uniform, loss: binary_cross_entropy}"
    file.write_text(f"name: own\ndataset: one-hot\nfixed: {fixed}\n{grid}")
    result = CliRunner().invoke(main, ["plan", str(file)])
    assert result.exit_code == 0, result.output
    # 2 topologies x 4 activations x (2 sgd x 3 rates + adam x 4 rates - sgd below 1e-3) x 5 x 2
    assert "trials" in result.output


def test_the_plugins_of_the_document_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/plugins.md").read_text("utf-8")
    (tmp_path / "ours.py").write_text(blocks(page, "python")[0])
    (tmp_path / "ours.yaml").write_text(blocks(page, "yaml")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    summary = sweep.run("ours.yaml", use_ray=False)
    (row,) = sweep.read_trials(summary.output, columns="all").to_dict("records")
    assert row["status"] == "finished", row["error"]
    assert row["epochs"] == 200
    assert row["activation"].startswith("ours:swish_like@")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_an_experiments_page_are_those_of_its_tables(name: str) -> None:
    written = (EXPERIMENTS / f"{name}.md").read_text("utf-8")
    assert written == render(name), "run: python -m docs.experiments.source"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "against"),
    [
        ("quickstart", None),
        ("variants", None),
        pytest.param("zhang2017", "zhang2017_runs", marks=pytest.mark.long),
        pytest.param("zhang2017_readings", "zhang2017_runs", marks=pytest.mark.long),
        pytest.param("identity", None, marks=pytest.mark.long),
        pytest.param("stacked", None, marks=pytest.mark.long),
        pytest.param("stacked_full_batch", None, marks=pytest.mark.long),
        pytest.param("encoder", "encoder_epochs", marks=pytest.mark.long),
    ],
)
def test_a_kept_report_is_what_sweep_writes_today(
    name: str, against: str | None, tmp_path: Path
) -> None:
    kept = ROOT / "results/examples" / name
    shutil.copytree(kept, tmp_path / name)
    options = ["--against", against] if against else []
    done = CliRunner().invoke(main, ["report", str(tmp_path / name), *options])
    assert done.exit_code == 0, done.output
    written, page = (
        (path / "report/report.md").read_text("utf-8") for path in (tmp_path / name, kept)
    )
    assert written == page
