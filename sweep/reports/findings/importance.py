"""Finds which hyperparameters matter, and says where the grid cannot tell."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from sweep.printable import counted
from sweep.reports.axes import MOST_LEVELS, axes_of
from sweep.reports.findings.finding import Figure, Finding, Kind, Mark
from sweep.reports.findings.losses import DATA, Losses
from sweep.reports.findings.subject import Subject
from sweep.reports.findings.words import listed
from sweep.reports.objective import objective_name
from sweep.reports.statistics.forest import FEWEST_CELLS, MOST_CELLS, decompose_by_forest
from sweep.reports.statistics.importance import (
    Cells,
    Importances,
    Method,
    decompose_alone,
    decompose_grid,
    is_full,
)
from sweep.reports.statistics.intervals import Estimate, corrected, describe_level, format_estimate

FORM = ".0%"
SEED = 0
"""Of what is drawn for intervals: the same table gives the same report."""
MOST_NAMED, MOST_TOLD, MOST_BRIEF = 4, 6, 2
"""Axes in a title, in a text and in a brief sentence."""
LEAST_NAMED = 0.05
"""Share of an axis that a title names."""
UNSURE = "Too few settings to tell what matters"
FEWEST_SURE = 100
"""Settings of a forest below which it is said that they are too few, where it shows nothing."""
FEWEST_FREE = 4
MOSTLY = 0.5
"""Of an axis' share by itself, below which it is said to act with others."""
CELLS_PER_AXIS = 10
"""Settings that a forest wants, where each axis could also be taken by itself."""
MOST_PAIRS = 3
TOGETHER = 0.8
"""Association of two axes (Cramér's V) from which on they are said to change together."""
FEWEST_EXPLAINED = 0.3
"""Of the differences between settings, below which a forest is said to know little."""
HOW = {
    Method.EXACT: "Shares are exact for the means of all {cells:,} settings of the full grid, "
    "corrected for what seeds add",
    Method.ADDITIVE: "Each of the {cells:,} settings was trained once: shares are of axes by "
    "themselves, and what does not add up stands for the seeds",
    Method.FOREST: "Shares are by permutation for settings that a random forest has not seen, of "
    "{cells:,}",
    Method.ALONE: "Shares are of each axis by itself, over {cells:,} settings",
}


def find_importance(subject: Subject) -> list[Finding]:
    """Return what makes the variance of the log of the loss."""
    losses = subject.losses
    loss = objective_name(subject.trials)
    if not losses.names:
        return []
    if not len(losses.values) or not losses.values.var():
        return []
    found = _decompose(losses)
    if found is None or np.isnan([share.value for share in found.shares]).all():
        return [_untold(losses)]
    order = np.argsort([-share.value for share in found.shares], kind="stable")
    named = [(losses.names[i], found.shares[i], found.alone[i]) for i in order]
    shown = [item for item in named if item[1].sign > 0]
    warnings = _warnings(subject, losses, found, any_shown=bool(shown))
    return [
        Finding(
            "importance",
            _title(shown, found),
            " ".join([_shares(named, shown, found, len(losses.values), loss), *warnings]),
            _figure(named, found, loss),
            warning=bool(warnings),
            brief=_brief(shown, found, loss),
            how=" ".join([*_how(found), *_told_of(losses), describe_level(len(named))]),
        )
    ]


def _how(found: Importances) -> list[str]:
    """Say how shares were found."""
    how = HOW[found.method].format(cells=found.cells)
    if found.method is Method.FOREST and found.cells > MOST_CELLS:
        how += f", {MOST_CELLS:,} of them drawn at random"
    whole = found.method in (Method.EXACT, Method.FOREST)
    return [f"{how}.", *(["An axis counts with all its interactions."] if whole else [])]


