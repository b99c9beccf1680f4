"""Compares the shares of groups in plain sentences. Knows nothing of what is shared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweep.reports.groups import Group
from sweep.reports.intervals import Estimate, Share, difference_of_shares
from sweep.reports.tables import escape


@dataclass(frozen=True)
class GroupShare:
    """How many trials of a group did something."""

    group: Group
    share: Share


def share_of(group: Group, holds: "np.ndarray") -> GroupShare:
    """Count the trials of a group for which something holds, a truth value a trial."""
    return GroupShare(group, Share(int(holds.sum()), len(holds)))


def compare_shares(found: Sequence[GroupShare], *, did: str) -> list[str]:
    """Compare each group with the base, or that of its factor that has the least share.

    Args:
        found: each group once; those of one factor are compared with each other.
        did: what the trials counted do, such as `learn it`.

    Returns:
        A sentence for each group whose share is shown to differ, and one for all others.
    """
    sentences = []
    for factor in dict.fromkeys(item.group.factor for item in found):
        rivals = [item for item in found if item.group.factor == factor and item.share.total]
        if len(rivals) < 2:
            continue
        base = _base(rivals)
        others = [(item, _points(item, base)) for item in rivals if item is not base]
        sentences += [_shown(*other, base, did) for other in others if other[1].sign]
        if unshown := [other for other in others if not other[1].sign]:
            sentences.append(_unshown(unshown, base, did))
    return sentences


def against(found: Sequence[GroupShare], *, least: str) -> str:
    """Say what `compare_shares` compares with: the base, or what is told in `least`."""
    return "the base" if any(item.group.is_base for item in found) else least


def bullets(sentences: Sequence[str]) -> str:
    """Write sentences as a Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _base(rivals: Sequence[GroupShare]) -> GroupShare:
    bases = [item for item in rivals if item.group.is_base]
    return bases[0] if bases else min(rivals, key=lambda r: r.share.count / r.share.total)


def _points(item: GroupShare, base: GroupShare) -> Estimate:
    """Return the difference of two shares in percentage points."""
    found = difference_of_shares(item.share, base.share)
    return Estimate(100 * found.value, 100 * found.low, 100 * found.high)


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


def _name(item: GroupShare) -> str:
    return f"**{escape(item.group.name)}**"
