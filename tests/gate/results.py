"""Results of a sweep that was ended, cancelled and killed, and what going on with them comes to."""

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

import sweep

HERE = Path(__file__).parent
SWEEP = HERE / "sweep.yaml"
RESULTS = HERE / "results-1.tar.gz"
COMES_TO = HERE / "results-1.json"
CANCELLED, KILLED = -2, -1  # the grids that were not ended
RUN = "from sweep.cli.main import run_process; run_process()"
SECONDS_TO_BEGIN = 120.0
SECONDS_TO_TRAIN = 0.4


def record_results() -> None:
    """Write results with finished trials, one cancelled and one killed, and what they come to."""
    blocks = yaml.safe_load(SWEEP.read_text())["grid"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "recorded"
        file = Path(folder) / "sweep.yaml"
        with contextlib.chdir("/"):  # which is all that a record of a run then says of it
            go_on(place, blocks[:CANCELLED])
        _interrupt(file, blocks[:KILLED], place, signal.SIGINT)
        _interrupt(file, [*blocks[:CANCELLED], blocks[KILLED]], place, signal.SIGKILL)
        with tarfile.open(RESULTS, "w:gz") as archive:
            archive.add(place, ".")
        undisturbed = Path(folder) / "undisturbed"
        stages = {"held": endings(place), "resumed": go_on(place), "extended": extend(place)}
        go_on(undisturbed)
        extend(undisturbed)
        bits = {name: ending["weights"] for name, ending in endings(undisturbed).items()}
        for name, ending in stages["extended"]["trials"].items():
            assert ending["weights"] == bits[name]
        COMES_TO.write_text(json.dumps(stages, indent=1) + "\n")


def _interrupt(file: Path, blocks: list[Any], place: Path, by: signal.Signals) -> None:
    """Run the sweep with some of its grids, and send a signal while it trains a long trial."""
    tree = yaml.safe_load(SWEEP.read_text()) | {"grid": blocks}
    file.write_text(yaml.safe_dump(tree, sort_keys=False))
    options = ["--output", str(place), "--no-ray", "--quiet", "--json"]
    command = [sys.executable, "-c", RUN, "run", str(file), *options]
    before = set(place.glob("checkpoints/*.checkpoint"))
    running = subprocess.Popen(command, cwd="/")
    began = time.monotonic()
    while not (_trains_long(place, before) and (by is signal.SIGINT or _journalled(place))):
        assert running.poll() is None, "it ended before it was interrupted"
        assert time.monotonic() - began < SECONDS_TO_BEGIN
    running.send_signal(by)
    running.wait()


def _trains_long(place: Path, before: set[Path]) -> bool:
    """Return whether a checkpoint that was not there before lasts."""
    new = set(place.glob("checkpoints/*.checkpoint")) - before
    time.sleep(SECONDS_TO_TRAIN if new else 0.01)
    return any(path.exists() for path in new)


def _journalled(place: Path) -> bool:
    return (place / "journal.bin").stat().st_size > 0


def go_on(place: Path, grid: list[Any] | None = None) -> dict[str, Any]:
    """Run the whole sweep again, or with another grid; return what that did, and each ending."""
    tree = yaml.safe_load(SWEEP.read_text())
    summary = sweep.run(tree | {"grid": grid or tree["grid"]}, output=place, use_ray=False)
    counts = {name: getattr(summary, name) for name in ("trained", "derived", "failed", "missing")}
    return counts | {"trials": endings(place)}


def extend(place: Path) -> dict[str, Any]:
    """Run the sweep with more epochs for the trials of its first grid, and a second seed."""
    grid = yaml.safe_load(SWEEP.read_text())["grid"]
    return go_on(place, [grid[0] | {"replicates": 2, "convergence": {"max_epochs": 80}}])


def endings(place: Path) -> dict[str, dict[str, Any]]:
    """Return how each trial ended, and the digest of its weights."""
    rows = sweep.read_trials(place, columns="all")
    found = {}
    for row in rows.sort_values("trial_id").to_dict("records"):
        weights = sweep.load_model(place, row["trial_id"]).state_dict().items()
        data = b"".join(name.encode() + values.numpy().tobytes() for name, values in weights)
        names = ("path_id", "status", "stop_reason", "epochs", "engine", "resumed_from")
        exact = {"weights": hashlib.sha256(data).hexdigest()[:16]}
        found[row["trial_id"]] = {name: row[name] for name in names} | exact
    return found
