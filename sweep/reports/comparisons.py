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
    """Compare each group with that of its factor that has the least share.

    Args:
        found: each group once; those of one factor are compared with each other.
        did: what the trials counted do, such as `learn it`.

    Returns:
        A sentence for each group whose share is shown to be greater, and one for all others.
    """
    sentences = []
    for factor in dict.fromkeys(item.group.factor for item in found):
        rivals = [item for item in found if item.group.factor == factor and item.share.total]
        if len(rivals) < 2:
            continue
        base = min(rivals, key=lambda item: item.share.count / item.share.total)
        others = [(item, _points(item, base)) for item in rivals if item is not base]
        sentences += [_shown(*other, base, did) for other in others if other[1].sign > 0]
        if unshown := [other for other in others if other[1].sign <= 0]:
            sentences.append(_unshown(unshown, base, did))
    return sentences


def bullets(sentences: Sequence[str]) -> str:
    """Write sentences as a Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _points(item: GroupShare, base: GroupShare) -> Estimate:
    """Return the difference of two shares in percentage points."""
    found = difference_of_shares(item.share, base.share)
    return Estimate(100 * found.value, 100 * found.low, 100 * found.high)


def _shown(item: GroupShare, points: Estimate, base: GroupShare, did: str) -> str:
    return (
        f"{_name(item)}: {item.share} {did}, against {base.share} with {_name(base)}: "
        f"{points.value:.0f} points more ({points.low:.0f} to {points.high:.0f})."
    )


def _unshown(others: Sequence[tuple[GroupShare, Estimate]], base: GroupShare, did: str) -> str:
    listed = "; ".join(
        f"{_name(item)}, {item.share}: {points.low:.0f} to {points.high:.0f} points"
        for item, points in others
    )
    return f"No difference from {_name(base)}, of which {base.share} {did}, is shown for {listed}."


def _name(item: GroupShare) -> str:
    return f"**{escape(item.group.label)}**"
