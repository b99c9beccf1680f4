"""Compares the shares of groups in plain sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.groups import Group
from sweep.reports.repeats import repeats_of
from sweep.reports.statistics.intervals import (
    BySeed,
    Estimate,
    Share,
    corrected,
    describe_level,
    difference_by_seed,
)
from sweep.reports.tables.text import escape


@dataclass(frozen=True)
class GroupShare:
    """How many trials of a group did something.

    Attributes:
        group: the trials.
        held: of those that were judged, 1 for each that did it and 0 for the others, by seed.
    """

    group: Group
    held: BySeed

    @property
    def share(self) -> Share:
        return Share.of(self.held)


def share_of(group: Group, holds: "pd.Series[bool]") -> GroupShare:
    """Count the trials of a group for which something holds, which tells it by their index."""
    mine = holds[holds.index.intersection(group.trials.index)]
    seeds = group.trials.loc[mine.index].set_index(repeats_of(group.trials)).index
    return GroupShare(group, mine.astype(np.float64).set_axis(seeds))


def compare_shares(found: Sequence[GroupShare], *, did: str) -> list[str]:
    """Compare each group with the base, or that of its factor that has the least share.

    Args:
        found: each group once; those of one factor are compared with each other.
        did: what the trials counted do, such as `learn it`.

    Returns:
        A sentence for each group whose share is shown to differ, one for all others, and one on the
        level of the intervals, which hold for all comparisons together. Where no trial of a factor
        did it there is nothing to compare, and one sentence says so.
    """
    factors = dict.fromkeys(item.group.factor for item in found)
    judged = [item for item in found if item.share.total]
    contests = [[item for item in judged if item.group.factor == factor] for factor in factors]
    comparisons = sum(map(_count_comparisons, contests))
    contested = [rivals for rivals in contests if len(rivals) > 1]
    telling = [rivals for rivals in contested if any(item.share.count for item in rivals)]
    sentences = [_none(rivals, did) for rivals in contested if rivals not in telling]
    sentences = list(dict.fromkeys(sentences))
    for rivals in telling:
        base = _base(rivals)
        level = corrected(comparisons)
        others = [
            (item, difference_by_seed(item.held, base.held, level).times(100))
            for item in rivals
            if item is not base
        ]
        sentences += [_shown(*other, base, did) for other in others if other[1].sign]
        if unshown := [other for other in others if not other[1].sign]:
            sentences.append(_unshown(unshown, base, did))
    return [*sentences, describe_level(comparisons)] if telling and comparisons > 1 else sentences


def against(found: Sequence[GroupShare], *, least: str) -> str:
    """Say what `compare_shares` compares with: the base, or what is told in `least`."""
    return "the base" if _has_base(found) else least


def _base(rivals: Sequence[GroupShare]) -> GroupShare:
    bases = [item for item in rivals if item.group.is_base]
    return bases[0] if bases else min(rivals, key=lambda r: r.share.count / r.share.total)


def _count_comparisons(rivals: Sequence[GroupShare]) -> int:
    """Return how many comparisons are made: with the base, or all, of which the least is chosen."""
    count = len(rivals)
    return max(0, count - 1) if _has_base(rivals) else count * (count - 1) // 2


def _has_base(rivals: Sequence[GroupShare]) -> bool:
    return any(item.group.is_base for item in rivals)


def _shown(item: GroupShare, points: Estimate, base: GroupShare, did: str) -> str:
    low, high = sorted([abs(points.low), abs(points.high)])
    more = "more" if points.sign > 0 else "fewer"
    return (
        f"{_name(item)}: {item.share} {did}, against {base.share} with {_name(base)}: "
        f"{abs(points.value):.0f} points {more} ({low:.0f} to {high:.0f})."
    )


def _unshown(others: Sequence[tuple[GroupShare, Estimate]], base: GroupShare, did: str) -> str:
    listed = "; ".join(
        f"{_name(item)}, {item.share}: {points.low:.0f} to {points.high:.0f} points"
        for item, points in others
    )
    return f"No difference from {_name(base)}, of which {base.share} {did}, is shown for {listed}."


def _none(rivals: Sequence[GroupShare], did: str) -> str:
    total = sum(item.share.total for item in rivals)
    return f"None of the {total:,} trials of {len(rivals)} settings {did}."


def _name(item: GroupShare) -> str:
    return f"**{escape(item.group.name)}**"
