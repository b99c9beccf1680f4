"""The parts of a run that need neither workers nor files."""

import io
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from sweep.cli.progress import progress_bar
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.errors import SweepError
from sweep.planning import make_plan
from sweep.planning.packs import PlannedPack
from sweep.ray.liveness import RayMonitor
from sweep.ray.session import Session
from sweep.reuse.resume import match_starts
from sweep.running.coordinator import RunPhase, SweepProgress
from sweep.running.executor import Interrupt
from sweep.running.failures import failed_results
from sweep.running.messages import Broken, Ended
from sweep.running.wording import Speed, clock, describe_progress, magnitude
from sweep.running.work_queue import alternate
from sweep.running.worker_loop import pause_after
from sweep.store.tables.reader import SavedState
from sweep.trial import STOP_PARAMETERS, StopReason, Trial
from tests.cluster_sweeps import small_config


def trial(**changes: object) -> Trial:
    return replace(next(iter(make_plan(small_config()).grid)), **changes)


def state_of(of: Trial, epoch: int, reason: StopReason = StopReason.MAX_EPOCHS) -> SavedState:
    stop = {name: getattr(of, name) for name in STOP_PARAMETERS}
    """Return a state in which every rung of the ladder and every target has been met."""
    state = LaneState.begin(Lanes((Lane((of,)),)), np.zeros((1, 1)), {}, {}, numerics=1)
    state.epoch[:], state.best_loss[:], state.ladder_epoch[:] = epoch, 0.0, 1
    arrays = state.arrays()
    return SavedState(of.trial_id, of.path_id, reason, epoch, stop, arrays)


def test_longer_trial_goes_on_from_the_latest_state_of_its_path():
    short = trial(max_epochs=10)
    states = [state_of(short, 10), state_of(short, 20), state_of(short, 100)]
    longer = trial(max_epochs=50)
    starts = match_starts([longer], states)
    assert {of: a["epoch"].tolist() for of, a in starts.items()} == {longer.trial_id: [20]}


@pytest.mark.parametrize(
    "wanted",
    [
        {"max_epochs": 10},
        {"max_epochs": 50, "target_loss": 0.1},
        {"max_epochs": 50, "fixed_epochs": 5},
        {"max_epochs": 50, "seed": 9},
    ],
)
def test_state_serves_no_trial_that_might_have_stopped_before_it(wanted):
    assert match_starts([trial(**wanted)], [state_of(trial(max_epochs=10), 10)]) == {}


def test_state_of_a_converged_trial_serves_no_trial_with_its_rule():
    rule = {"delta_tolerance": 1e-3, "delta_patience": 1}
    state = state_of(trial(**rule, max_epochs=10), 10, StopReason.CONVERGED)
    assert match_starts([trial(**rule, max_epochs=50)], [state]) == {}


def test_each_trial_of_a_path_goes_on_from_the_state_with_its_own_rules():
    rules = [{"target_loss": 1e-3}, {"target_loss": 1e-6}, {"target_loss": 1e-9}]
    states = [
        state_of(trial(**rule, max_epochs=10), epoch)
        for rule, epoch in zip(rules[:2], (10, 20), strict=True)
    ]
    trials = [trial(**rule, max_epochs=50) for rule in rules]
    starts = match_starts([*trials, trial(**rules[0], max_epochs=5)], states)
    assert {of: int(a["epoch"][0]) for of, a in starts.items()} == {
        trials[0].trial_id: 10,
        trials[1].trial_id: 20,
        trials[2].trial_id: 20,  # a stricter target, which no loss so far has met
    }


def test_devices_take_turns():
    none = np.zeros(0, np.int64)
    batches = [PlannedPack(none, "torch", device) for device in ("cpu", "cpu", "cpu", "cuda")]
    assert [batch.device for batch in alternate(batches)] == ["cpu", "cuda", "cpu", "cpu"]


def test_failed_rows_carry_the_error_and_its_traceback():
    pack = next(make_plan(small_config()).packs())
    wanted = pack.trials[0].trial_id
    broken, ended = Broken.of(ValueError("a\nb"), "trace"), Ended(True, 3, "there")
    (result,) = failed_results(pack, [wanted], broken=broken, ended=ended)
    assert result.trial.trial_id == wanted
    assert (result.outcome.status, result.outcome.error) == ("failed", "ValueError: a b")
    assert result.outcome.traceback == "trace"
    assert (result.provenance.attempt, result.provenance.host) == (3, "there")


