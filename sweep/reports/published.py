"""Loads tables of published figures.

A table is a CSV file with a row for each published run. `MATCHES` says by which columns a row is
matched to trials, `MEASURES` which of its columns are held against theirs. The others name the row,
but for `NOTES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from pathlib import Path

import pandas as pd

from sweep.errors import ConfigError, nearest

MATCHES: Mapping[str, str] = {
    "topology": "topology",
    "problem": "topology",
    "hidden_activation": "activation",
    "output_activation": "output_activation",
    "initial_weight": "initialiser_constant",
    "optimizer": "optimizer",
    "algorithm": "algorithm",
    "loss": "loss",
    "batch_size": "batch_size",
}
"""Column of trials by published column. `algorithm` is an optimizer by its older name."""

WORDS: Mapping[str, str] = {
    "binary_crossentropy": "binary_cross_entropy",
    "categorical_crossentropy": "categorical_cross_entropy",
}
"""Our word for a published one. An optimizer's numbers in brackets are not matched by."""

LITERAL: Mapping[str, Mapping[str, object]] = {
    "zhang2017_runs": {
        "initialiser": "constant",
        "initialiser_jitter": 0.0,
        "delta_tolerance": 1e-7,
        "delta_patience": 1,
        "loss": "binary_cross_entropy",
    },
}
"""What a text says to the letter, by bundled table."""

SURVIVAL = "epochs_mean"
NOTES = frozenset({"reconstructs", "doubtful", "status", "source", "epoch", "epochs_sd"})
READ = "read"


@dataclass(frozen=True)
class Measure:
    """A number that a table states.

    Attributes:
        published: its column. ours: the column that is held against it. title: of both.
        weighs: whether it counts in how far a reading is from what was published.
    """

    published: str
    ours: str
    title: str
    weighs: bool = True


MEASURES = (
    Measure("epochs", "epochs", "epochs"),
    Measure(SURVIVAL, "epochs", "epochs"),
    Measure("final_loss", "final_loss", "final loss"),
    Measure("train_loss", "curve_loss", "training loss"),
    Measure("validation_loss", "curve_validation_loss", "validation loss"),
    Measure("runtime_min", "minutes", "minutes", weighs=False),
)


@dataclass(frozen=True)
class Published:
    """A table of published figures.

    Attributes:
        name: of the table.
        rows: one a published run, in the words of the trials, numbered from 0.
        unchecked: how many more there are that nobody checked at their source, and none may quote.
    """

    name: str
    rows: pd.DataFrame
    unchecked: int = 0

    @property
    def keys(self) -> list[str]:
        """The columns that trials are matched by."""
        return [name for name in self.rows.columns if name in MATCHES]

    @property
    def measures(self) -> list[Measure]:
        return [item for item in MEASURES if item.published in self.rows.columns]

    @property
    def labels(self) -> list[str]:
        """The columns that tell one row from another."""
        stated = {*NOTES, *(item.published for item in MEASURES)}
        names = [name for name in self.rows.columns if name not in stated]
        return [n for n in names if n not in MATCHES or self.rows[n].nunique() > 1] or names

    @property
    def literal(self) -> Mapping[str, object]:
        return LITERAL.get(self.name, {})


def bundled_names() -> list[str]:
    """Return the names of the tables that come with sweep."""
    paths = (files("sweep") / "published").iterdir()
    return sorted(path.name.removesuffix(".csv") for path in paths if path.name.endswith(".csv"))


def load_published(given: str) -> Published:
    """Load a table of published figures.

    Args:
        given: name of a bundled table, or path of a CSV file.

    Raises:
        ConfigError: if there is none, it is no table, or lacks a column to match or compare by.
    """
    name, known = given.removesuffix(".csv"), bundled_names()
    bundled = name in known and not Path(given).is_file()
    if not bundled and not Path(given).is_file():
        must = f"name a CSV file or one of {', '.join(known)}"
        raise ConfigError.of("--against", must, got=repr(given), hint=nearest(name, known))
    path = files("sweep") / "published" / f"{name}.csv" if bundled else Path(given)
    try:
        rows = pd.read_csv(StringIO(path.read_text("utf-8")), skipinitialspace=True)
    except (ValueError, OSError) as error:  # pandas's errors of reading are ValueErrors
        reason = str(error).partition("\n")[0]
        raise ConfigError.of(given, f"be a table as CSV ({reason})") from error
    read = rows[rows["status"] == READ] if "status" in rows.columns else rows
    table = Published(name if bundled else given, _plain(read), len(rows) - len(read))
    _check(table, given)
    return table


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Say what rows are matched by in the words of the trials."""
    plain = rows.reset_index(drop=True)
    for name in (name for name in plain.columns if name in MATCHES):
        if not pd.api.types.is_numeric_dtype(plain[name].dtype):
            words = plain[name].astype(str).str.partition("(")[0].str.strip()
            plain[name] = words.replace(dict(WORDS))
    return plain


def _check(table: Published, given: str) -> None:
    got = ", ".join(map(str, table.rows.columns))
    if not table.keys:
        raise ConfigError.of(given, f"have a column to match trials by: {_any(MATCHES)}", got=got)
    if not table.measures:
        stated = dict.fromkeys(item.published for item in MEASURES)
        raise ConfigError.of(given, f"have a column to compare: {_any(list(stated))}", got=got)
    epochs = [name for name in ("epoch",) if name in table.rows.columns]
    for name in [*epochs, *(item.published for item in table.measures)]:
        if not pd.api.types.is_numeric_dtype(table.rows[name].dtype):
            raise ConfigError.of(
                given, f"hold numbers in its column {name}", got=repr(table.rows[name][0])
            )
    if any("loss" in item.ours and "curve" in item.ours for item in table.measures) and not epochs:
        raise ConfigError.of(
            given, "have a column epoch beside train_loss and validation_loss", got=got
        )


def _any(names: Sequence[str] | Mapping[str, object]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