def _decompose(losses: Losses) -> Importances | None:
    """Return the shares by the best method that the table allows; None where there is none."""
    cells, rng = losses.cells(), np.random.default_rng(SEED)
    level = corrected(len(losses.names))
    drawn = any(len(levels) > MOST_LEVELS for levels in losses.levels)
    if is_full(cells) and not (drawn and cells.free < FEWEST_FREE and len(losses.names) == 1):
        return decompose_grid(cells, rng, level)  # but an axis alone that each trial has its own of
    alone = cells.free >= FEWEST_FREE and not drawn  # of what was drawn each setting has its own
    enough = CELLS_PER_AXIS * len(losses.names) if alone else 0
    if len(cells.means) >= max(FEWEST_CELLS, enough):
        found = decompose_by_forest(cells, losses.features(cells), rng, level)
        if any(share.sign > 0 for share in found.shares) or not alone:
            return found
    return decompose_alone(cells, rng, level) if alone else None


def _untold(losses: Losses) -> Finding:
    text = (
        f"{len(losses.values):,} trials that vary in {listed(losses.names)} are too few to tell "
        "what they make of the loss from what seeds do: `replicates: 5` in the grid, or more."
    )
    title = "Too few trials to tell what matters"
    return Finding("importance", title, text, warning=True, brief=f"{title}.")


Named = tuple[str, Estimate, float]


def _title(shown: Sequence[Named], found: Importances) -> str:
    if not shown:
        unsure = found.method is Method.FOREST and found.cells < FEWEST_SURE
        return UNSURE if unsure else "No hyperparameter is shown to matter"
    telling = [name for name, share, _ in shown if share.value >= LEAST_NAMED][:MOST_NAMED]
    what = "What may matter" if found.method is Method.ALONE else "What matters"
    return f"{what}: {listed(telling or [shown[0][0]])}"


def _shares(
    named: Sequence[Named], shown: Sequence[Named], found: Importances, trials: int, loss: str
) -> str:
    """Say what each axis makes of the variance, and what seeds do."""
    seeds = found.seeds
    what = f"the variance of log10 of the {loss} ({trials:,} trials)"
    noise = "what does not add up" if found.method is Method.ADDITIVE else "seeds"
    tail = f"; {noise} make{'s' * (found.method is Method.ADDITIVE)} {seeds:{FORM}}"
    tail = "" if np.isnan(seeds) else tail
    if not shown:
        most = ", ".join(f"{name} {_interval(share)}" for name, share, _ in named[:MOST_NAMED])
        return f"Of {what} no axis is shown to make any: {most}{tail}."
    told = [f"{name} {_interval(share)}" for name, share, _ in shown[:MOST_TOLD]]
    told[0] = f"{shown[0][0]} makes {_interval(shown[0][1])}"
    if more := len(shown) - len(told):
        told.append(f"{more} more axes less each")
    sentences = [f"Of {what} {listed(told)}{tail}."]
    if weak := [n for n, share, _ in shown if share.value < seeds and seeds == seeds]:
        few = listed(weak) if len(weak) <= MOST_TOLD else f"{len(weak)} of them"
        sentences.append(f"{few} matter{'s' * (len(weak) == 1)} less than the seed does.")
    with_others = [
        f"{name} by itself {alone:{FORM}}"
        for name, share, alone in shown
        if alone < MOSTLY * share.value
    ]
    if with_others:
        sentences.append(f"Mostly together with others: {', '.join(with_others)}.")
    if others := [name for name, share, _ in named if share.sign <= 0]:
        sentences.append(f"Not shown to matter: {listed(others)}.")
    return " ".join(sentences)


def _told_of(losses: Losses) -> list[str]:
    """Say which trials are not as they are."""
    told = []
    if losses.floored:
        what = counted(losses.floored, "loss of 0 or below counts", "losses of 0 or below count")
        told.append(f"The {what} as the least above 0.")
    if losses.worst:
        what = counted(losses.worst, "trial that diverged counts", "trials that diverged count")
        told.append(f"The {what} as the worst that did not.")
    if losses.left_out:
        what = counted(
            losses.left_out, "trial without a final loss is", "trials without a final loss are"
        )
        told.append(f"{what} left out.")
    return told


