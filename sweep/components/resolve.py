"""Finds the component that a trial names, and the values of its options."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sweep.components.registry import FAMILIES
from sweep.components.spec import Component


def component_of(trial: Any, family: str) -> tuple[Any, dict[str, Any]]:
    """Return the component that a parameter of a trial names, and its options by name.

    Args:
        trial: a `Trial`, or what has its attributes.
        family: the parameter, of `FAMILIES`.
    """
    component = FAMILIES[family][getattr(trial, family)]
    prefix = "learning_rate" if family == "learning_rate_schedule" else family
    given = {name: getattr(trial, f"{prefix}_{name}") for name in component.options}
    values = {n: _default(component, n) if v is None else v for n, v in given.items()}
    return component, values


@lru_cache(maxsize=4096)
def _default(component: Component, name: str) -> Any:
    """Return what an option is where a trial has none: what changes nothing, or the default."""
    option = component.options[name]
    neutral = option.neutral
    return option.default if neutral is None and not option.optional else neutral


def flags_of(component: Component, options: Mapping[str, Any]) -> dict[str, bool]:
    """Return, of each option that chooses what runs, whether it is used."""
    choosing = (n for n, o in component.options.items() if o.chooses_code or o.presence)
    return {name: bool(options[name]) for name in choosing}
