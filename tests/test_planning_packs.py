"""Packs hold every trial once, keep keys and paths together, and suit the workers."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.config import parse_config
from sweep.planning import Pack, make_plan
from sweep.planning.packs import pack_target
from tests.sweepfiles import small


def packs_of(workers: int = 2, done: tuple[str, ...] = (), **changes: Any) -> list[Pack]:
    return list(make_plan(parse_config(small(**changes)), done, workers=workers).packs())


@pytest.mark.parametrize(
    ("trials", "workers", "target"),
    [(10, 2, 5), (64, 2, 32), (1000, 2, 125), (1_000_000, 2, 125_000), (1, 8, 1), (0, 2, 1)],
)
def test_the_size_of_packs_follows_trials_and_workers(
    trials: int, workers: int, target: int
) -> None:
    assert pack_target(trials, workers) == target


def test_each_worker_has_a_pack_of_a_small_sweep() -> None:
    assert [len(p.trials) for p in packs_of(workers=4, grid={"replicates": 20})] == [5, 5, 5, 5]


@pytest.mark.slow
def test_packs_are_limited() -> None:
    for engine, most in (("torch", 1024), ("fused", 8192)):
        changes = {"resources": {"engine": engine}, "grid": {"replicates": 40_000}}
        sizes = [len(pack.trials) for pack in packs_of(workers=1, **changes)]
        assert 0.9 * most < max(sizes) <= most
        assert sum(sizes) == 40_000
    changes = {"resources": {"lanes_per_pack": 7}, "grid": {"replicates": 50}}
    assert max(len(pack.trials) for pack in packs_of(workers=1, **changes)) == 7


def test_different_keys_train_apart() -> None:
    packs = packs_of(grid={"activation": ["relu", "tanh"], "learning_rate": [0.1, 0.2]})
    assert [{t.pack_key for t in pack.trials} for pack in packs] == [
        {packs[0].trials[0].pack_key},
        {packs[1].trials[0].pack_key},
    ]


def test_many_tiny_keys_share_packs() -> None:
    topologies = [f"4-{width}-4" for width in range(1, 201)]
    packs = packs_of(workers=2, grid={"topology": topologies, "seed": [1, 2]})
    assert len(packs) <= 16
    for pack in packs:
        keys = [trial.topology for trial in pack.trials]
        assert keys == sorted(keys)


def test_stop_rules_of_a_path_train_in_one_pack() -> None:
    rules = [{"max_epochs": n} for n in range(1, 8)]
    packs = packs_of(workers=8, grid={"convergence": rules, "replicates": 4})
    places = {(trial.path_id, pack.pack_id) for pack in packs for trial in pack.trials}
    assert len(places) == 4
    assert len(packs) == 4


def test_a_path_is_together_within_its_pack() -> None:
    grid = [{"convergence": {"max_epochs": n}, "replicates": 3} for n in (5, 6)]
    (pack,) = packs_of(workers=1, grid=grid)
    assert [trial.seed for trial in pack.trials] == [0, 0, 1, 1, 2, 2]


def test_trials_done_are_left_out() -> None:
    done = packs_of(grid={"replicates": 5})[0].trials[0].trial_id
    packs = packs_of(grid={"replicates": 5}, done=(done, "0" * 16))
    assert sum(len(pack.trials) for pack in packs) == 4
    assert done not in {trial.trial_id for pack in packs for trial in pack.trials}


def test_a_pack_knows_its_data() -> None:
    (pack,) = packs_of(workers=1, grid={"replicates": 2})
    ((fingerprint, spec),) = pack.datasets
    assert fingerprint == pack.trials[0].data_fingerprint
    assert spec.options == (("size", 4),)


def test_matching_trials_go_to_the_gpu() -> None:
    resources = {"gpu": {"gpus_per_pack": 0.5, "where": [{"topology": "8-3-8"}]}}
    packs = packs_of(resources=resources, grid={"topology": ["4-2-4", "8-3-8"]})
    found = [(pack.trials[0].topology, pack.device, pack.gpus, pack.cpus) for pack in packs]
    assert found == [((4, 2, 4), "cpu", 0.0, 1.0), ((8, 3, 8), "cuda", 0.5, 1.0)]


def test_gpus_for_every_pack() -> None:
    (pack,) = packs_of(resources={"gpus_per_pack": 0.25})
    assert (pack.device, pack.gpus) == ("cuda", 0.25)


def test_the_engine_asked_for_trains() -> None:
    (pack,) = packs_of(resources={"engine": "reference"})
    assert pack.engine == "reference"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    seeds=st.integers(1, 60),
    widths=st.integers(1, 12),
    rules=st.integers(1, 4),
    workers=st.integers(1, 9),
    lanes=st.none() | st.integers(1, 20),
    drop=st.randoms(use_true_random=False),
)
def test_every_missing_trial_is_in_exactly_one_pack(
    seeds: int, widths: int, rules: int, workers: int, lanes: int | None, drop: Any
) -> None:
    grid = {
        "topology": [f"4-{width}-4" for width in range(1, widths + 1)],
        "convergence": [{"max_epochs": n} for n in range(1, rules + 1)],
        "replicates": seeds,
    }
    config = parse_config(small(grid=grid, resources={"lanes_per_pack": lanes}))
    everything = {trial.trial_id for trial in make_plan(config).grid}
    done = {trial_id for trial_id in sorted(everything) if drop.random() < 0.3}
    plan = make_plan(config, done, workers=workers)
    packs = list(plan.packs())
    counts = Counter(trial.trial_id for pack in packs for trial in pack.trials)
    assert set(counts) == everything - done
    assert set(counts.values()) <= {1}
    places = {(trial.path_id, pack.pack_id) for pack in packs for trial in pack.trials}
    assert len(places) == plan.paths
    assert len({pack.pack_id for pack in packs}) == len(packs) == len(plan.planned_packs)
    for pack in packs:
        keys = [trial.pack_key for trial in pack.trials]
        assert len(set(keys)) == 1 + sum(a != b for a, b in pairwise(keys))


def test_a_path_that_a_trial_has_followed_trains_with_the_same_engine() -> None:
    plain, own = {"epochs": 20}, {"early_stopping": {"patience": 5}, "max_epochs": 50}
    followed = [
        {"early_stopping": {"patience": 5, "monitor": "validation_loss"}, "max_epochs": 50},
        {"target": {"loss": 0.1, "monitor": "validation_loss"}, "max_epochs": 50},
        {**plain, "restore": "best"},
    ]
    data = {"name": "digits", "samples": 20, "validation": 0.5}
    fixed = {"topology": "64-2-64", "learning_rate": 0.1}
    for asked in followed:
        grids = [
            {"seed": [1, 2], "convergence": [plain, own]},
            {"seed": [1], "convergence": asked},
        ]
        packs = packs_of(dataset=data, fixed=fixed, grid=grids)
        assert {pack.engine for pack in packs} == {"fused"}
        assert sum(len(pack.trials) for pack in packs) == 5
