"""Claims: an estimate is what its parts come to, and says what it was learned from."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sweep.cli.main import main
from sweep.engines.costs import epoch_seconds
from sweep.planning import Pack, make_plan
from sweep.running.estimate import (
    Quartiles,
    estimate_plan,
    lane_epoch_seconds,
    makespan,
    nearest_kind,
    parts_of,
    read_epoch_history,
    spread_kinds,
)
from sweep.training.pilot import Pace, time_pack
from tests.cluster_sweeps import small_config, small_sweep
from tests.trials import make_trial, make_work


def fixed_pace(pack: Pack) -> Pace:
    """Take a millisecond an epoch, whatever the lanes."""
    return Pace(lanes=len(pack.trials), epoch_seconds=1e-3 * len(pack.trials))


def plan_of(*overrides: str, workers: int = 1, **blocks: object):
    return make_plan(small_config(*overrides, **blocks), workers=workers)


def two_kinds():
    tree = small_sweep()
    del tree["fixed"]["topology"]
    tree["grid"]["topology"] = ["4-2-4", "4-3-4"]
    return make_plan(small_config(**tree), workers=1)


def test_an_unknown_sweep_takes_its_limit_at_most() -> None:
    estimate = estimate_plan(plan_of(), {}, fixed_pace)  # 4 paths of 40 epochs, 1 ms each
    assert estimate.at_most == pytest.approx(0.16)
    assert estimate.like_finished is None
    assert estimate.epochs_per_second == pytest.approx(1000)


def test_finished_trials_of_a_kind_say_how_long_its_others_take() -> None:
    plan = two_kinds()
    known = {0: Quartiles(7, (10.0, 20.0, 1000.0))}
    estimate = estimate_plan(plan, known, fixed_pace)
    assert estimate.at_most == pytest.approx(0.32)
    # 4 paths at a quartile or their limit of 40, and 4 of the unknown kind at 40
    assert estimate.like_finished == pytest.approx((0.2, 0.24, 0.32))
    assert (estimate.kinds, estimate.known, estimate.finished) == (2, 1, 7)


def test_pretraining_takes_its_epochs_before_those_of_the_whole_network() -> None:
    pretraining = {"name": "greedy", "max_epochs": 10}
    fixed = {"topology": "4-3-2-3-4", "pretraining": pretraining}
    plan = plan_of(fixed=small_sweep()["fixed"] | fixed)
    estimate = estimate_plan(plan, {0: Quartiles(7, (10.0, 20.0, 1000.0))}, fixed_pace)
    assert estimate.at_most == pytest.approx(0.24)  # 4 paths of 2 phases and 40 epochs, 1 ms each
    assert estimate.like_finished == pytest.approx((0.12, 0.16, 0.24))
    assert estimate.epochs_per_second == pytest.approx(1000)


def test_trials_of_one_path_are_trained_once() -> None:
    plan = plan_of("convergence.max_epochs=[10, 40]")
    (part,) = parts_of(plan)
    assert (len(part.rows), part.limits.tolist()) == (4, [40.0] * 4)


@given(st.lists(st.floats(0, 1e3), max_size=20), st.integers(1, 8))
def test_no_schedule_beats_perfect_sharing_or_its_longest_pack(
    seconds: list[float], workers: int
) -> None:
    found = makespan(seconds, workers)
    assert found >= max([sum(seconds) / workers, *seconds]) * (1 - 1e-9)
    assert found <= (sum(seconds) / workers + max(seconds, default=0.0)) * (1 + 1e-9)


def test_packs_go_in_order_to_the_first_free_worker() -> None:
    assert makespan([3.0, 1.0, 1.0, 4.0], 2) == 6.0


def test_pilots_are_spread_over_the_sizes() -> None:
    costs = {("torch", "cpu", key): 100 * key + 50 for key in range(100)}
    chosen = spread_kinds(costs)
    assert len(chosen) == 12
    assert {("torch", "cpu", 0), ("torch", "cpu", 99)} < set(chosen)
    assert nearest_kind(("torch", "cpu", 0), costs, dict.fromkeys(chosen)) == ("torch", "cpu", 0)
    few = {("torch", "cpu", 1): None, ("torch", "cpu", 90): None, ("fused", "cpu", 7): None}
    costs |= {("fused", "cpu", 7): 750}
    assert nearest_kind(("torch", "cpu", 7), costs, few) == ("torch", "cpu", 1)


def test_a_kind_that_was_not_timed_takes_longer_as_it_costs_more_in_the_fused_engine() -> None:
    pace = Pace(lanes=2, epoch_seconds=0.2)
    for engine, seconds in (("fused", 0.5), ("torch", 0.1)):
        small, large = ((engine, "cpu", key) for key in (0, 1))
        costs = {small: 3e-3, large: 15e-3}
        assert lane_epoch_seconds(large, costs, {small: pace}) == pytest.approx(seconds)


def test_an_epoch_costs_its_samples_updates_and_draws() -> None:
    trial = make_trial(topology=(4, 3, 4), batch_size=2)  # 31 parameters
    noisy = replace(trial, input_noise="gaussian", input_dropout=0.1, hidden_dropout=0.1)
    plain = 10 * 31 * 1e-10 + 5 * 31 * 8e-10
    assert epoch_seconds(trial, 10) == pytest.approx(plain)
    assert epoch_seconds(noisy, 10) == pytest.approx(plain + 10 * (4 + 4 + 3) * 6e-9)
    assert epoch_seconds(replace(trial, batch_size=None), 10) == pytest.approx(10 * 31 * 2e-10)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["torch", "reference", "fused"])
def test_a_pilot_times_the_lanes_of_a_pack(engine: str) -> None:
    trials = [make_trial(seed=seed, target_loss=10.0) for seed in range(3)]
    pace = time_pack(make_work(*trials, engine=engine).pack, seconds=0.01)
    assert pace.lanes == (1 if engine == "reference" else 3)
    assert 0 < pace.lane_epoch_seconds <= pace.epoch_seconds


@pytest.fixture
def sweep_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small_sweep()))
    return str(path)


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


@pytest.mark.slow
def test_plan_estimates_and_learns_from_the_table(sweep_file: str) -> None:
    unknown = plan(sweep_file, "--estimate", "--workers", "1")
    assert unknown.exit_code == 0, unknown.output
    assert "no finished trial says when" in unknown.stdout
    CliRunner().invoke(main, ["run", sweep_file, "--no-ray", "--quiet"])
    longer = (sweep_file, "convergence.max_epochs=80000", "--workers", "1", "--estimate")
    assert "4 finished, on 1 of 1 keys" in plan(*longer).stdout
    record = json.loads(plan(*longer, "--json").stdout)["estimate"]
    quick, middling, slow = record["like_finished"]
    assert quick == middling == slow == pytest.approx(record["at_most"] / 2000)
    done = json.loads(plan(sweep_file, "--estimate", "--json").stdout)
    assert (done["missing"], done["estimate"]) == (0, None)


@pytest.mark.slow
def test_neighbours_are_told_apart_by_pack_key(sweep_file: str, tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["run", sweep_file, "--no-ray", "--quiet"])
    assert run.exit_code == 0
    results = tmp_path / "results" / "small"
    keys = plan_of().grid.pack_keys
    assert read_epoch_history(results, keys) == {0: Quartiles(4, (40.0, 40.0, 40.0))}
    other = plan_of("fixed.optimizer={name: sgd, momentum: 0.9}", workers=1).grid.pack_keys
    assert read_epoch_history(results, other) == {}
    assert read_epoch_history(tmp_path / "nowhere", keys) == {}


@pytest.mark.slow
def test_a_plan_alone_needs_no_torch(sweep_file: str) -> None:
    code = (
        "import sys\nfrom sweep.cli.main import main\n"
        f"main(['plan', {sweep_file!r}], standalone_mode=False)\n"
        "print([m for m in ('torch', 'ray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
