"""Pairs the trials of two sweeps by their settings and seeds."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweep.errors import ConfigError
from sweep.reports.compare.differences import describe_levels
from sweep.reports.compare.sides import Side
from sweep.reports.groups import factors_of
from sweep.reports.objective import objective_name, objective_of
from sweep.reports.population import has_converged, has_rule
from sweep.trial import PARAMETERS, REPEATS, SAME_LOSS, SEED, SPLIT, Status

DATA = "data_fingerprint"
SETTING, LOSS = "setting", "compared_loss"
CONVERGED, DIVERGED, JUDGED = "has_converged", "has_diverged", "is_judged"


@dataclass(frozen=True)
class Pairing:
    """Two sweeps whose trials are paired where nothing else differs.

    Attributes:
        first, second: the sweeps.
        apart: what has one value in each sweep, and not the same: what is compared.
        shared: what trials must have in common to be paired, beside repeats, and that varies.
        repeats: what trials of one setting are paired by, such as the seed.
        left, right: the trials of the pairs, one row a pair: `setting`, what is shared, what
            repeats, and what they came to: `loss` (infinite where it diverged), `epochs`,
            `seconds`, `converged`, `diverged`, and whether there was a rule to be met, `judged`.
        unpaired: how many trials of each sweep have no counterpart.
        cells: the trials of settings that are in both sweeps, whatever their seeds, likewise.
        same: how many pairs are one trial that both sweeps hold. alike: how many came to the very
            same loss after as many epochs.
        loss_name: what to call the loss; empty where the two losses do not compare.
        why_not: why nothing pairs; empty where anything does.
    """

    first: Side
    second: Side
    apart: tuple[str, ...]
    shared: tuple[str, ...]
    repeats: tuple[str, ...]
    left: pd.DataFrame
    right: pd.DataFrame
    unpaired: tuple[int, int]
    cells: tuple[pd.DataFrame, pd.DataFrame]
    same: int
    alike: int
    loss_name: str
    why_not: str

    @property
    def settings(self) -> int:
        """How many settings the pairs are of."""
        return int(self.left[SETTING].nunique())

    @property
    def seeds(self) -> int:
        """How many seeds the pairs are of."""
        return len(self.left[list(self.repeats)].drop_duplicates())

    def __len__(self) -> int:
        return len(self.left)


def pair(first: Side, second: Side, across: Collection[str] = ()) -> Pairing:
    """Pair the trials of two sweeps.

    What has one value in each sweep, and another in the other, is what is compared; trials pair
    that are alike in everything else, the seed among it.

    Args:
        first: one sweep.
        second: the other.
        across: parameters in which paired trials may differ although they vary in a sweep.

    Raises:
        ConfigError: trials of one sweep differ in nothing but these.
    """
    differing = {name for name in PARAMETERS if _is_apart(first, second, name)}
    apart = tuple(name for name in PARAMETERS if name in differing.union(across))
    keys = [name for name in _varying(first, second) if name not in apart]
    both = pd.concat(
        [_with_keys(side, keys).assign(side=place) for place, side in enumerate((first, second))],
        ignore_index=True,
    )
    repeats = _repeats(keys)
    settings = [name for name in keys if name not in repeats]
    both[SETTING] = both.groupby(settings, dropna=False).ngroup() if settings else 0
    both = _with_outcomes(both)
    sides = [both[both["side"] == place] for place in (0, 1)]
    left, right = (side.set_index([SETTING, *repeats], drop=False) for side in sides)
    for side, rows in ((first, left), (second, right)):
        if not rows.index.is_unique:
            must = f"leave trials of {side.called} apart from each other"
            raise ConfigError.of("--across", must, got=", ".join(across))
    common = left.index.intersection(right.index)
    left, right = (side.loc[common].reset_index(drop=True) for side in (left, right))
    in_both = set(sides[0][SETTING]) & set(sides[1][SETTING])
    compares = not set(apart) & set(SAME_LOSS)
    return Pairing(
        first,
        second,
        apart=apart,
        shared=tuple(name for name in settings if name in factors_of(both)),
        repeats=repeats,
        left=left,
        right=right,
        unpaired=(len(sides[0]) - len(left), len(sides[1]) - len(right)),
        cells=(
            sides[0][sides[0][SETTING].isin(in_both)],
            sides[1][sides[1][SETTING].isin(in_both)],
        ),
        same=int((left["trial_id"] == right["trial_id"]).sum()),
        alike=int(((left[LOSS] == right[LOSS]) & (left["epochs"] == right["epochs"])).sum()),
        loss_name=objective_name(both) if compares else "",
        why_not="" if len(left) else _why_not(first, second, settings, in_both),
    )


def _is_apart(first: Side, second: Side, name: str) -> bool:
    levels = first.levels(name), second.levels(name)
    return name != SEED and len(levels[0]) == len(levels[1]) == 1 and levels[0] != levels[1]


def _varying(first: Side, second: Side) -> list[str]:
    """Return the parameters that differ among the trials of the two, and the seed."""
    names = [n for n in PARAMETERS if n in first.trials.columns or n in second.trials.columns]
    varying = [n for n in names if len({*first.levels(n), *second.levels(n)}) > 1]
    return list(dict.fromkeys([*varying, SEED]))


def _repeats(keys: list[str]) -> tuple[str, ...]:
    """Return the parameters among these that repeat a setting; of several splits the data too."""
    following = {DATA} if SPLIT in keys else set()
    return tuple(name for name in keys if name in following.union(REPEATS))


def _with_keys(side: Side, keys: list[str]) -> pd.DataFrame:
    """Return the trials with these parameters as columns, texts among them as texts."""
    trials = side.trials
    missing: dict[str, Any] = {
        name: side.constants.get(name) for name in keys if name not in trials.columns
    }
    trials = trials.assign(**missing)
    texts = [n for n in trials.columns if isinstance(trials[n].dtype, pd.CategoricalDtype)]
    return trials.astype(dict.fromkeys(texts, object))


def _with_outcomes(trials: pd.DataFrame) -> pd.DataFrame:
    diverged = trials["status"] == Status.DIVERGED
    loss = objective_of(trials)
    outcomes: dict[str, Any] = {
        LOSS: loss.mask(diverged | np.isinf(loss), np.inf),
        CONVERGED: has_converged(trials),
        DIVERGED: diverged,
        JUDGED: has_rule(trials),
    }
    return trials.assign(**outcomes)


def _why_not(first: Side, second: Side, settings: list[str], in_both: set[int]) -> str:
    """Say why no trial has a counterpart."""
    if in_both:
        mine, theirs = (describe_levels(side.levels(SEED)) for side in (first, second))
        return (
            f"{len(in_both):,} of their settings are in both, but with other seeds: {mine} in "
            f"{first.letter}, {theirs} in {second.letter}"
        )
    disjoint = [n for n in settings if not set(first.levels(n)) & set(second.levels(n))]
    if not disjoint:
        return "no combination of " + ", ".join(settings) + " is in both"
    told = [
        f"{name} is {describe_levels(first.levels(name))} in {first.letter} and "
        f"{describe_levels(second.levels(name))} in {second.letter}"
        for name in disjoint
    ]
    return "; ".join(told) + ": what varies must have values in common, or be given to --across"
