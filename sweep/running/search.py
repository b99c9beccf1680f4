"""A search under way: batches of points, each proposed by what came of those before.

Batch k + 1 is proposed once batch k - 1 has ended, with batch k pending, so that there is always
work and the proposals do not depend on which of a batch ended first.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil

from sweep.planning.plan import Plan
from sweep.planning.points import PointGrid, grid_of_points
from sweep.search.dimensions import Dimension
from sweep.search.grid_space import Point
from sweep.search.objectives import Values, judge_of
from sweep.search.proposer import Proposal, Proposer, batch_size
from sweep.search.space import Space

MOST_PENDING = 2
"""Batches that are proposed and not yet learnt from, at most."""


@dataclass(frozen=True)
class _Batch:
    """Points proposed together, and the trials of each."""

    proposals: Sequence[Proposal]
    trial_ids: Mapping[Point, tuple[str, ...]]

    @cached_property
    def all_ids(self) -> frozenset[str]:
        return frozenset(name for names in self.trial_ids.values() for name in names)


class SearchRun:
    """Proposes batches as results come in.

    Args:
        plan: of as many points at random, which says what the search may cost.
        known: what trials came to that are in the results.
        before: trials of other results, by their columns, to learn from first.

    Attributes:
        points: those proposed so far, in order.
        learnt: points of other results that were learnt from.
        seconds: spent on proposing.
    """

    def __init__(
        self,
        plan: Plan,
        known: Mapping[str, Values],
        before: Iterable[Mapping[str, object]] = (),
    ) -> None:
        config = plan.config
        assert config.search is not None
        self._plan, self._config = plan, config
        self._space, self.judge = Space(config.expansion), judge_of(config)
        self._proposer = Proposer(self._space, config.search, self.judge)
        self._search, self._budget = config.search, config.search.budget
        self._known = dict(known)
        self._held = frozenset(known)
        self._asked: set[str] = set()
        self._pending: deque[_Batch] = deque()
        self._exhausted = False
        self.points: list[Point] = []
        self.seconds = 0.0
        self.learnt = self._learn_from(before)
        self._first = self._advance()

    @property
    def has_work(self) -> bool:
        """Whether anything is to be trained; what the results hold was learnt from already."""
        return self._first is not None

    @property
    def outlook(self) -> Plan:
        """The plan of the whole search: trials done, and at most so many to train."""
        done = len(self._proposed_ids() & self._held)
        left = max(0, self._plan.trials - done) if self.has_work else 0
        others = len(self._held) - done
        return replace(self._plan, rows=self._plan.rows[:left], done=done, others=others)

    def settled(self) -> Plan:
        """Return the plan of the points proposed, without the trials held when the run began."""
        found = grid_of_points(self._space, self.points, self._config.expansion)
        rows = found.grid.missing(self._held)
        return replace(self._plan, grid=found.grid, rows=rows, done=len(found.grid) - len(rows))

    @property
    def unproposed(self) -> int:
        """Trials, at most, of points that have not been proposed yet."""
        left = 0 if self.is_over else self._budget - len(self.points)
        return ceil(left * self._plan.trials / self._budget)

    @property
    def trial_ids(self) -> list[tuple[str, ...]]:
        """The trials of each point proposed, in order."""
        found = grid_of_points(self._space, self.points, self._config.expansion)
        return [found.trial_ids[point] for point in self.points]

    @property
    def is_over(self) -> bool:
        """Whether all points have been proposed."""
        return self._exhausted or len(self.points) >= self._budget

    def hear(self, values: Mapping[str, Values]) -> None:
        """Take note of what trials came to."""
        self._known.update(values)

    def advance(self) -> Plan | None:
        """Return the trials to train of the next batch that has any.

        Returns:
            None if the search is over, or waits for results.
        """
        first, self._first = self._first, None
        return first or self._advance()

    def _advance(self) -> Plan | None:
        while not self.is_over:
            if len(self._pending) == MOST_PENDING and not self._learn():
                return None
            grid = self._propose()
            plan = self._plan_of(grid)
            if plan.missing:
                return plan
        return None

    def _learn(self) -> bool:
        """Tell the proposer of the oldest batch; return whether all its results are there."""
        batch = self._pending[0]
        if not batch.all_ids <= self._known.keys():
            return False
        began = time.monotonic()
        self._proposer.tell((each, self._value(batch, each.point)) for each in batch.proposals)
        self.seconds += time.monotonic() - began
        self._pending.popleft()
        return True

    def _learn_from(self, rows: Iterable[Mapping[str, object]]) -> int:
        """Tell the proposer of trials of other results that are in the space; return of how many.

        Seeds of one point count as one, whichever they are.
        """
        points: dict[frozenset[tuple[Dimension, float]], list[Values]] = {}
        for row in rows:
            chosen = self._space.recognise(row)
            if chosen is not None:
                own = points.setdefault(frozenset(chosen.items()), [])
                own.append(self.judge.values_of(row))
        for point, values in points.items():
            in_order = sorted(point, key=lambda pair: pair[0].index)
            self._proposer.learn(dict(in_order), self.judge.judge(values))
        return len(points)

    def _value(self, batch: _Batch, point: Point) -> Values:
        return self.judge.judge([self._known[name] for name in batch.trial_ids[point]])

    def _propose(self) -> PointGrid:
        most = batch_size(self._search, len(self.points))
        wanted = min(most, self._budget - len(self.points))
        began = time.monotonic()
        proposals = self._proposer.propose(wanted)
        self.seconds += time.monotonic() - began
        self._exhausted = len(proposals) < wanted
        points = [proposal.point for proposal in proposals]
        found = grid_of_points(self._space, points, self._config.expansion)
        self._pending.append(_Batch(proposals, found.trial_ids))
        self.points += points
        return found

    def _plan_of(self, found: PointGrid) -> Plan:
        """Return the plan of a batch, without the trials that are held or under way."""
        rows = found.grid.missing(self._known.keys() | self._asked)
        trial_ids = found.grid.cells.trial_ids[rows]
        self._asked.update(f"{identity:016x}" for identity in trial_ids.tolist())
        return replace(self._plan, grid=found.grid, rows=rows, done=0, of=self._plan.trials)

    def _proposed_ids(self) -> set[str]:
        return {name for names in self.trial_ids for name in names}
