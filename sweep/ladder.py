"""The stop rules that every training answers besides its own.

A *rung* is a rule with its numbers: delta or early stopping at one of `TOLERANCES` with one of
`PATIENCES`, or a loss of `LEVELS` to come down to. Rungs lie in arrays in the order of `RUNGS`, for
each loss that rules can monitor.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import LOSS, MONITORED, VALIDATION_LOSS, StopRule

TOLERANCES = tuple(float(f"1e-{k}") for k in range(2, 10))
"""Thresholds of the rules that wait: 1e-2 to 1e-9."""

PATIENCES = (1, 10, 100, 1000)
LEVELS = tuple(float(f"{10.0 ** (-k / 2):.3g}") for k in range(19))
"""Losses in half decades: 1, 0.316, 0.1, … 1e-9."""


class Rung(NamedTuple):
    """A rule with its numbers.

    Attributes:
        rule: its name on the ladder, or its own if it is not on it.
        tolerance: the rule's threshold, such as the level of `loss` and the margin of `pattern`; of
            a rule without one all of its options.
        patience: epochs in a row; 0 for a rule without patience.
        monitor: the loss that it looks at.
    """

    rule: str
    tolerance: Any
    patience: int
    monitor: str = LOSS


BY_RUNG: Mapping[str, StopRule] = {rule.ladder or rule.name: rule for rule in STOP_RULES.values()}
"""The rule that the name of a rung means."""
LADDER = tuple(rule.ladder for rule in STOP_RULES.values() if rule.ladder)
RULES = tuple(name for name in LADDER if "patience" in BY_RUNG[name].options)
"""The rules of the ladder that wait: the loss no longer moves, or no longer improves."""

RUNGS = (
    *(Rung(*parts) for parts in product(RULES, TOLERANCES, PATIENCES)),
    *(Rung(name, level, 0) for name in LADDER if name not in RULES for level in LEVELS),
)
ALL_RUNGS = {name: tuple(rung._replace(monitor=name) for rung in RUNGS) for name in MONITORED}
"""The rungs of each monitored loss."""


def comes_first(rung: Rung, later: Rung) -> bool:
    """Whether a rule is met no later than another, on any path.

    A longer patience puts any rule off by the epochs that it is longer.
    """
    if (rung.rule, rung.monitor) != (later.rule, later.monitor) or rung.patience > later.patience:
        return False
    return BY_RUNG[rung.rule].comes_first(rung.tolerance, later.tolerance)


def rungs_of(parameters: Mapping[str, Any]) -> Iterator[tuple[StopRule, Rung]]:
    """Yield each stop rule among the parameters of a trial, with its numbers."""
    for name, rule in BY_RUNG.items():
        if (options := rule.asked(parameters)) is None:
            continue
        threshold = options[rule.threshold] if rule.threshold else tuple(options.values())
        patience = options.get("patience", 0) if rule.threshold else 0
        yield rule, Rung(name, threshold, patience, options.get("monitor", LOSS))


def monitored_by(parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return the losses that the stop rules of a trial monitor."""
    rungs = rungs_of(parameters)
    return frozenset(rung.monitor for rule, rung in rungs if "monitor" in rule.options)


def restored_by(parameters: Mapping[str, Any], *, held_out: bool) -> str | None:
    """Return the loss whose least chooses the weights that a trial stands for; None for the last.

    It is the loss that its rules monitor: the one on held-out samples if any does. Without such a
    rule it is that one wherever there are held-out samples.

    Args:
        parameters: of the trial.
        held_out: whether its data hold samples out of training.
    """
    if parameters.get("restore") != "best":
        return None
    monitored = monitored_by(parameters)
    held_out = VALIDATION_LOSS in monitored if monitored else held_out
    return VALIDATION_LOSS if held_out else LOSS
