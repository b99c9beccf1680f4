"""Claims: a fresh clone holds no results but the examples, and running it trains."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent


def run(command: list[str], *, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git checkout to clone")
def test_a_fresh_clone_trains_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", f"file://{ROOT}", str(clone)], cwd=tmp_path)
    assert sorted(path.name for path in (clone / "results").iterdir()) == ["examples"]
    command = [
        sys.executable,
        "-m",
        "sweep",
        "run",
        "configs/quickstart.yaml",
        "--no-ray",
        "--json",
    ]
    command.append("convergence.max_epochs=20")
    before = datetime.now(UTC)
    first = json.loads(run(command, cwd=clone))
    second = json.loads(run(command, cwd=clone))
    trials = pd.read_parquet(clone / "results/quickstart/trials")
    assert (first["trained"], second["trained"], second["skipped"]) == (10, 0, 10)
    assert len(trials) == 10
    assert (trials.started >= before).all()
    assert (trials.weight_distance > 0).all()
    assert trials.stop_reason.unique().tolist() == ["max_epochs"]
