"""Writes columns of the trials as typed arrays for a page.

A whole number is u1, u2 or u4 if it fits, and what is missing is the type's largest number, which
no value has. Other numbers are f4 or f8, and NaN is missing. A text or a truth value is the place
of its level among the levels. Little-endian, column after column.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import inf
from typing import Any, Protocol

import numpy as np
import pandas as pd

from sweep.planning.identities import identity_numbers
from sweep.printable import printable_line
from sweep.reports.false_convergence import COLUMN
from sweep.reports.objective import NAMES
from sweep.store.places.layout import TableName
from sweep.store.tables.schema import SCHEMAS
from sweep.trial import PARAMETERS

MOST_LEVELS = 5_000
"""Levels of a text above which it says hardly more than an identity, and stays out of the page."""
LONGEST_LEVEL = 300
LOG_SPAN = 50.0
"""How many times its least a column's largest number is where a logarithmic scale shows more."""
EXACT = frozenset({"final_loss", "validation_loss", "best_loss", "best_validation_loss"})
"""Outcomes whose every bit travels, as that of parameters does."""
TITLES = {**NAMES, COLUMN: "false convergence"}
DOCS = {
    COLUMN: "whether it met its rule of standing still on a plateau, well above what others reach"
}
WHOLE = ("u1", "u2", "u4")
LARGEST_EXACT = 2**53
NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)")
SMALLEST_F4, LARGEST_F4 = 1e-37, 1e38


class Role(StrEnum):
    """What a column is to a reader."""

    ID = "id"
    AXIS = "axis"  # a parameter that varies
    OUTCOME = "outcome"
    RECORD = "record"  # where, when and with what it was trained


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column as the page carries it.

    Attributes:
        name, title, doc: what it is called in tables, by people, and what it means.
        kind: id, category or number.
        type: of each value in `data`: u1, u2, u4, f4, f8 or hex8, the 8 bytes of an identity.
        levels: of a category, in order; None of others.
        scale: log or linear, of a number.
        data: the values.
    """

    name: str
    title: str
    doc: str
    role: Role
    kind: str
    type: str
    data: bytes = field(repr=False)
    levels: list[str] | None = None
    scale: str | None = None

    def described(self, offset: int) -> dict[str, Any]:
        """Return what the manifest says of it, its first byte at `offset`."""
        told = {name: value for name, value in asdict(self).items() if name != "data"}
        return {name: value for name, value in told.items() if value is not None} | {
            "offset": offset
        }


class Columns(Protocol):
    """Columns by their names, as a data frame has them."""

    def __getitem__(self, name: str, /) -> "pd.Series[Any]": ...


def encode_columns(trials: Columns, roles: Mapping[str, Role]) -> Iterable[Column]:
    """Yield the columns of `roles` in that order, but for texts of too many levels.

    Args:
        trials: a value a trial.
        roles: what each column is to a reader.
    """
    for name, role in roles.items():
        encoded = _encoded(name, trials[name])
        if encoded is not None:
            yield Column(name=name, title=title_of(name), doc=doc_of(name), role=role, **encoded)


def title_of(name: str) -> str:
    """Return what people call a column."""
    return TITLES.get(name, name.replace("_", " "))


def doc_of(name: str) -> str:
    """Return what a column means."""
    if name in DOCS:
        return DOCS[name]
    doc: bytes = SCHEMAS[TableName.TRIALS].field(name).metadata[b"doc"]
    return doc.decode()


def _encoded(name: str, values: "pd.Series[Any]") -> dict[str, Any] | None:
    """Return kind, type, data and what else a column's kind has."""
    if name == "trial_id":
        numbers = identity_numbers(values).astype(">u8")
        return {"kind": "id", "type": "hex8", "data": numbers.tobytes()}
    if pd.api.types.is_bool_dtype(values.dtype):
        levels = values.astype("boolean").map({True: "true", False: "false"})
        return _category(levels.astype("category"))
    if pd.api.types.is_integer_dtype(values.dtype):
        return _whole_numbers(values)
    if pd.api.types.is_float_dtype(values.dtype):
        exact = name in EXACT or name in PARAMETERS
        return _numbers(values.to_numpy(np.float64), exact=exact)
    return _category(values.astype("category"))


def _category(values: "pd.Series[Any]") -> dict[str, Any] | None:
    used = values.cat.remove_unused_categories()
    if len(used.cat.categories) > MOST_LEVELS:
        return None
    used = used.cat.reorder_categories(sorted(used.cat.categories, key=_by_numbers))
    levels = [printable_line(str(level)) for level in used.cat.categories]
    places = used.cat.codes.to_numpy(np.int64)
    kind = next(kind for kind in WHOLE if len(levels) < np.iinfo(kind).max)
    told = [f"{text[:LONGEST_LEVEL]}…" if len(text) > LONGEST_LEVEL else text for text in levels]
    return {
        "kind": "category",
        "type": kind,
        "data": _filled(places, places < 0, kind),
        "levels": told,
    }


def _by_numbers(level: object) -> list[tuple[float, str]]:
    """Return by what levels are sorted: numbers within as numbers: 9 before 10."""
    parts = NUMBER.split(str(level))
    return [(float(part), "") if odd % 2 else (inf, part) for odd, part in enumerate(parts)]


def _whole_numbers(values: "pd.Series[Any]") -> dict[str, Any] | None:
    missing = values.isna().to_numpy()
    whole = values.fillna(0).to_numpy(np.int64)
    least, most = (int(whole.min()), int(whole.max())) if len(whole) else (0, 0)
    if max(-least, most) > LARGEST_EXACT:  # such as seeds of 63 bits, which are names
        return _category(values.astype("string").astype("category"))
    if least < 0 or most >= np.iinfo("u4").max:
        return _numbers(np.where(missing, np.nan, whole), exact=True)
    kind = next(kind for kind in WHOLE if most < np.iinfo(kind).max)
    scale = _scale(whole[~missing])
    return {"kind": "number", "type": kind, "data": _filled(whole, missing, kind), "scale": scale}


def _filled(places: np.ndarray, missing: np.ndarray, kind: str) -> bytes:
    return np.where(missing, np.iinfo(kind).max, places).astype(f"<{kind}").tobytes()


def _numbers(values: np.ndarray, *, exact: bool) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    sizes = np.abs(known[known != 0])
    fits = not len(sizes) or (sizes.min() > SMALLEST_F4 and sizes.max() < LARGEST_F4)
    kind = "f4" if fits and not exact else "f8"
    return {
        "kind": "number",
        "type": kind,
        "data": values.astype(f"<{kind}").tobytes(),
        "scale": _scale(known),
    }


def _scale(known: np.ndarray) -> str:
    """Return the scale that shows most of these numbers."""
    positive = len(known) > 0 and known.min() > 0
    return "log" if positive and known.max() / known.min() >= LOG_SPAN else "linear"
