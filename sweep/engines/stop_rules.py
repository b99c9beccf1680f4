"""Judges the stop rules of lanes side by side after each epoch. Knows no networks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from sweep.engines.ladder import climb
from sweep.engines.state import TAIL_EPOCHS, Lanes, LaneState, curve_epochs
from sweep.trial import StopReason

NEVER = np.inf
_CURVE = curve_epochs()


@dataclass(frozen=True)
class Rules:
    """The stop rules of lanes side by side, (lanes, watches); never met where not asked for."""

    delta_tolerance: Float64[np.ndarray, "lanes watches"]
    delta_patience: Float64[np.ndarray, "lanes watches"]
    stall_min_delta: Float64[np.ndarray, "lanes watches"]
    stall_patience: Float64[np.ndarray, "lanes watches"]
    target: Float64[np.ndarray, "lanes watches"]
    margin: Float64[np.ndarray, "lanes watches"]
    epochs: Float64[np.ndarray, "lanes watches"]
    max_epochs: Float64[np.ndarray, "lanes watches"]

    @classmethod
    def of(cls, lanes: Lanes) -> "Rules":
        return cls(
            delta_tolerance=lanes.rule("delta_tolerance", -NEVER),
            delta_patience=lanes.rule("delta_patience", NEVER),
            stall_min_delta=lanes.rule("early_stopping_min_delta", 0.0),
            stall_patience=lanes.rule("early_stopping_patience", NEVER),
            target=lanes.rule("target_loss", -NEVER),
            margin=lanes.rule("pattern_margin", -NEVER),
            epochs=lanes.rule("fixed_epochs", NEVER),
            max_epochs=lanes.rule("max_epochs", NEVER),
        )

    @property
    def need_outputs(self) -> bool:
        """Whether any rule looks at the outputs themselves."""
        return bool((self.margin > -NEVER).any())


def judge(
    rules: Rules,
    state: LaneState,
    *,
    losses: Float64[np.ndarray, " lanes"],
    worst_errors: Float64[np.ndarray, " lanes"] | None,
) -> list[tuple[int, int, StopReason]]:
    """Take in the losses of an epoch, and return (row, watch, reason) of the trials that stop.

    Counts the epoch, updates the counters of every rule and the recorded losses, and clears `live`.
    Where several rules are met at once the first of `StopReason`'s order below is the reason.

    Args:
        rules: of the lanes of `state`.
        state: changed in place.
        losses: L_t of every lane, taken before the update of this epoch.
        worst_errors: the largest |output - target| of every lane, if any rule needs it.
    """
    _count(state, losses)
    met = {
        StopReason.DIVERGED: ~np.isfinite(losses)[:, None],
        StopReason.CONVERGED: _delta_rule(rules, state)
        | _early_stopping_rule(rules, state, losses),
        StopReason.TARGET: losses[:, None] <= rules.target,
        StopReason.PATTERN: _pattern_rule(rules, worst_errors),
        StopReason.EPOCHS: state.epoch[:, None] >= rules.epochs,
        StopReason.MAX_EPOCHS: state.epoch[:, None] >= rules.max_epochs,
    }
    stopping = state.live & np.logical_or.reduce(
        [np.broadcast_to(m, state.live.shape) for m in met.values()]
    )
    if not stopping.any():
        return []
    state.live &= ~stopping
    stops = []
    for row, watch in np.argwhere(stopping).tolist():
        reason = next(r for r, m in met.items() if np.broadcast_to(m, state.live.shape)[row, watch])
        stops.append((row, watch, reason))
    return stops


def _count(state: LaneState, losses: Float64[np.ndarray, " lanes"]) -> None:
    """Count the epoch and record its loss."""
    rows = np.arange(len(state))
    state.epoch += 1
    with np.errstate(invalid="ignore"):  # a diverged loss may follow another
        state.last_delta[:] = losses - state.previous_loss
    state.previous_loss[:] = losses
    better = losses < state.best_loss
    np.copyto(state.best_loss, losses, where=better)
    np.copyto(state.best_epoch, state.epoch, where=better)
    state.tail[rows, state.epoch % TAIL_EPOCHS] = losses
    points = np.searchsorted(_CURVE, state.epoch)
    due = _CURVE[points] == state.epoch
    if due.any():
        state.curve[rows[due], points[due]] = losses[due]
    climb(state)


def _delta_rule(rules: Rules, state: LaneState) -> Bool[np.ndarray, "lanes watches"]:
    """|L_t - L_(t-1)| < tolerance for `patience` epochs in a row; first judged in epoch 2."""
    close = np.abs(state.last_delta)[:, None] < rules.delta_tolerance
    state.delta_count += 1
    state.delta_count *= close
    return state.delta_count >= rules.delta_patience


def _early_stopping_rule(
    rules: Rules, state: LaneState, losses: Float64[np.ndarray, " lanes"]
) -> Bool[np.ndarray, "lanes watches"]:
    """Keras's EarlyStopping: `patience` epochs without a loss below the best less min_delta."""
    better = losses[:, None] < state.stall_best - rules.stall_min_delta
    np.copyto(state.stall_best, losses[:, None], where=better)
    state.stall_count += 1
    state.stall_count *= ~better
    return state.stall_count >= rules.stall_patience


def _pattern_rule(
    rules: Rules, worst_errors: Float64[np.ndarray, " lanes"] | None
) -> Bool[np.ndarray, "lanes watches"]:
    """Every output within the margin of its target; at 0.4 Fahlman's (1988) 40-20-40 rule."""
    if worst_errors is None:
        return np.zeros(rules.margin.shape, bool)
    return worst_errors[:, None] <= rules.margin


def recorded_curve(
    state: LaneState, row: int
) -> tuple[Int64[np.ndarray, " points"], Float64[np.ndarray, " points"]]:
    """Return a lane's recorded epochs and losses, ascending: log-spaced ones and the last few."""
    last = int(state.epoch[row])
    reached = np.searchsorted(_CURVE, last, side="right")
    tail = np.arange(max(1, last - TAIL_EPOCHS + 1), last + 1)
    epochs = np.concatenate([_CURVE[:reached], tail])
    losses = np.concatenate([state.curve[row, :reached], state.tail[row, tail % TAIL_EPOCHS]])
    unique, first = np.unique(epochs, return_index=True)
    return unique, losses[first]
