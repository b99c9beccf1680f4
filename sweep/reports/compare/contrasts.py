"""Estimates how much one sweep differs from another, with intervals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64

from sweep.reports.compare.pairing import (
    CONVERGED,
    DIVERGED,
    JUDGED,
    LOSS,
    SETTING,
    Pairing,
)
from sweep.reports.compare.sides import SECONDS
from sweep.reports.statistics.intervals import (
    LEVEL,
    Estimate,
    Share,
    difference_of_pairs,
    difference_of_shares,
    share_seeds,
)
from sweep.reports.statistics.orders import median, ratio_of_medians

Values = Float64[np.ndarray, " values"]
AtLevel = Callable[[float], Estimate]
MOST_RATIOS = 500
"""Settings of which the ratio is told, from either end."""
MORE, LESS, UNDECIDED = "more", "less", "no difference shown"


@dataclass(frozen=True)
class Measure:
    """One quantity by which the second sweep differs from the first.

    Attributes:
        name: of the quantity. kind: `ratio` of the second to the first, or `difference` in points.
        first, second: what it is in each sweep, over the trials that are compared.
        estimate: of the ratio or difference, with its interval of 95% by itself.
        verdict: `more` or `less` where the wider interval, that holds for all measures together,
            excludes no difference; else `no difference shown`. Empty where there is no interval.
        count: pairs that it is of, or trials of each sweep where they do not pair.
    """

    name: str
    kind: str
    first: float
    second: float
    estimate: Estimate
    verdict: str
    count: str


@dataclass(frozen=True)
class Asked:
    """A measure whose level is not decided yet."""

    name: str
    kind: str
    first: float
    second: float
    at: AtLevel
    count: str

    @property
    def is_open(self) -> bool:
        """Whether it has an interval of more than a point."""
        found = self.at(LEVEL)
        return bool(found.low < found.high)

    def answered(self, level: float) -> Measure:
        """Return the measure, its verdict by intervals of that level."""
        estimate, wide = self.at(LEVEL), self.at(level)
        neutral = 1.0 if self.kind == "ratio" else 0.0
        verdict = MORE if wide.low > neutral else LESS if wide.high < neutral else UNDECIDED
        verdict = "" if np.isnan(estimate.low) else verdict
        return Measure(self.name, self.kind, self.first, self.second, estimate, verdict, self.count)


@dataclass(frozen=True)
class SettingRatio:
    """The loss of the second sweep over that of the first, of one setting.

    Attributes:
        values: of what trials of the setting share, by name.
        ratio: the median over seeds of the ratio where both have the same seeds, else the ratio of
            the medians; its interval is of 95% by itself.
        counts: trials of each sweep. by_seed: whether it is by seed.
    """

    values: dict[str, object]
    ratio: Estimate
    counts: tuple[int, int]
    by_seed: bool


def asked_measures(pairing: Pairing) -> list[Asked]:
    """Return what can be said of two sweeps: of their pairs, or of settings that both have."""
    if len(pairing):
        return list(_of_pairs(pairing))
    return list(_of_settings(pairing)) if len(pairing.cells[0]) else []


def _of_pairs(pairing: Pairing) -> Iterator[Asked]:
    left, right = pairing.left, pairing.right
    if pairing.loss_name:
        known = left[LOSS].notna() & right[LOSS].notna()
        yield _ratio(pairing.loss_name, left[known], right[known], LOSS)
    judged = left[JUDGED] & right[JUDGED]
    if judged.any():
        yield _points("converged", left[judged], right[judged], CONVERGED)
    yield _points("diverged", left, right, DIVERGED)
    met = left[CONVERGED] & right[CONVERGED]
    if met.any():
        yield _ratio("epochs", left[met], right[met], "epochs")
    times = _ratio("seconds", left, right, SECONDS)
    yield Asked(  # trials side by side have one time: no interval would hold
        *(times.name, times.kind, times.first, times.second),
        at=lambda _: Estimate(times.at(LEVEL).value),
        count=times.count,
    )


def _of_settings(pairing: Pairing) -> Iterator[Asked]:
    left, right = pairing.cells
    count = f"{len(left):,} and {len(right):,} trials"
    if pairing.loss_name:
        mine, theirs = (side[LOSS].dropna().to_numpy(np.float64) for side in (left, right))

        def ratio(level: float) -> Estimate:
            with np.errstate(divide="ignore", invalid="ignore"):  # no interval of 0 or infinity
                return ratio_of_medians(theirs, mine, level)

        middles = median_of(mine).value, median_of(theirs).value
        yield Asked(pairing.loss_name, "ratio", *middles, at=ratio, count=count)
    for name, column in (("converged", CONVERGED), ("diverged", DIVERGED)):
        first, second = Share.of(left[column]), Share.of(right[column])
        if (left[JUDGED].all() and right[JUDGED].all()) or column == DIVERGED:
            yield Asked(
                *(name, "difference", first.estimate.value, second.estimate.value),
                at=_shares_differ(second, first),
                count=count,
            )


def _shares_differ(second: Share, first: Share) -> AtLevel:
    return lambda level: difference_of_shares(second, first, level).times(100)


def _ratio(name: str, left: pd.DataFrame, right: pd.DataFrame, column: str) -> Asked:
    mine, theirs = (side[column].to_numpy(np.float64) for side in (left, right))
    ratios = ratios_of(theirs, mine)
    return Asked(
        *(name, "ratio", median_of(mine).value, median_of(theirs).value),
        at=lambda level: median_of(ratios, level),
        count=f"{len(ratios):,} pairs",
    )


def _points(name: str, left: pd.DataFrame, right: pd.DataFrame, column: str) -> Asked:
    mine, theirs = (side[column].to_numpy(np.int64) for side in (left, right))
    return Asked(
        *(name, "difference", float(mine.mean()), float(theirs.mean())),
        at=lambda level: difference_of_pairs(theirs - mine, level).times(100),
        count=f"{len(mine):,} pairs",
    )


def ratios_of(values: Values, others: Values) -> Values:
    """Return values over others, pair by pair: 1 where they are equal, though 0 or infinite.

    All are nan where any value is below 0: of such losses the greater ratio is not the greater one.
    """
    if (values < 0).any() or (others < 0).any():
        return np.full(len(values), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values == others, 1.0, values / others)


def median_of(values: Values, level: float = LEVEL) -> Estimate:
    """Return the median with its exact interval, where values may be infinite."""
    with np.errstate(invalid="ignore"):
        found = median(values, level)
    if not np.isinf(values).any():
        return found
    low, high = np.sort(values)[[(len(values) - 1) // 2, len(values) // 2]]
    return Estimate(float(low if low == high else (low + high) / 2), found.low, found.high)


def setting_ratios(pairing: Pairing) -> list[SettingRatio]:
    """Return the ratio of the losses for each setting that both sweeps have, the least first.

    Of very many settings, those in between are left out.
    """
    if not pairing.loss_name:
        return []
    names, repeats = list(pairing.shared), list(pairing.repeats)
    left, right = (dict(list(side.groupby(SETTING))) for side in _telling(pairing))
    found = []
    for setting, mine in left.items():
        first, second = (rows.set_index(repeats)[LOSS].dropna() for rows in (mine, right[setting]))
        if len(first) and len(second):
            values = {name: mine[name].iloc[0] for name in names}
            by_seed = share_seeds(first, second)
            ratio = _by_seed(first, second) if by_seed else _apart(first, second)
            found.append(SettingRatio(values, ratio, (len(first), len(second)), by_seed))
    return sorted(found, key=lambda item: item.ratio.value)


def _telling(pairing: Pairing) -> list[pd.DataFrame]:
    """Return the trials of the settings in both, at most `MOST_RATIOS` from either end."""
    sides = pairing.cells
    first, second = (side.groupby(SETTING)[LOSS].median() for side in sides)
    if len(first) <= 2 * MOST_RATIOS:
        return list(sides)
    ratios = ratios_of(second.to_numpy(np.float64), first.to_numpy(np.float64))
    order = first.index[np.argsort(ratios, kind="stable")]  # both are of the same settings
    ends = order[:MOST_RATIOS].union(order[-MOST_RATIOS:])
    return [side[side[SETTING].isin(ends)] for side in sides]


def _by_seed(first: "pd.Series[float]", second: "pd.Series[float]") -> Estimate:
    both = pd.concat([first, second], axis=1, join="inner").to_numpy(np.float64)
    return median_of(ratios_of(both[:, 1], both[:, 0]))


def _apart(first: "pd.Series[float]", second: "pd.Series[float]") -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        return ratio_of_medians(second.to_numpy(np.float64), first.to_numpy(np.float64))
