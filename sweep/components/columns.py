"""The columns of the results that options of components fill."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweep.components.registry import FAMILIES, STOP_RULES
from sweep.components.spec import Component, Option


@dataclass(frozen=True, kw_only=True)
class OptionColumn:
    """A column that an option fills; components with an option of the same name share it.

    Attributes:
        name: of the column.
        kind: type of its values.
        doc: what it means for the components that have it.
        absent: what it holds for the others.
        neutral, chooses_code, presence, label: as of `Option`.
    """

    name: str
    kind: Any
    doc: str
    absent: object
    neutral: object
    chooses_code: bool
    presence: bool
    label: str | None


def column_of(family: str, option: str) -> str:
    """Return the column of an option of a parameter or a stop rule, as momentum of optimizer."""
    if option == "name":
        return family
    return f"{'learning_rate' if family == 'learning_rate_schedule' else family}_{option}"


def options_column(family: str) -> str:
    """Return the column of the options that a user's own component of a family declares."""
    return f"{family}_options"


def option_columns(family: str, among: Collection[str] | None = None) -> tuple[OptionColumn, ...]:
    """Return the columns of the options of a family's components.

    Labels are those of the first family that has the components: a slope without more is that of
    the hidden layers.

    Args:
        family: the parameter that names the components.
        among: the components to take; None for all.
    """
    components = FAMILIES[family]
    columns = _columns(family, {n: c for n, c in components.items() if among is None or n in among})
    if family == next(name for name, having in FAMILIES.items() if having is components):
        return columns
    return tuple(replace(column, label=None) for column in columns)


def rule_columns() -> tuple[OptionColumn, ...]:
    """Return the columns of the options of stop rules."""
    found = ((name, _columns(name, {name: rule})) for name, rule in STOP_RULES.items())
    return tuple(replace(c, doc=f"{name} rule: {c.doc}") for name, cs in found for c in cs)


def _columns(family: str, components: Mapping[str, Component]) -> tuple[OptionColumn, ...]:
    sharing: dict[str, dict[str, Option]] = {}
    for name, component in components.items():
        for option, spec in component.options.items():
            sharing.setdefault(column_of(family, option), {})[name] = spec
    return tuple(_merged(name, having, len(components)) for name, having in sharing.items())


def _merged(name: str, having: Mapping[str, Option], of: int) -> OptionColumn:
    first = next(iter(having.values()))
    agreed = {(s.kind, s.neutral, s.absent) for s in having.values()}
    assert len(agreed) == 1, f"options of {name} must agree on kind, neutral and absent"
    return OptionColumn(
        name=name,
        kind=first.kind if first.absent is not None else first.kind | None,
        doc=_doc(having, everywhere=len(having) == of),
        absent=first.absent,
        neutral=first.neutral,
        chooses_code=any(s.chooses_code for s in having.values()),
        presence=any(s.presence for s in having.values()),
        label=next((s.label for s in having.values() if s.label is not None), None),
    )


def _doc(having: Mapping[str, Option], *, everywhere: bool) -> str:
    """Return what an option means, with the components that mean it unless all mean the same."""
    meaning: dict[str, list[str]] = {}
    for name, spec in having.items():
        meaning.setdefault(spec.doc, []).append(name)
    if everywhere and len(meaning) == 1:
        return next(iter(meaning))
    return "; ".join(f"{doc} ({', '.join(names)})" for doc, names in meaning.items())
