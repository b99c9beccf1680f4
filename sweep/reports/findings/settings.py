"""Finds the best settings over their seeds, and which others may be as good."""

from collections.abc import Sequence
from itertools import starmap
from typing import Any

import numpy as np
import pandas as pd

from sweep.printable import counted
from sweep.reports.findings.finding import Figure, Finding, Kind, Mark
from sweep.reports.findings.subject import Subject
from sweep.reports.groups import setting_label
from sweep.reports.objective import are_comparable, objective_name, objective_of, ranked
from sweep.reports.settings import with_intervals
from sweep.reports.statistics.intervals import Estimate, corrected, format_estimate
from sweep.reports.statistics.orders import ratio_of_medians

MOST_SHOWN = 10
MOST_COMPARED = 500
"""Settings that are compared with the best, those of the least median losses."""
HOW = "The best of many settings looks better than it is: to be sure, train it with new seeds."
REPRESENTABLE = (1e-300, 1e300)
"""Losses that have logarithms: others, as of a trial that diverged, count as these."""
FORM = ".4g"


def find_settings(subject: Subject) -> list[Finding]:
    """Return the best setting; the best trial, where no setting has two."""
    if not subject.factors:
        return []
    if not subject.repeats:
        return _best_trials(subject)
    settings = subject.settings
    if settings.empty or not np.isfinite(settings["median"].iloc[0]):
        return []
    loss = objective_name(subject.trials)
    shown = with_intervals(settings.head(MOST_SHOWN))
    labels = _labels(shown, subject.factors)
    marks = [
        Mark(label, found.value, found.low, found.high, f"{found.value:{FORM}}", not place)
        for place, (label, found) in enumerate(zip(labels, _estimates(shown), strict=True))
    ]
    estimate, count = next(iter(_estimates(shown))), int(settings["trials"].iloc[0])
    best, told = format_estimate(estimate, FORM), _told(settings.iloc[0], subject.factors)
    text = (
        f"Of {counted(len(settings), 'setting')} the least median {loss} is that of {told}, over "
        f"{counted(count, 'seed')}: {best}. {_rivals(settings)}"
    ).rstrip()
    figure = Figure(
        Kind.INTERVALS,
        f"Median {loss} of the best settings over their seeds"
        + (", with exact intervals of 95%" if np.isfinite(estimate.low) else ""),
        marks,
        quantity=loss,
        log=_spans_decades(marks),
    )
    title = "The best setting over its seeds"
    brief = f"Best setting: {told}, median {loss} {best}."
    how = HOW + _unlike(subject.trials)
    return [Finding("settings", title, text, figure, brief=brief, how=how)]


def _best_trials(subject: Subject) -> list[Finding]:
    best = ranked(subject.trials).head(MOST_SHOWN)
    if best.empty:
        return []
    loss = objective_name(subject.trials)
    losses = objective_of(subject.trials).loc[best.index]
    labels = _labels(best, subject.factors)
    marks = [
        Mark(label, float(value), text=f"{value:{FORM}}", strong=not place)
        for place, (label, value) in enumerate(zip(labels, losses, strict=True))
    ]
    told = _told(best.iloc[0], subject.factors)
    text = (
        f"The least {loss}, {marks[0].text}, is that of {told}. Each setting was trained with one "
        "seed, so that another seed may change the order: `replicates: 6` in the grid gives "
        f"medians and intervals.{_unlike(subject.trials)}"
    )
    title = f"{loss.capitalize()} of the best trials, one seed each"
    figure = Figure(Kind.DOTS, title, marks, quantity=loss, log=_spans_decades(marks))
    brief = f"Least {loss}: {marks[0].text}, {told}."
    return [Finding("settings", "The best trial", text, figure, warning=True, brief=brief)]


def _rivals(settings: pd.DataFrame) -> str:
    """Say how many settings are not shown to be worse than the first.

    Each pair could have been compared, as the first was chosen among all.
    """
    count = len(settings)
    if count < 2:
        return ""
    pairs = count * (count - 1) // 2
    level = corrected(pairs)
    best = settings["losses"].iloc[0]
    most = settings["trials"].max()
    if not np.isfinite(_ratio(best, best, level).low):
        return (
            f"With {counted(len(best), 'seed')} of it, and {most:,} of others at most, no "
            f"difference between any two of {count:,} settings can be shown."
        )
    others = settings["losses"].iloc[1 : 1 + MOST_COMPARED]
    near = sum(not _is_worse(losses, best, level) for losses in others)
    among = "others" if len(others) == count - 1 else f"the next {len(others):,}"
    worse = (
        f"All {among} are shown to be worse"
        if not near
        else (
            f"{near:,} of the {len(others):,} {'others' if among == 'others' else 'next'} "
            f"{'is' if near == 1 else 'are'} not shown to be worse"
        )
    )
    return f"{worse}, by intervals that hold for all {pairs:,} pairs of settings together."


def _is_worse(losses: np.ndarray, best: np.ndarray, level: float) -> bool:
    return _ratio(losses, best, level).map(np.log).sign > 0


def _ratio(losses: np.ndarray, best: np.ndarray, level: float) -> Estimate:
    known, others = (np.clip(values, *REPRESENTABLE) for values in (losses, best))
    return ratio_of_medians(known, others, level)


def _estimates(settings: pd.DataFrame) -> list[Estimate]:
    return list(starmap(Estimate, settings[["median", "low", "high"]].itertuples(index=False)))


def _labels(rows: pd.DataFrame, factors: Sequence[str]) -> list[str]:
    """Return what each row has of what differs among them."""
    differing = [name for name in factors if rows[name].nunique(dropna=False) > 1]
    return [_told(row, differing or factors) for _, row in rows.iterrows()]


def _told(row: "pd.Series[Any]", factors: Sequence[str]) -> str:
    return setting_label(factors, tuple(map(_plain, row[list(factors)])))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _spans_decades(marks: Sequence[Mark]) -> bool:
    values = [mark.value for mark in marks]
    return min(values) > 0 and max(values) > 10 * min(values)


def _unlike(trials: pd.DataFrame) -> str:
    told = " Losses of different data, or loss functions, do not compare."
    return "" if are_comparable(trials) else told
