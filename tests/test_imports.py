"""Claims: what takes long to import is imported only by what needs it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import sweep
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


HEAVY = {
    "numpy",
    "pyarrow",
    "pandas",
    "numba",
    "torch",
    "ray",
    "matplotlib",
    "pydantic",
    "scipy.stats",
    "scipy.special",  # scipy itself is small, and comes with numba
    "sklearn",
    "rich",
    "jaxtyping",
    "duckdb",
}
LIGHT = {"numpy", "jaxtyping"}
TABLES = LIGHT | {"pyarrow", "pandas"}
LOADED = {
    "--version": set[str](),
    "--help": set[str](),
    "schema": LIGHT | {"pydantic"},
    "plan SWEEP": LIGHT | {"pydantic", "pyarrow"},
    "plan SWEEP --output RESULTS": LIGHT | {"pydantic", "pyarrow"},
    "status RESULTS": TABLES,
    "results RESULTS": TABLES,
    "results RESULTS --where epochs>1": TABLES | {"duckdb"},
    "query RESULTS VALUES(1)": TABLES | {"duckdb"},
    "export RESULTS --to csv --output NEW": TABLES,
    "show TRIAL --results RESULTS": TABLES,
    "compare RESULTS OTHER --json": TABLES | {"pydantic", "scipy.special", "scipy.stats"},
    "doctor RESULTS": TABLES,
    "prune RESULTS": TABLES | {"pydantic"},
    "run SWEEP --no-ray --json --output RESULTS": LIGHT | {"pydantic", "pyarrow", "rich"},
    "run SWEEP --no-ray --json --output NEW": TABLES | {"pydantic", "rich", "numba"},
    "run SEEDS --no-ray --output NEW": TABLES | {"pydantic", "rich", "numba"},
}
"""The most that a command may load of what takes long to import."""
COMMAND = """
import sys
from sweep.cli.main import main
try:
    main(sys.argv[1:], prog_name="sweep")
except SystemExit as exit_:
    assert not exit_.code, exit_.code
print("LOADED", *sys.modules)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imports")
    sweep.run(small(resources={"engine": "fused"}), output=folder, use_ray=False)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", LOADED)
def test_a_command_loads_no_more_than_it_needs(command: str, results: Path, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(small(resources={"engine": "fused"})))
    seeds = tmp_path / "seeds.yaml"
    seeds.write_text(yaml.safe_dump(small(grid={"replicates": 6}, resources={"engine": "fused"})))
    (trial_id,) = sweep.read_trials(results, columns="all")["trial_id"]
    other = shutil.copytree(results, tmp_path / "other") if "OTHER" in command else ""
    named = {
        "OTHER": other,
        "SWEEP": file,
        "SEEDS": seeds,
        "RESULTS": results,
        "NEW": tmp_path / "new",
        "TRIAL": trial_id,
    }
    words = [str(named.get(word, word)) for word in command.split()]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        cwd=tmp_path,  # where there are no results unless they are named
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert loaded & HEAVY <= LOADED[command]


WRITE = """
import sys
from sweep.reports.beside import prepare
from sweep.reports.report import write_report
from sweep.store.places.layout import ResultsDir
prepare()
before = set(sys.modules)
write_report(ResultsDir.at(sys.argv[1]))
print(*set(sys.modules) - before)
"""


@pytest.mark.slow
def test_the_process_beside_a_run_has_what_the_report_takes_before_the_run_ends(
    results: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(results)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    drawing = {"matplotlib.backends.backend_agg", "matplotlib.pyplot", "scipy.stats"}
    assert loaded.isdisjoint(HEAVY | drawing)