def test_first_signal_asks_and_second_raises():
    interrupt = Interrupt()
    with interrupt.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_more_than_this_ray_has_is_refused():
    with pytest.raises(SweepError, match=r"gpus_per_pack must be at most the 0 gpus .*got 0\.5"):
        Session(2, 0.0, False, RayMonitor((), 0.0)).require(cpus=1.0, gpus=0.5)


@pytest.mark.parametrize(
    ("cpus", "grows", "workers", "slots"),
    [
        (0, True, None, 1),
        (0, True, 8, 8),
        (4, True, 8, 8),
        (4, True, 2, 2),
        (4, True, None, 4),
        (4, False, 8, 4),
        (4, False, 2, 2),
    ],
)
def test_packs_are_made_for_the_cpus_there_are_or_the_workers_a_cluster_may_come_to(
    cpus, grows, workers, slots
):
    assert Session(cpus, 0.0, grows, RayMonitor((), 0.0)).slots(workers) == slots


def test_speed_is_that_of_the_last_seconds():
    speed = Speed()
    speeds = [speed.update(s, e) for s, e in [(5.0, 50), (10.0, 100), (20.0, 2100)]]
    assert speeds == [10.0, 10.0, 200.0]


def test_progress_is_said_in_one_line():
    progress = SweepProgress(
        done=10,
        total=1000,
        failed=1,
        diverged=2,
        cancelled=0,
        epochs=5,
        active=3,
        waiting=4,
        seconds=60.0,
        epochs_left=(750 * 12_345.0, 4752 * 12_345.0),
        epochs_most=20_000_000,
        best_loss=0.0123456,
    )
    assert describe_progress(progress, 12_345.0) == (
        "10/1,000 trials · 5 of at most 20M epochs · 12.3k/s · 1:00 · 10:00 to 1:39:00 left · "
        "best loss 0.0123 · 1 failed · 2 diverged"
    )


def test_progress_on_80_columns_is_wrapped_and_not_cut():
    text = "10/1,000 trials · 5 of at most 20M epochs · 12.3k/s · 10:00 left · best loss 0.0123"
    printed = io.StringIO()
    console = Console(file=printed, width=80, force_terminal=True)
    bar = progress_bar(console)
    bar.add_task(text, total=None)
    console.print(bar)
    assert "best loss 0.0123" in " ".join(printed.getvalue().split())


def test_until_trials_are_trained_the_phase_is_said():
    progress = SweepProgress(
        done=0,
        total=1000,
        failed=0,
        diverged=0,
        cancelled=0,
        epochs=0,
        active=0,
        waiting=4,
        seconds=7.0,
        epochs_most=1_000_000,
        phase=RunPhase.COMPILING,
    )
    assert describe_progress(progress, 0.0) == (
        "compiling the kernel, once for this machine · 0:07"
    )
    assert describe_progress(replace(progress, phase=RunPhase.STARTING_RAY), 0.0) == (
        "starting Ray · 0:07"
    )
    stopping = describe_progress(replace(progress, phase=RunPhase.STOPPING), 0.0)
    assert stopping == "stopping, nothing was trained yet; interrupt again to end at once"
    training = replace(progress, phase=RunPhase.TRAINING, epochs=400_000)
    assert describe_progress(training, 10_000.0) == (
        "0/1,000 trials · 400k of at most 1M epochs · 10k/s · 0:07 · at most 1:00 left"
    )
    assert describe_progress(replace(training, compiling=1), 10_000.0).endswith(
        "at most 1:00 left · compiling the kernel, once for this machine"
    )


def test_numbers_and_times_are_short():
    assert [magnitude(v) for v in (0.0, 999.0, 1.5e6, 2e9)] == ["0", "999", "1.5M", "2G"]
    assert [clock(s) for s in (0, 59.9, 3723)] == ["0:00", "0:59", "1:02:03"]


@pytest.mark.slow
def test_a_ray_imported_before_sweep_finds_the_options_of_sweep():
    code = """
import ray
from ray._raylet import AuthenticationMode, get_authentication_mode
from sweep.ray.session import set_environment
set_environment()
assert get_authentication_mode() == AuthenticationMode.TOKEN, get_authentication_mode()
"""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_quick_report_is_followed_after_the_least_pause():
    assert pause_after(0.01, least=0.25) == 0.25


def test_a_slow_report_is_followed_after_ten_times_what_it_took():
    assert pause_after(3.0, least=0.25) == 30.0
