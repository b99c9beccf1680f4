"""Finds how trials ended, what went wrong in them, and with which values it did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.axes import Axis, axes_of
from sweep.reports.false_convergence import COLUMN
from sweep.reports.findings.finding import Figure, Finding, Kind, Mark
from sweep.reports.findings.subject import Subject
from sweep.reports.population import CENSORED, has_converged, has_rule
from sweep.reports.statistics.intervals import (
    Estimate,
    Share,
    corrected,
    describe_level,
    difference_of_shares,
)
from sweep.trial import Status, StopReason

SYMMETRIC = 1e-6
"""Distance between two hidden units below which a trial ends symmetric."""
LEAST_DIFFERENCE = 0.05
"""Of shares, below which a value is not said to go with what went wrong."""
LEAST_BRIEF = 0.05
"""Share of trials below which what went wrong is not told in brief."""


@dataclass(frozen=True)
class Trouble:
    """What may go wrong in a trial.

    Attributes:
        name: of its finding. title: of what is wrong. did: what trials that have it do.
        why: a sentence on what it means.
    """

    name: str
    title: str
    did: str
    why: str


UNMET = Trouble(
    "unmet",
    "Trials that reached a limit before their rule",
    "reached a limit before their rule was met",
    "They are censored: more training may still lower their loss.",
)
DIVERGED = Trouble("diverged", "Trials that diverged", "diverged", "")
FAILED = Trouble("failed", "Trials that failed", "failed", "They count in no other number here.")
FALSELY = Trouble(
    "false-convergence",
    "False convergence",
    "met their rule on a plateau",
    "The same setting with another seed, or trained longer, came to less than a tenth of the loss.",
)
STUCK = Trouble(
    "dead-outputs",
    "Outputs stuck at 0",
    "have an output that is 0 for every sample although its target is not",
    "",
)
DEAD = Trouble(
    "dead-units", "Dead units", "have a hidden unit whose slope is 0 for every sample", ""
)
ALIKE = Trouble(
    "symmetry",
    "Symmetric endings",
    "ended with two hidden units alike",
    "Equal units get equal gradients and stay equal: they count as one.",
)


@dataclass(frozen=True)
class Culprit:
    """The level of an axis with which something goes best, of all levels of all axes.

    Attributes:
        axis: its axis. level: the level. there, elsewhere: how many trials did it.
        compared: levels that were compared.
    """

    axis: Axis
    level: str
    there: Share
    elsewhere: Share
    compared: int


def find_endings(subject: Subject) -> list[Finding]:
    """Return how trials ended, and a finding for each thing that went wrong in some."""
    trials, axes = subject.trials, subject.axes
    ended = _how_ended(subject)
    pruned = trials["status"] == Status.PRUNED  # no limit of its own was in reach
    unmet = trials["stop_reason"].isin(CENSORED)[has_rule(trials) & ~pruned]
    return [
        *ended,
        *_failures(subject),
        *_trouble(DIVERGED, trials["status"] == Status.DIVERGED, axes),
        *_trouble(UNMET, unmet, axes),
        *_trouble(FALSELY, _falsely(trials), axes),
        *_trouble(STUCK, _above(trials, "zero_outputs"), axes),
        *_trouble(DEAD, _above(trials, "dead_units"), axes, warning=False),
        *_trouble(ALIKE, _symmetric(trials), axes),
    ]


def find_culprit(held: "pd.Series[bool]", axes: Sequence[Axis]) -> Culprit | None:
    """Return the level that something is shown to go with best; None where none is shown.

    It is that with the greatest correlation of the two: a frequent one rather than a rare one.

    The share at each level is compared with that at all others of its axis, by intervals that hold
    for all levels of all axes together.

    Args:
        held: whether it holds, of each trial that was judged.
        axes: what varies.
    """
    places = {axis.name: axis.levels.loc[held.index].cat for axis in axes}
    counts = {
        name: (
            np.bincount(levels.codes, minlength=len(levels.categories)),
            np.bincount(levels.codes[held.to_numpy()], minlength=len(levels.categories)),
        )
        for name, levels in places.items()
    }
    compared = sum(int((totals > 0).sum()) for totals, _ in counts.values())
    level = corrected(compared)
    found: list[tuple[float, Culprit]] = []
    for axis in axes:
        totals, done = counts[axis.name]
        for place, name in enumerate(places[axis.name].categories):
            there = Share(int(done[place]), int(totals[place]))
            elsewhere = Share(int(done.sum()) - there.count, int(totals.sum()) - there.total)
            if not there or not elsewhere:
                continue
            more = difference_of_shares(there, elsewhere, level)
            if more.sign > 0 and more.value > LEAST_DIFFERENCE:
                size = there.total / len(held)
                told = more.value * np.sqrt(size * (1 - size))
                found.append((told, Culprit(axis, str(name), there, elsewhere, compared)))
    return max(found, key=lambda item: item[0])[1] if found else None


def _trouble(
    trouble: Trouble, held: "pd.Series[bool]", axes: Sequence[Axis], *, warning: bool = True
) -> list[Finding]:
    """Return what is to be said of something that went wrong; nothing where it nowhere did."""
    share = Share.of(held)
    if not share or not share.count:
        return []
    text = [f"{share} {trouble.did}.", trouble.why]
    culprit = None if share.count == share.total else find_culprit(held, axes)
    if share.count == share.total:
        text.append("As all did, no value is to blame.")
    elif culprit:
        text.append(
            f"More often with {culprit.axis.name} {culprit.level}: {culprit.there}, against "
            f"{culprit.elsewhere} elsewhere."
        )
    elif axes:
        text.append("That is not shown to go with any value of what varies.")
    brief = f"{share.count:,} of {share.total:,} trials {trouble.did}"
    brief += f", more often with {culprit.axis.name} {culprit.level}." if culprit else "."
    brief = brief if share.count >= LEAST_BRIEF * share.total else ""
    figure = _by_level(trouble, held, culprit.axis) if culprit else None
    told = " ".join(filter(None, text))
    how = describe_level(culprit.compared) if culprit else ""
    return [
        Finding(trouble.name, trouble.title, told, figure, warning=warning, brief=brief, how=how)
    ]


def _by_level(trouble: Trouble, held: "pd.Series[bool]", axis: Axis) -> Figure:
    levels = axis.levels.loc[held.index]
    shares = [(str(level), Share.of(held[levels == level])) for level in axis.order]
    known = [(level, share) for level, share in shares if share]
    most = max(share.count / share.total for _, share in known)
    marks = [
        _mark(f"{axis.name} {level}", share, strong=share.count == most * share.total)
        for level, share in known
    ]
    return _shares(f"Share of trials that {trouble.did}, by {axis.name}", marks)


def _how_ended(subject: Subject) -> list[Finding]:
    """Return the shares of the endings; nothing where all ended alike, by a rule or as asked."""
    trials = subject.trials
    reasons, pruned = trials["stop_reason"], trials["status"] == Status.PRUNED
    endings = {
        "met their rule": has_converged(trials),
        "trained the epochs asked for": reasons == StopReason.EPOCHS,
        "reached a limit first": reasons.isin(CENSORED) & ~pruned,
        "were pruned": pruned,
        "diverged": trials["status"] == Status.DIVERGED,
    }
    total = len(trials) + len(subject.population.failed)
    counts = {name: int(held.sum()) for name, held in endings.items()}
    counts["failed"] = len(subject.population.failed)
    shares = {name: Share(count, total) for name, count in counts.items() if count}
    if len(shares) < 2:
        return []
    text = f"Of {total:,} trials {', '.join(f'{s.count:,} {name}' for name, s in shares.items())}."
    marks = [_mark(name, share) for name, share in shares.items()]
    figure = _shares("How trials ended, with intervals of 95%", marks)
    return [Finding("endings", "How trials ended", text, figure)]


def _failures(subject: Subject) -> list[Finding]:
    failed = subject.population.failed
    if failed.empty:
        return []
    every = pd.concat([subject.trials, failed])
    held = pd.Series(np.arange(len(every)) >= len(subject.trials))
    return _trouble(FAILED, held, axes_of(every.reset_index(drop=True)))


def _falsely(trials: pd.DataFrame) -> "pd.Series[bool]":
    converged = trials["stop_reason"] == StopReason.CONVERGED
    return trials[COLUMN][converged].astype(bool)


def _above(trials: pd.DataFrame, column: str) -> "pd.Series[bool]":
    """Return which trials have more than 0 of something, of those that were looked at."""
    known = trials[column].dropna() if column in trials.columns else pd.Series(dtype="float64")
    return known.astype("float64") > 0


def _symmetric(trials: pd.DataFrame) -> "pd.Series[bool]":
    if "unit_distance" not in trials.columns:
        return pd.Series(dtype=bool)
    return trials["unit_distance"].dropna().astype("float64") < SYMMETRIC


def _mark(label: str, share: Share, *, strong: bool = False) -> Mark:
    found: Estimate = share.estimate
    return Mark(label, found.value, found.low, found.high, f"{found.value:.0%}", strong)


def _shares(title: str, marks: Sequence[Mark]) -> Figure:
    return Figure(Kind.BARS, title, marks, quantity="share of trials", least=0.0, most=1.0)
