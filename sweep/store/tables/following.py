"""Follows the trials of a sweep while another process writes them: each read is of what is new."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from sweep.errors import StoreError
from sweep.store.places.journal import JournalTail
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.encoding import decode
from sweep.store.tables.holdings import Holdings, read_removals
from sweep.store.tables.parts import part_numbers, read_part
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.table_set import with_values, without_trials

READ = (TableName.TRIALS, TableName.CURVES)
ANEW = -1
"""The number of no part: with it among those read, the next look reads all."""


@dataclass(frozen=True)
class Fresh:
    """Trials whose rows count since the last look; a row may take the place of an older one.

    Attributes:
        trials: their rows, whole.
        part: number of the part that holds them; None where they are in the journal.
        curves: their recorded losses, where they came with the rows; else empty, to be read.
    """

    trials: pa.Table
    part: int | None
    curves: pa.Table


@dataclass(frozen=True)
class News:
    """What a look found.

    Attributes:
        restarted: whether all that was found before is void, as rows have been removed.
        fresh: the trials that came, the oldest part first.
    """

    restarted: bool
    fresh: tuple[Fresh, ...]


@dataclass
class Follower:
    """Follows a results directory, which need not exist yet.

    Args:
        directory: the results.
    """

    directory: ResultsDir
    _tail: JournalTail = field(init=False)
    _holdings: Holdings = field(default_factory=Holdings)
    _parts: set[int] = field(default_factory=set)
    _unpublished: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._tail = JournalTail(self.directory.journal)

    def look(self) -> News:
        """Return what came since the last look that did not fail.

        Raises:
            StoreError: if a file is damaged, or object storage stays away.
        """
        try:
            return self._look()
        except StoreError:
            self._parts = {ANEW}  # what this look had read was told to nobody
            raise

    def _look(self) -> News:
        frames = self._tail.read()  # before the parts: what moves between is seen twice, not never
        published = set(part_numbers(self.directory))
        try:
            if not self._parts <= published:  # put together, or rewritten without some rows
                raise FileNotFoundError
            found = [*self._read_parts(published)]
            if self._tail.cleared and self._unpublished:  # removed before they were seen in a part
                raise FileNotFoundError
            found += self._read_frames(frames)
            restarted = False
        except FileNotFoundError:
            found, restarted = self._begin_again(), True
        return News(restarted, tuple(item for item in found if item.trials.num_rows))

    def _begin_again(self) -> list[Fresh]:
        """Read all anew; nothing where that changes meanwhile, which the next look will see."""
        self._tail, self._holdings = JournalTail(self.directory.journal), Holdings()
        self._parts, self._unpublished = set(), set()
        frames = self._tail.read()
        try:
            published = set(part_numbers(self.directory))
            return [*self._read_parts(published), *self._read_frames(frames)]
        except FileNotFoundError:
            self._parts = {ANEW}
            return []

    def _read_parts(self, published: set[int]) -> Iterator[Fresh]:
        new = sorted(published - self._parts)
        removed = read_removals(self.directory) if new else set()
        for number in new:
            trials = read_part(self.directory, TableName.TRIALS, number)
            if self._unpublished:
                self._unpublished -= set(trials["trial_id"].to_pylist())
            yield self._accept(without_trials(trials, removed), None, number)
            self._parts.add(number)

    def _read_frames(self, frames: list[bytes]) -> Iterator[Fresh]:
        where = str(self.directory.journal)
        for payload in frames:
            batch = decode(payload, where, wanted=READ)
            self._unpublished.update(batch.trials["trial_id"].to_pylist())
            yield self._accept(batch.trials, batch.tables[TableName.CURVES], 0)

    def _accept(self, trials: pa.Table, curves: pa.Table | None, place: int) -> Fresh:
        """Take rows in; return those that count."""
        accepted = self._holdings.accepted(trials, place)
        self._holdings.add(accepted.items())
        self._holdings.stale.clear()
        if len(accepted) < trials.num_rows:
            trials = with_values(trials, "trial_id", accepted)
            curves = with_values(curves, "trial_id", accepted) if curves is not None else None
        if curves is None:
            return Fresh(trials, place, SCHEMAS[TableName.CURVES].empty_table())
        return Fresh(trials, None, curves)
