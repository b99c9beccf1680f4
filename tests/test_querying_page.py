"""Claims: the recipes of docs/querying.md run as they stand, and its commands answer."""

import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/querying.md").read_text("utf-8")
LIBRARIES = {"pandas", "polars", "xarray", "seaborn", "duckdb"}


@pytest.mark.slow
def test_the_recipes_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seaborn's and pandas's among themselves
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block, "docs/querying.md", "exec"), names)
    assert list(names["trials"].columns[:4]) == ["trial_id", "topology", "seed", "learning_rate"]
    assert len(names["trials"]) == 12
    assert names["curve"].iloc[-1] < names["curve"].iloc[0]
    assert len(names["below"]) > 0
    assert names["losses"].height == 12
    assert names["everything"].shape[1] > 100
    assert names["mean"].shape == (2, 2)
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert "8-3-8" in capsys.readouterr().out
    assert set(sys.modules) >= LIBRARIES


COMMANDS = re.findall(r"^\$ sweep (.*)$", PAGE, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("line", [c for c in COMMANDS if "mlflow" not in c])
def test_the_commands_answer(line: str, tmp_path: Path) -> None:
    words = [word.replace("results/", f"{ROOT}/results/", 1) for word in shlex.split(line)]
    done = subprocess.run(
        [sys.executable, "-m", "sweep", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) >= (1 if words[0] == "export" else 3)
