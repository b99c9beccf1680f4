"""Claims: shells complete commands, sweeps, trials, columns, sweep files and components."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ZshComplete

from sweep.cli.completion import VARIABLE, completing
from sweep.cli.completion.words import COMPLETIONS
from sweep.cli.main import COMMANDS, COMPLETING, main

ROOT = Path(__file__).parents[1]
EXAMPLE = "results/quickstart"
ASK = """
sweep() {{ {python} -m sweep "$@"; }}
eval "$(sweep completion bash)"
compopt() {{ echo "option $1 $2"; }}
COMP_LINE={line} COMP_POINT=${{#COMP_LINE}}
_sweep_completion sweep
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a sweep file and the results of two sweeps."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "results").mkdir()
    (folder / "results/quickstart").symlink_to(ROOT / "results/examples/quickstart")
    (folder / "results/encoder").symlink_to(ROOT / "results/examples/encoder")
    (folder / "results/\x1b[31mred").mkdir()
    (folder / "mine.yaml").write_text("# mine\nname: mine\n")
    (folder / "other.yaml").write_text("cluster_name: other\n")
    (folder / "configs").mkdir()
    (folder / "configs/two.yaml").write_text("name: two\n")
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.setenv(VARIABLE, "zsh_complete")
    return folder


def completed(line: str) -> list[str]:
    """Return what may stand for the last word of a line, as any shell is told."""
    *words, incomplete = line.removeprefix("sweep ").split(" ")
    found = ZshComplete(main, {}, "sweep", VARIABLE).get_completions(words, incomplete)
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sweep complet", ["completion"]),
        ("sweep results ", ["encoder", "quickstart"]),
        ("sweep report q", ["quickstart"]),
        ("sweep results x --format m", ["markdown"]),
        ("sweep plan ", ["mine.yaml", "configs/two.yaml"]),
        ("sweep run configs/", ["configs/two.yaml"]),
        ("sweep show --results quickstart 6", ["6b3055d45b79c6cb"]),
        ("sweep codes 6b30", ["6b3055d45b79c6cb"]),
        ("sweep results quickstart --columns trial_id,epo", ["trial_id,epochs"]),
        (f"sweep results {EXAMPLE} --sort final_l", ["final_loss"]),
        (f"sweep report {EXAMPLE} --by topo", ["topology"]),
        ("sweep report x --against enc", ["encoder_epochs"]),
        ("sweep run a.yaml grid.topo", ["grid.topology="]),
        (
            "sweep run a.yaml grid.optimizer=ad",
            [
                f"grid.optimizer={name}"
                for name in ("adadelta", "adagrad", "adam", "adamax", "adamw")
            ],
        ),
        ("sweep run a.yaml grid.activation=[relu,ta", ["grid.activation=[relu,tanh"]),
        ("sweep run a.yaml fixed.skip=n", ["fixed.skip=none"]),
        ("sweep replay x --scheduler a", ["asha"]),
        ("sweep show 0000000000", []),
        ("sweep results none --columns tri", []),
    ],
)
def test_words_are_completed(line: str, words: list[str], here: Path) -> None:
    assert [word for word in completed(line) if "example" not in word] == words


def test_a_terminal_is_never_steered(here: Path) -> None:
    (here / "\x1b[31m.yaml").write_text("name: red\n")
    assert not any("\x1b" in word for word in completed("sweep plan "))


def test_no_name_of_a_file_becomes_a_command(here: Path) -> None:
    for name in ("a;ls.yaml", "$(ls).yaml", "`ls`.yaml", "a b.yaml", "a&b.yaml", "*.yaml"):
        (here / name).write_text("name: x\n")
    words = completed("sweep plan ")
    assert [word for word in words if "ls" in word or set(word) & set(" &*$`;")] == []
    assert "mine.yaml" in words


def test_damaged_results_have_no_completions(here: Path) -> None:
    place = here / "results/damaged/trials"
    place.mkdir(parents=True)
    (place / "part-000001.parquet").write_bytes(b"no")
    assert completed("sweep show --results damaged 6") == []
    shutil.rmtree(place.parent)


def test_more_trials_than_fit_are_not_offered(here: Path) -> None:
    assert completed("sweep show --results encoder ") == []


def test_parameters_of_every_command_are_completed_by_name() -> None:
    group = click.Context(main)
    names = {
        str(parameter.name)
        for command in COMMANDS
        for parameter in completing(main.get_command(group, command) or main).params
    }
    assert set(COMPLETIONS) <= names
    assert VARIABLE == COMPLETING


def ask(line: str, cwd: Path) -> list[str]:
    """Return what a real bash would offer for a line."""
    script = ASK.format(python=shlex.quote(sys.executable), line=shlex.quote(line))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sweep results quick", ["option -o default", "quickstart"]),
        ("sweep run mine.yaml grid.activation=si", ["sigmoid", "silu"]),
        (
            "sweep run mine.yaml fixed.learning_rate_sch",
            ["option -o nospace", "fixed.learning_rate_schedule="],
        ),
        ("sweep show --results 'quickstart' 6b", ["6b3055d45b79c6cb"]),
    ],
)
def test_bash_offers_them(line: str, offered: list[str], folder: Path) -> None:
    assert ask(line, folder) == offered


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_the_script(shell: str, folder: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = subprocess.run(
        [sys.executable, "-m", "sweep", "completion", shell],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    done = subprocess.run(
        [shell, "-n"], input=script, capture_output=True, text=True, check=False, cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["show --results quickstart 6", "results q", "run a.yaml grid.op"]
)
def test_completion_loads_neither_torch_nor_pandas(words: str, folder: Path) -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from sweep.cli.main import run_process\n"
        "run_process()\n"
    )
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        VARIABLE: "bash_complete",
        "COMP_LINE": f"sweep {words}",
        "COMP_POINT": str(len(f"sweep {words}")),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout
    loaded = set(done.stderr.split())
    assert loaded.isdisjoint({"torch", "pandas", "ray", "numba", "matplotlib", "rich", "pydantic"})
