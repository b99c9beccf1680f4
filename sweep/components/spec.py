"""What every component declares: its name, its options and their ranges. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

REQUIRED: Any = object()
"""The default of an option that must be given."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a component: an axis of the sweep file and a column of the results.

    Attributes:
        doc: what it means, with its unit.
        kind: float, int, bool or str.
        default: its value where left out, or `REQUIRED`.
        least, above, most, below: bounds of a number, the second and fourth not included.
        choices: what a str may be.
        optional: whether it may be null.
        neutral: the value that leaves training as if the option did not exist. Frozen once
            released: it stays out of the identity of trials, so that an option added later orphans
            no finished trial.
        chooses_code: whether trials must agree on it to train together, as it chooses what runs.
        presence: whether they must agree on whether it is a number other than 0.
        absent: what its column holds for components without it.
        label: what people call it beside a value; the column's name if None.
    """

    doc: str
    kind: type = float
    default: Any = REQUIRED
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    neutral: object = None
    chooses_code: bool = False
    presence: bool = False
    absent: object = None
    label: str | None = None


def real(doc: str, **rest: Any) -> Any:
    """Declare an option that is a number."""
    return Option(doc=doc, **rest)


def positive(doc: str, **rest: Any) -> Any:
    """Declare an option that is a number above 0."""
    return Option(doc=doc, above=0, **rest)


def non_negative(doc: str, **rest: Any) -> Any:
    """Declare an option that is a number of 0 or more."""
    return Option(doc=doc, least=0, **rest)


def share(doc: str, **rest: Any) -> Any:
    """Declare an option from 0 to 1, 1 not included."""
    return Option(doc=doc, least=0, below=1, **rest)


def count(doc: str, **rest: Any) -> Any:
    """Declare an option that is a whole number of 1 or more."""
    return Option(doc=doc, kind=int, least=1, most=2**53, **rest)


def flag(doc: str, **rest: Any) -> Any:
    """Declare an option that is true or false, which chooses what runs."""
    return Option(doc=doc, **{"kind": bool, "chooses_code": True, **rest})


def one_of(*choices: str, doc: str, **rest: Any) -> Any:
    """Declare an option that is one of a few words, which choose what runs."""
    return Option(doc=doc, **{"kind": str, "choices": choices, "chooses_code": True, **rest})


class Component:
    """Something that a sweep file names; its first line of documentation says what it is.

    Attributes:
        name: as the sweep file has it.
        options: what was declared as class attributes, in their order, inherited ones last.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Option]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Option)}
        inherited = {n: option for n, option in cls.options.items() if n not in vars(cls)}
        cls.options = own | inherited

    @property
    def doc(self) -> str:
        """What it is, with its source."""
        return " ".join((type(self).__doc__ or "").split())
