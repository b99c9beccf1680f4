"""Claims: every stop rule fires in the epoch that its definition says."""

import numpy as np
import pytest

from sweep.engines.start import begin
from sweep.engines.state import Lane, Lanes, LaneState, curve_epochs
from sweep.engines.stop_rules import Rules, judge, recorded_curve
from sweep.trial import StopReason, Trial
from tests.trials import lanes_of_trials, make_trial


def feed(
    lanes: Lanes, *curves: list[float], errors: list[float] | None = None
) -> dict[tuple[int, int], tuple[int, StopReason]]:
    """Judge the losses of each lane, epoch by epoch; return when and why each watch stopped."""
    stops, _ = feed_state(lanes, *curves, errors=errors)
    return stops


def feed_state(
    lanes: Lanes, *curves: list[float], errors: list[float] | None = None
) -> tuple[dict[tuple[int, int], tuple[int, StopReason]], LaneState]:
    state, rules, stops = begin(lanes, 1), Rules.of(lanes), {}
    for epoch, losses in enumerate(zip(*curves, strict=True), start=1):
        worst = np.array([errors[epoch - 1]] * len(lanes)) if errors else None
        for row, watch, reason in judge(rules, state, losses=np.array(losses), worst_errors=worst):
            stops[row, watch] = (epoch, reason)
    return stops, state


def one(
    trial: Trial, losses: list[float], errors: list[float] | None = None
) -> tuple[int, StopReason] | None:
    return feed(lanes_of_trials(trial), losses, errors=errors).get((0, 0))


@pytest.mark.parametrize(("patience", "epoch"), [(1, 3), (2, 6), (3, None)])
def test_delta_rule_wants_small_steps_in_a_row(patience: int, epoch: int | None) -> None:
    trial = make_trial(delta_tolerance=0.05, delta_patience=patience)
    got = one(trial, [1.0, 0.5, 0.49, 0.3, 0.31, 0.32, 0.2])
    assert got == (epoch and (epoch, StopReason.CONVERGED))


def test_delta_rule_is_strict_and_not_judged_in_the_first_epoch() -> None:
    trial = make_trial(delta_tolerance=0.25, delta_patience=1)
    assert one(trial, [1.0, 0.75, 0.5]) is None
    assert one(trial, [0.0, 0.0]) == (2, StopReason.CONVERGED)


def test_early_stopping_counts_from_the_best_loss() -> None:
    trial = make_trial(early_stopping_min_delta=0.0, early_stopping_patience=3)
    assert one(trial, [1.0, 0.5, 0.6, 0.55, 0.5, 0.4]) == (5, StopReason.CONVERGED)


def test_early_stopping_ignores_improvements_up_to_min_delta() -> None:
    trial = make_trial(early_stopping_min_delta=0.1, early_stopping_patience=2)
    assert one(trial, [1.0, 0.95, 0.91, 0.5]) == (3, StopReason.CONVERGED)
    assert one(trial, [1.0, 0.95, 0.89, 0.8, 0.5]) is None


def test_target_is_met_at_equality() -> None:
    assert one(make_trial(target_loss=0.5), [1.0, 0.5]) == (2, StopReason.TARGET)


def test_pattern_wants_every_output_within_the_margin() -> None:
    trial = make_trial(pattern_margin=0.4)
    assert one(trial, [1.0, 0.9, 0.8], errors=[0.9, 0.41, 0.4]) == (3, StopReason.PATTERN)


def test_epochs_and_max_epochs_end_at_their_number() -> None:
    assert one(make_trial(fixed_epochs=2, max_epochs=2), [3.0, 2.0, 1.0]) == (2, StopReason.EPOCHS)
    assert one(make_trial(max_epochs=3), [3.0, 2.0, 1.0]) == (3, StopReason.MAX_EPOCHS)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_divergence(loss: float) -> None:
    assert one(make_trial(delta_tolerance=1.0, delta_patience=1), [1.0, loss]) == (
        2,
        StopReason.DIVERGED,
    )


def test_convergence_comes_before_target_and_limit() -> None:
    trial = make_trial(delta_tolerance=0.1, delta_patience=1, target_loss=1.0, max_epochs=2)
    assert one(trial, [2.0, 1.95]) == (2, StopReason.CONVERGED)


def test_rules_on_one_path_fire_apart() -> None:
    loose = make_trial(delta_tolerance=0.2, delta_patience=1)
    tight = make_trial(delta_tolerance=0.02, delta_patience=1)
    stops = feed(Lanes((Lane((loose, tight)),)), [1.0, 0.9, 0.85, 0.84])
    assert stops == {(0, 0): (2, StopReason.CONVERGED), (0, 1): (4, StopReason.CONVERGED)}


def test_lanes_are_judged_apart() -> None:
    trial = make_trial(target_loss=0.5)
    stops = feed(lanes_of_trials(trial, trial), [1.0, 0.4, 0.4], [0.9, 0.8, 0.3])
    assert stops == {(0, 0): (2, StopReason.TARGET), (1, 0): (3, StopReason.TARGET)}


def test_best_loss_and_last_delta_are_kept() -> None:
    _, state = feed_state(lanes_of_trials(make_trial()), [1.0, 0.25, 0.5])
    assert (state.best_loss[0], state.best_epoch[0], state.last_delta[0]) == (0.25, 2, 0.25)


def test_recorded_curve_is_log_spaced_with_every_loss_of_the_tail() -> None:
    losses = [1.0 / epoch for epoch in range(1, 501)]
    _, state = feed_state(lanes_of_trials(make_trial(max_epochs=1000)), losses)
    epochs, curve = recorded_curve(state, 0)
    np.testing.assert_array_equal(curve, 1.0 / epochs)
    assert set(range(485, 501)) <= set(epochs.tolist())
    assert {1, 2, 10, 100, 316} <= set(epochs.tolist())
    assert (np.diff(epochs) > 0).all()
    assert epochs[-1] == 500


def test_curve_epochs_cover_nine_decades() -> None:
    epochs = curve_epochs()
    assert epochs[0] == 1
    assert epochs[-1] == 10**9
    assert len(epochs) < 9 * 20
