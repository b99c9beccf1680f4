"""Finds what varies among trials, and summarises them by its levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweep.components.columns import option_columns
from sweep.components.registry import FAMILIES
from sweep.errors import ConfigError, Fault, nearest
from sweep.reports.objective import losses_of
from sweep.reports.population import has_converged, has_ended, has_rule
from sweep.trial import PARAMETERS, REPEATS

MOST_LEVELS = 12
BINS = 4
QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
UNTELLING = frozenset({"data_fingerprint"})
"""Parameters that vary only with another that says it better."""
MOST_BY = 2
"""Axes that a reader can ask to see."""


@dataclass(frozen=True)
class Axis:
    """A hyperparameter that varies.

    Attributes:
        name: its column.
        levels: for each trial its level, a category: its value, or a range where there are many.
        order: the levels, ascending.
    """

    name: str
    levels: "pd.Series[Any]"
    order: list[str]


def varying_parameters(trials: pd.DataFrame) -> list[str]:
    """Return the parameters that are not the same in every trial, in the order of `Trial`.

    Options of a parameter come as the components among the trials declare them: components that
    no trial has change no report.
    """
    known = [name for name in PARAMETERS if name in trials.columns and name not in UNTELLING]
    varying = [name for name in known if varies(trials[name])]
    places = {name: (place, 0) for place, name in enumerate(PARAMETERS)}
    for family in FAMILIES:
        first, _ = min((places[column.name] for column in option_columns(family)), default=(0, 0))
        used = option_columns(family, _values_of(trials, family))
        places |= {column.name: (first, rank) for rank, column in enumerate(used)}
    return sorted(varying, key=places.__getitem__)


def telling_parameters(trials: pd.DataFrame) -> list[str]:
    """Return the parameters that vary, but for what follows from others.

    An option that has one value wherever it applies follows from what it is an option of.
    """
    varying = varying_parameters(trials)
    return [name for name in varying if not _follows(trials, name, varying)]


def axes_of(trials: pd.DataFrame) -> list[Axis]:
    """Return what varies among the trials but for repeats, each with its levels."""
    return [_axis(trials, name) for name in telling_parameters(trials) if name not in REPEATS]


def find_axes(axes: Sequence[Axis], names: Sequence[str]) -> list[Axis]:
    """Return the axes of these names.

    Raises:
        ConfigError: if a name is no axis, or there are more than two.
    """
    known = {axis.name: axis for axis in axes}
    must = f"name what varies ({', '.join(known)})" if known else "be left out: nothing varies"
    faults = [
        Fault(where="--by", key="", must=must, got=repr(name), hint=nearest(name, list(known)))
        for name in names
        if name not in known
    ]
    if len(names) > MOST_BY:
        must = "be given twice at most"
        faults.append(Fault(where="--by", key="", must=must, got=f"{len(names)}"))
    if faults:
        raise ConfigError(faults)
    return [known[name] for name in names]


def summarise(trials: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    """Return one row a level: trials, share converged, quartiles of the epochs taken and of losses.

    Those of epochs and losses are of the trials that did not diverge; of losses those of
    `final_loss`, and of `validation_loss` where there is one.
    """
    ended = has_ended(trials)
    losses = {name: trials[name].astype("float64").where(ended) for name in losses_of(trials)}
    level = axis.levels.loc[trials.index]
    met = has_converged(trials)[has_rule(trials)]
    columns = {"trials": level.value_counts(), "converged": met.groupby(level).mean()}
    for name, values in {"epochs": epochs_taken(trials), **losses}.items():
        known = values.where(np.isfinite(values)).groupby(level)
        columns |= {f"{name}_{which}": known.quantile(q) for which, q in QUARTILES.items()}
    return pd.DataFrame(columns).reindex(axis.order).rename_axis(axis.name).reset_index()


def epochs_taken(trials: pd.DataFrame) -> "pd.Series[float]":
    """Return the epochs that trials took by a rule or limit; nan where they were asked for."""
    return trials["epochs"].astype("float64").where(has_ended(trials) & has_rule(trials))


def _follows(trials: pd.DataFrame, name: str, varying: Sequence[str]) -> bool:
    is_option = any(name.startswith(f"{other}_") for other in varying)
    return is_option and bool(trials[name].isna().any()) and trials[name].nunique() < 2


def _axis(trials: pd.DataFrame, name: str) -> Axis:
    values = trials[name]
    if values.nunique() > MOST_LEVELS and pd.api.types.is_numeric_dtype(values.dtype):
        binned = pd.qcut(values.astype("float64"), BINS, duplicates="drop")
        binned = binned.cat.remove_unused_categories()
        places, order = binned.cat.codes.to_numpy(), list(map(_range_text, binned.cat.categories))
    else:
        places, known = pd.factorize(values, sort=True)
        order = list(map(level_of, known))
    order += ["none"] if (places < 0).any() else []
    texts = list(dict.fromkeys(order))  # numbers may be alike in so many digits
    numbers = np.array([texts.index(text) for text in order], np.int64)
    codes = numbers[places]  # missing values have place -1: the last, none
    levels: Any = pd.Categorical.from_codes(codes, pd.Index(texts, dtype=str))
    return Axis(name, pd.Series(levels, trials.index), texts)


def level_of(value: object) -> str:
    """Return the level of a value that is known, where each value is a level of its own."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _values_of(trials: pd.DataFrame, name: str) -> set[str]:
    """Return the values of a column of text, if it is there."""
    return set(trials[name].unique()) if name in trials.columns else set()


def varies(values: "pd.Series[Any]") -> bool:
    """Return whether any value is not as the first, a missing one being like another."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy()
        return bool((codes != codes[:1]).any())
    missing = values.isna().to_numpy()
    if missing.any():
        return not missing.all()
    plain = values.to_numpy()
    return bool((plain != plain[:1]).any())


def _range_text(interval: "pd.Interval[float]") -> str:
    return f"{interval.left:.3g} to {interval.right:.3g}"
