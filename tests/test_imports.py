"""Claims: what takes long to import is imported only by what needs it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.sweepfiles import small

ROOT = Path(__file__).parents[1]
TRAIN = """
import sys
from pathlib import Path
from sweep.running.inline import InlineExecutor
from sweep.config import load_config
from sweep.running.driver import run_on
from sweep.running.options import RunOptions
done = run_on(InlineExecutor(), load_config(Path(sys.argv[1])), RunOptions(output=sys.argv[2]))
assert (done.trained, done.failed) == (int(sys.argv[3]), 0), done
print("torch" in sys.modules)
"""


def imports_torch(folder: Path, study: dict[str, object], trials: int) -> bool:
    """Return whether a fresh process that trains a study has imported PyTorch at its end."""
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump(study))
    command = [sys.executable, "-c", TRAIN, str(file), str(folder / "results"), str(trials)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {"True": True, "False": False}[done.stdout.strip()]


@pytest.mark.slow
def test_the_fused_engine_trains_without_pytorch(tmp_path: Path) -> None:
    study = small(
        dataset={"name": "uniform", "samples": 40, "features": 16, "validation": 0.2},
        grid={"activation": ["sigmoid", "relu"], "topology": ["16-2-16", "16-16"]},
        convergence={
            "early_stopping": {"monitor": "validation_loss", "patience": 5},
            "max_epochs": 20,
        },
        resources={"engine": "fused"},
    )
    assert not imports_torch(tmp_path, study, trials=4)


@pytest.mark.slow
def test_recorded_gradients_are_found_by_pytorch(tmp_path: Path) -> None:
    assert imports_torch(tmp_path, small(record={"gradients": True}), trials=1)
