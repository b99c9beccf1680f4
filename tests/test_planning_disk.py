"""Claims: a plan estimates how much room on disk its results take, and states are kept as said."""

from pathlib import Path

import numpy as np
import pytest

from sweep.api import run_sweep
from sweep.config import parse_config
from sweep.nets.initialisers import initial_parameters
from sweep.planning import disk, make_plan
from sweep.planning.disk import disk_bytes
from sweep.running.options import RunOptions
from sweep.store.places.layout import TableName
from sweep.store.tables.reader import stated_paths
from sweep.store.tables.snapshot import read_rows
from tests.sweepfiles import small
from tests.trials import make_trial


@pytest.mark.slow
@pytest.mark.parametrize(
    ("topology", "replicates", "changes"),
    [
        ("16-4-16", 300, {"optimizer": "adam", "dtype": "float32"}),
        ("16-4-16", 300, {"optimizer": "sgd", "dtype": "float64"}),
        ("48-12-48", 40, {"optimizer": "rmsprop", "dtype": "float32", "tied_weights": True}),
    ],
)
def test_results_take_no_more_room_than_foretold_and_not_much_less(
    tmp_path: Path, topology: str, replicates: int, changes: dict[str, object]
) -> None:
    fixed = {"topology": topology, "learning_rate": 0.01, **changes}
    tree = small(
        dataset={"name": "one-hot", "size": int(topology.split("-")[0])},
        fixed=fixed,
        grid={"replicates": replicates},
        convergence={"max_epochs": 60},
        record={"gradients": True, "codes": "bottleneck"},
    )
    config = parse_config(tree)
    foretold = make_plan(config).disk
    run_sweep(config, RunOptions(output=tmp_path, use_ray=False))
    sizes = {
        name.value: sum(path.stat().st_size for path in (tmp_path / name).glob("*.parquet"))
        for name in TableName
    }
    assert set(foretold) == {name for name, size in sizes.items() if size}
    assert sum(sizes.values()) <= 1.1 * sum(foretold.values()) <= 3 * sum(sizes.values())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"biases": False},
        {"tied_weights": True},
        {"skip": "highway"},
        {"topology": (4, 3, 2, 3, 4), "tied_weights": True},
    ],
)
def test_parameters_counted_are_those_of_the_network(changes: dict[str, object]) -> None:
    trial = make_trial(**changes)
    assert disk._n_parameters(trial) == len(initial_parameters(trial))


def test_large_sweeps_keep_no_state_of_trials_that_trained_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.running.work_queue.MOST_TRIALS_WITH_STATES", 1)
    monkeypatch.setattr("sweep.planning.disk.MOST_TRIALS_WITH_STATES", 1)
    rules = [{"epochs": 5}, {"max_epochs": 7}]
    config = parse_config(small(grid={"convergence": rules, "replicates": 2}))
    plan = make_plan(config)
    both = disk_bytes(plan.grid, np.arange(4), config.record)["state"]
    every = config.record.model_copy(update={"state": "all"})
    assert 1.5 * both < disk_bytes(plan.grid, np.arange(4), every)["state"] < 2.5 * both
    run_sweep(config, RunOptions(output=tmp_path, use_ray=False))
    states = read_rows(tmp_path, TableName.STATE)
    assert states["stop_reason"].to_pylist() == ["max_epochs"] * 2
    assert len(stated_paths(tmp_path)) == 2
