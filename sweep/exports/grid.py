"""Lays the trials of a grid out as an xarray Dataset, a dimension for each axis."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep.errors import ConfigError
from sweep.exports.installed import require
from sweep.reports.axes import MOST_LEVELS, telling_parameters
from sweep.reports.tables.reading import default_columns, read_chosen
from sweep.reports.tables.text import format_value
from sweep.store.places.layout import TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.schema import SCHEMAS
from sweep.trial import PARAMETERS, REPEATS, SEED

if TYPE_CHECKING:
    import xarray

MOST_CELLS_A_TRIAL = 100
"""A grid with conditional axes has empty cells; points drawn at random have little else."""
MOST_NAMED = 6
WHERE = "to_xarray"


def grid_of(path: str | AnyPath, where: str | None = None) -> "xarray.Dataset":
    """Return the trials of a grid with labelled dimensions.

    Raises:
        ConfigError: the trials are no grid, or the condition cannot be read.
        StoreError: there are no results, or a file is damaged.
    """
    require("xarray", WHERE)
    import xarray

    trials = read_chosen(path, where, default_columns(path, varying=False))
    if trials.empty:
        raise ConfigError.of(WHERE, "have a trial at least", got="none")
    varying = telling_parameters(trials) or [SEED]
    followers = _followers(trials, varying)
    _refuse_points(trials, followers)
    axes = [name for name in varying if name not in followers]
    labels = {name: _labels(trials[name]) for name in axes}
    cells = _cells(trials, labels)
    outcome = [name for name in trials.columns if name not in PARAMETERS]
    shape = tuple(map(len, labels.values()))
    return xarray.Dataset(
        {name: (axes, _filled(trials[name], cells, shape), _meaning(name)) for name in outcome},
        coords=labels
        | {
            name: (axis, _along(trials, name, axis, labels[axis]), _meaning(name))
            for name, axis in followers.items()
        },
        attrs=_attributes(trials, varying, labels, len(trials) / prod(shape)),
    )


def _followers(trials: pd.DataFrame, varying: Sequence[str]) -> dict[str, str]:
    """Return each axis that another tells, as with axes zipped, with that other."""
    codes = {name: pd.factorize(trials[name], use_na_sentinel=False)[0] for name in varying}
    counts = {name: int(found.max()) + 1 for name, found in codes.items()}
    found: dict[str, str] = {}
    for name in varying:
        for other in varying:
            is_option = other.startswith(f"{name}_")
            by_chance = other == SEED and name not in REPEATS
            if other == name or other in found or is_option or by_chance:
                continue
            pairs = np.unique(codes[other] * counts[name] + codes[name])
            if name != SEED and len(pairs) == counts[other]:
                found[name] = other
                break
    return {name: _last(found, name) for name in found}


def _last(followers: dict[str, str], name: str) -> str:
    """Return what a chain of axes that follow each other ends at."""
    while name in followers:
        name = followers[name]
    return name


def _refuse_points(trials: pd.DataFrame, followers: dict[str, str]) -> None:
    """Raise where axes of many numbers vary together, as with points drawn at random."""
    numeric = set(trials.select_dtypes("number").columns)
    drawn = [
        name
        for name, axis in followers.items()
        if {name, axis} <= numeric
        and trials[name].nunique() > MOST_LEVELS
        and not trials[name].equals(trials[axis].astype(trials[name].dtype))
    ]
    if drawn:
        names = ", ".join([followers[drawn[0]], *drawn][:MOST_NAMED])
        got = f"points, in which {names} vary together"
        hint = "read_trials has them as a table"
        raise ConfigError.of(WHERE, "have trials that make a grid", got=got, hint=hint)


def _labels(values: "pd.Series[Any]") -> np.ndarray:
    """Return the values of an axis, ascending, and last the missing one where there is one."""
    known = sorted(values.dropna().unique().tolist())
    if not values.isna().any():
        return np.array(known, dtype=None if not isinstance(known[0], str) else object)
    if isinstance(known[0], str):
        return np.array([*known, "none"], dtype=object)
    return np.array([*map(float, known), np.nan])


def _cells(trials: pd.DataFrame, labels: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the place of each trial along each axis.

    Raises:
        ConfigError: the trials are too few for so many cells, or two are in one.
    """
    lengths = {name: len(values) for name, values in labels.items()}
    if prod(lengths.values()) > MOST_CELLS_A_TRIAL * len(trials):
        longest = sorted(lengths, key=lambda name: -lengths[name])[:MOST_NAMED]
        told = ", ".join(f"{name} has {lengths[name]:,} values" for name in longest)
        got = f"{len(trials):,} trials for {prod(lengths.values()):,} cells: {told}"
        hint = "choose a part that is a grid by where=, or use read_trials"
        raise ConfigError.of(WHERE, "have trials that make a grid", got=got, hint=hint)
    places = tuple(_places(trials[name], values) for name, values in labels.items())
    flat = np.ravel_multi_index(places, tuple(lengths.values()))
    twice = pd.Series(flat).duplicated()
    if twice.any():
        row = trials.iloc[int(np.flatnonzero(twice)[0])]
        cell = ", ".join(f"{name}={format_value(row[name])}" for name in labels)
        hint = "choose by where= those of one data set or sweep"
        raise ConfigError.of(WHERE, "have one trial a cell", got=f"several at {cell}", hint=hint)
    return places


