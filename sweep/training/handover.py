"""Finds what another stop rule would have counted along a path.

A rule that no epoch so far has met can take over where another ended: its counters are those of the
other if both differ in patience alone, or the rule finds them in what every training keeps.
"""

from collections.abc import Mapping

import numpy as np

from sweep.components.stopping import History, StopRule
from sweep.engines.state import COUNTERS
from sweep.ladder import RULES, RUNGS, TOLERANCES, Rung, rungs_of
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
    met = state["ladder_epoch"][0].tolist()
    return Past(
        epoch=int(state["epoch"][0]),
        seconds=float(state["seconds"][0]),
        reason=reason,
        stop=stop,
        loss_is_finite=bool(np.isfinite(state["previous_loss"][0])),
        best_loss=float(state["best_loss"][0]) if best_epoch else None,
        best_epoch=best_epoch or None,
        ladder={rung: epoch for rung, epoch in zip(RUNGS, met, strict=True) if epoch},
    )


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
    own = {rung.rule: rung.tolerance for _, rung in rungs_of(past.stop)}
    for rule, rung in rungs_of(vars(trial)):
        if rung.rule in own and own[rung.rule] == rung.tolerance:
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
    epoch = int(state["epoch"][0])
    waited, best = None, np.inf
    if rung.rule in RULES and rung.tolerance in TOLERANCES:
        place = TOLERANCES.index(rung.tolerance)
        column = RULES.index(rung.rule) * len(TOLERANCES) + place
        waited = epoch - int(state["ladder_since"][0, column])
        best = float(state["ladder_best"][0, place])
    history = History(
        epoch=epoch,
        change=float(state["last_delta"][0]),
        best_loss=float(state["best_loss"][0]),
        best_epoch=int(state["best_epoch"][0]),
        waited=waited,
        best=best,
    )
    return rule.counters_from(rung.tolerance, history)
