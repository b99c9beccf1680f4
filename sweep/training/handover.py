"""Finds what another stop rule would have counted along a path.

A rule that no epoch so far has met can take over where another ended: its counters are those of the
other if both differ in patience alone, or the rule finds them in what every training keeps.
"""

from collections.abc import Mapping

import numpy as np

from sweep.components.stopping import VALIDATION_LOSS, History, StopRule
from sweep.engines.state import COUNTERS, TAIL_EPOCHS, record_of
from sweep.ladder import ALL_RUNGS, RULES, TOLERANCES, Rung, rungs_of
from sweep.training.past import Past, Stop
from sweep.trial import StopReason, Trial

Arrays = Mapping[str, np.ndarray]


def past_of_state(state: Arrays, stop: Stop, reason: StopReason) -> Past:
    """Return what is known of a training from its saved state.

    Args:
        state: the arrays of a `LaneState`, one lane wide, in its last phase.
        stop: the stop parameters of its trial, by name.
        reason: why that ended.
    """
    best_epoch = int(state["best_epoch"][0])
    held_out = record_of(state, VALIDATION_LOSS)
    least = None if held_out is None else int(held_out["best_epoch"][0]) or None
    return Past(
        epoch=int(state["epoch"][0]),
        seconds=float(state["seconds"][0]),
        reason=reason,
        stop=stop,
        loss_is_finite=bool(np.isfinite(state["previous_loss"][0])),
        best_loss=float(state["best_loss"][0]) if best_epoch else None,
        best_epoch=best_epoch or None,
        ladder=_ladder(state),
        validated=held_out is not None,
        best_validation_loss=float(held_out["best_loss"][0]) if held_out and least else None,
        best_validation_epoch=least,
    )


def _ladder(state: Arrays) -> dict[Rung, int]:
    """Return when the rungs that were met were."""
    ladder: dict[Rung, int] = {}
    for monitor, rungs in ALL_RUNGS.items():
        if (record := record_of(state, monitor)) is not None:
            met = record["ladder_epoch"][0].tolist()
            ladder |= {rung: epoch for rung, epoch in zip(rungs, met, strict=True) if epoch}
    return ladder


def counters_of(trial: Trial, state: Arrays, past: Past) -> dict[str, np.ndarray] | None:
    """Return the watch column of `trial` as if it had been judged all along.

    Args:
        trial: on the path of the state.
        state: the arrays of a `LaneState`, one lane wide and with the watch column of its trial.
        past: what they tell, as `past_of_state` gives it.

    Returns:
        The arrays of `WATCH_COLUMNS`, (1, 1) each; None where the trial may have ended before, or
        its counters cannot be told.
    """
    if not past.goes_on(trial):
        return None
    counters: dict[str, float] = dict(COUNTERS)
    own = {rung.rule: (rung.tolerance, rung.monitor) for _, rung in rungs_of(past.stop)}
    for rule, rung in rungs_of(vars(trial)):
        if own.get(rung.rule) == (rung.tolerance, rung.monitor):
            continued = tuple(state[name][0, 0].item() for name in rule.counters)
        elif rule.counters:
            told = _told(rule, rung, state)
            if told is None:
                return None
            continued = told
        else:
            continue
        counters |= dict(zip(rule.counters, continued, strict=True))
    return {"live": np.ones((1, 1), bool)} | {
        name: np.full((1, 1), counters[name], np.asarray(first).dtype)
        for name, first in COUNTERS.items()
    }


def _told(rule: StopRule, rung: Rung, state: Arrays) -> tuple[float | int, ...] | None:
    """Return a rule's counters from what every training keeps; None where that is not enough."""
    record, epoch = record_of(state, rung.monitor), int(state["epoch"][0])
    if record is None:
        return None
    waited, best = None, np.inf
    if rung.rule in RULES and rung.tolerance in TOLERANCES:
        place = TOLERANCES.index(rung.tolerance)
        column = RULES.index(rung.rule) * len(TOLERANCES) + place
        waited = epoch - int(record["ladder_since"][0, column])
        best = float(record["ladder_best"][0, place])
    history = History(
        epoch=epoch,
        change=_last_change(record["tail"][0], epoch),
        best_loss=float(record["best_loss"][0]),
        best_epoch=int(record["best_epoch"][0]),
        waited=waited,
        best=best,
    )
    return rule.counters_from(rung.tolerance, history)


def _last_change(tail: np.ndarray, epoch: int) -> float:
    last, before = tail[[epoch % TAIL_EPOCHS, (epoch - 1) % TAIL_EPOCHS]].tolist()
    return float(last - before)