def _places(values: "pd.Series[Any]", labels: np.ndarray) -> np.ndarray:
    known = {label: place for place, label in enumerate(labels.tolist())}
    last = len(labels) - 1
    return np.array([last if pd.isna(value) else known[value] for value in values.tolist()])


def _filled(
    values: "pd.Series[Any]", cells: tuple[np.ndarray, ...], shape: tuple[int, ...]
) -> np.ndarray:
    """Return a column laid out in the cells; what is missing, or in no trial, is NaN or None."""
    is_full = prod(shape) == len(values) and not values.isna().any()
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        plain = values.to_numpy() if is_full else _floats(values)
        array = np.full(shape, np.nan) if not is_full else np.empty(shape, plain.dtype)
    else:
        plain = values.astype(object).where(values.notna(), None).to_numpy()
        array = np.full(shape, None, dtype=object)
    array[cells] = plain
    return array


def _along(trials: pd.DataFrame, name: str, axis: str, labels: np.ndarray) -> np.ndarray:
    """Return the values of an axis that follows from another, one for each label of that."""
    places = _places(trials[axis], labels)
    first = pd.Series(np.arange(len(trials))).groupby(places).first()
    values = trials[name].iloc[first.to_numpy()]
    if values.isna().any() and pd.api.types.is_numeric_dtype(values.dtype):
        return _floats(values)
    return np.asarray(values.to_numpy())


def _floats(values: "pd.Series[Any]") -> np.ndarray:
    return np.array([np.nan if pd.isna(value) else float(value) for value in values.tolist()])


def _meaning(name: str) -> dict[str, str]:
    return {"long_name": SCHEMAS[TableName.TRIALS].field(name).metadata[b"doc"].decode()}


def _attributes(
    trials: pd.DataFrame, varying: Sequence[str], labels: dict[str, np.ndarray], share: float
) -> dict[str, object]:
    """Return what is the same in all trials, and what is to be known of the cells."""
    same = [name for name in PARAMETERS if name in trials.columns and name not in varying]
    told: dict[str, object] = {
        name: trials[name].iloc[0]
        for name in same
        if trials[name].notna().all() and trials[name].nunique() == 1
    }
    conditional = [name for name in labels if trials[name].isna().any()]
    if conditional:
        told["conditional"] = (
            f"{', '.join(conditional)}: of some trials only; the others are at the label NaN or "
            "'none'"
        )
    if share < 1:
        told["empty_cells"] = f"{1 - share:.3g} of the cells have no trial: NaN, or None for texts"
    return told
