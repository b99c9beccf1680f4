"""What a finding is, as data. Knows nothing of how it is shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite, nan
from typing import Any


class Kind(StrEnum):
    """How the marks of a figure are drawn."""

    INTERVALS = "intervals"
    BARS = "bars"
    DOTS = "dots"
    LINES = "lines"


@dataclass(frozen=True)
class Mark:
    """One value of a figure.

    Attributes:
        label: what it is of. In a figure of lines, the number at which it stands, as text.
        value: where it is drawn. low, high: its interval; nan where there is none.
        text: the value as people read it.
        strong: whether it is what the finding is about.
    """

    label: str
    value: float
    low: float = nan
    high: float = nan
    text: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Figure:
    """What a finding shows, a mark a row; of lines, a mark a place from left to right.

    Attributes:
        title: what it shows, in a phrase; also for those who do not see it.
        quantity: what the values are, with their unit.
        across: of lines, what the places are; else empty.
        log: whether values are on a logarithmic scale. least, most: ends of the scale; nan for
            those of the marks.
        reference: a value to hold the others against, nan for none. reference_label: its name.
    """

    kind: Kind
    title: str
    marks: Sequence[Mark]
    quantity: str
    across: str = ""
    log: bool = False
    least: float = nan
    most: float = nan
    reference: float = nan
    reference_label: str = ""


@dataclass(frozen=True)
class Finding:
    """Something that a sweep has found.

    Attributes:
        name: which finding it is, such as `importance`: one word for addresses and classes.
        title: what was found, in a few words. text: the sentences that say it, plain
            text, in which what stands between backticks is of the sweep file.
        figure: what shows it; None for words alone.
        how: sentences on how it was found, and how far it can be relied on.
        warning: whether something is to be done about it, or it is not to be relied on.
        lines: lines of the sweep file to have instead, as YAML; empty for none.
        brief: the finding in one sentence, for the end of a run; empty if it is not told there.
    """

    name: str
    title: str
    text: str
    figure: Figure | None = None
    warning: bool = False
    lines: str = ""
    brief: str = ""
    how: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON would have it: what is not a finite number is none."""
        data: dict[str, Any] = _plain(asdict(self))
        return data


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
