"""Sweep files for the tests of configuration and planning."""

import copy
from typing import Any

from sweep.config import parse_config
from sweep.errors import ConfigError, Fault
from sweep.planning import expand
from sweep.trial import Trial

SMALL: dict[str, Any] = {
    "name": "small",
    "dataset": "one-hot",
    "fixed": {
        "topology": "4-2-4",
        "activation": "sigmoid",
        "output_activation": "sigmoid",
        "initialiser": {"name": "uniform", "constant": 1},
        "loss": "mean_squared_error",
        "optimizer": "sgd",
        "learning_rate": 0.1,
    },
    "convergence": {"max_epochs": 100},
}


def small(**changes: Any) -> dict[str, Any]:
    """Return the small sweep with blocks changed; what `grid` names leaves the other blocks."""
    tree = copy.deepcopy(SMALL)
    tree["fixed"] |= changes.pop("fixed", {})
    tree |= changes
    grid = changes.get("grid", {})
    for block in grid if isinstance(grid, list) else [grid]:
        for name in block:
            tree["fixed"].pop(name, None)
            if name in ("dataset", "convergence"):
                tree.pop(name, None)
    return tree


def trials_of(**changes: Any) -> list[Trial]:
    """Return the trials of the small sweep with blocks changed."""
    return list(expand(parse_config(small(**changes))))


def values_of(column: str, **changes: Any) -> list[Any]:
    """Return a column of the trials of the small sweep with blocks changed."""
    return [getattr(trial, column) for trial in trials_of(**changes)]


def faults_of(sweep: dict[str, Any] | str, *overrides: str) -> tuple[Fault, ...]:
    """Return the faults of a sweep; none where it is valid."""
    try:
        parse_config(sweep, overrides)
    except ConfigError as error:
        return error.faults
    return ()