def _warnings(
    subject: Subject, losses: Losses, found: Importances, *, any_shown: bool
) -> list[str]:
    """Return why the grid cannot tell all, a sentence each."""
    warnings = []
    untold = [name for name in losses.untold if name != DATA]
    if untold:
        warnings.append(
            f"What {listed(untold)} does cannot be told: it changes only with the data or the "
            "loss function, and losses of different ones do not compare."
        )
    for name, others in _aliases(subject, losses).items():
        warnings.append(
            f"{name} changes together with {listed(others)}: which of them it is cannot be told."
        )
    if found.method is Method.ADDITIVE:
        warnings.append(
            "Without repeated seeds chance and interactions look alike: `replicates: 5` tells them "
            "apart."
        )
    if found.method is Method.ALONE:
        warnings.append(
            f"The {found.cells:,} settings are no full grid and too few for a model of one: what "
            "is said of an axis is also of what changed with it."
        )
    if found.method is Method.FOREST:
        warnings += [
            f"{first} and {second} hardly vary apart: which of them it is can hardly be told."
            for first, second in _together(losses)[:MOST_PAIRS]
        ]
        if found.explained < FEWEST_EXPLAINED:
            warnings.append(
                f"The forest explains {found.explained:.0%} of the differences between settings "
                "that it has not seen: shares are rough and too low."
            )
    return warnings


def _aliases(subject: Subject, losses: Losses) -> dict[str, list[str]]:
    """Return what varies exactly as one of the axes does, by the axis."""
    found: dict[str, list[str]] = {}
    others = [axis.name for axis in axes_of(losses.trials) if axis.name not in subject.factors]
    for other in others:
        codes = pd.factorize(losses.trials[other])[0]
        for place, name in enumerate(losses.names):
            if other.startswith(f"{name}_") or name.startswith(f"{other}_"):
                continue
            pairs = len(np.unique(losses.codes[:, place] * (codes.max() + 2) + codes))
            if pairs == len(np.unique(losses.codes[:, place])):
                found.setdefault(name, []).append(other)
                break
    return found


def _together(losses: Losses) -> list[tuple[str, str]]:
    """Return the pairs of axes that vary together in nearly all settings."""
    cells = losses.cells()
    few = [i for i, levels in enumerate(losses.levels) if len(levels) <= MOST_LEVELS]
    return [
        (losses.names[i], losses.names[j])
        for i, j in combinations(few, 2)
        if not losses.names[j].startswith(f"{losses.names[i]}_")
        and _association(cells, i, j) >= TOGETHER
    ]


def _association(cells: Cells, first: int, second: int) -> float:
    """Return Cramér's V of two axes over the settings, 0 to 1."""
    table = pd.crosstab(cells.codes[:, first], cells.codes[:, second]).to_numpy(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    least = min(table.shape) - 1
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (table.sum() * least)))


def _figure(named: Sequence[Named], found: Importances, loss: str) -> Figure:
    marks = [
        Mark(name, share.value, share.low, share.high, f"{share.value:{FORM}}", share.sign > 0)
        for name, share, _ in named
    ]
    noise = "what does not add up" if found.method is Method.ADDITIVE else "seeds"
    return Figure(
        Kind.BARS,
        f"Share of the variance of log10 of the {loss} that each axis makes, with intervals",
        marks,
        quantity="share of the variance",
        least=0.0,
        most=1.0,
        reference=found.seeds,
        reference_label=noise,
    )


def _brief(shown: Sequence[Named], found: Importances, loss: str) -> str:
    if not shown:
        return f"{_title(shown, found)}."
    told = [f"{name} ({share.value:{FORM}})" for name, share, _ in shown[:MOST_BRIEF]]
    name, share, _ = shown[0]
    told[0] = f"{name} ({share.value:{FORM}} of the variance of its log)"
    how = "goes most with" if found.method is Method.ALONE else "depends most on"
    return f"The {loss} {how} {listed(told)}."


def _interval(share: Estimate) -> str:
    return format_estimate(share, FORM)
