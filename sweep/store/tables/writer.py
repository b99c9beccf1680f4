"""Writes the tables of a sweep, one writer at a time.

A result is safe once `append` returns: it is in the journal. `flush` publishes what the journal
holds as a numbered part of each table and only then clears it, so a crash at any moment loses
nothing and leaves nothing that the next `Writer` does not mend.
"""

import re
import time
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from sweep.store.places.files import remove_leftovers, reporting, write_atomically
from sweep.store.places.journal import open_journal, replay
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.lease import Lease
from sweep.store.places.lock import Lock, holding
from sweep.store.places.remote import AnyPath, RemotePath
from sweep.store.tables.encoding import decode
from sweep.store.tables.holdings import (
    COLUMNS,
    Entry,
    Holdings,
    announce_removal,
    conclude_removal,
    read_removals,
)
from sweep.store.tables.parts import (
    clean,
    count_bytes,
    count_rows,
    is_outdated,
    part_numbers,
    publish,
    read_part,
    read_table_set,
    remove,
)
from sweep.store.tables.table_set import TableSet

PENDING_ROWS = 20_000
PENDING_BYTES = 64 * 2**20
SMALL_PART_ROWS = 10_000
MOST_SMALL_PARTS = 16
SMALL_PART_BYTES = PENDING_BYTES // MOST_SMALL_PARTS  # so many together are no more than pending


class Writer:
    """The one writer of a results directory, from `with` to its end.

    Args:
        directory: the results.
        lock: its lock where the caller holds it already, and goes on to; None to take it.
    """

    def __init__(self, directory: ResultsDir, lock: Lock | Lease | None = None) -> None:
        self.directory = directory
        self._given_lock = lock
        self._held = ExitStack()
        self._holdings = Holdings()
        self._pending: list[TableSet] = []
        self._pending_rows = self._pending_bytes = 0
        self._is_small: dict[int, bool] = {}
        self._outdated: set[int] = set()
        self._next = self._after(0)  # number of the next part, and place of what is pending

    def __enter__(self) -> Self:
        """Take the lock, mend what a crash left, and take in the journal.

        Raises:
            StoreError: if another process is writing, or a file is damaged.
        """
        with reporting(self.directory.path, "created"):
            self.directory.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            self._lock = self._given_lock or held.enter_context(holding(self.directory.lock))
            self._open()
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._held:
            try:
                self.flush()
            finally:
                self._journal.close()

    def append(self, payload: bytes) -> list[str]:
        """Take in a frame of results; they are durable when this returns.

        Args:
            payload: what `encode` gave. A trial that is already held is dropped, unless it had
                been cancelled, had failed or had run out of time and the new row is no worse.

        Returns:
            The identities of the trials taken in.

        Raises:
            StoreError: if the frame is not readable or cannot be written; nothing is taken in.
        """
        batch = decode(payload)
        fresh = self._fresh(batch)
        if fresh:
            self._lock.require()
            self._journal.append(payload)
            self._admit(batch, fresh)
            if self._is_full:
                self.flush()
        return list(fresh)

    def flush(self) -> None:
        """Publish every result taken in as part of the tables."""
        self._lock.require()
        if self._pending:
            publish(self.directory, self._next, TableSet.join(self._pending))
            self._pending = []
            self._pending_rows = self._pending_bytes = 0
            self._next = self._after(self._next)
        self._journal.clear()
        self._drop_stale()
        self._compact()
        self._modernise()

    def remove(self, trial_ids: Iterable[str]) -> None:
        """Remove those of the trials that are held; a crash leaves all of them, or none."""
        self.flush()
        held = {trial_id for trial_id in trial_ids if trial_id in self._holdings}
        if held:
            announce_removal(self.directory, held)
            self._remove(held)
            self._compact()
            self._modernise()

    def save_checkpoint(self, pack_id: str, data: bytes) -> None:
        """Keep the state of a pack in training, in place of the one before."""
        write_atomically(self._checkpoint(pack_id), data)

    def load_checkpoint(self, pack_id: str) -> bytes | None:
        """Return the state kept of a pack, None if there is none."""
        path = self._checkpoint(pack_id)
        with reporting(path, "read"):
            return path.read_bytes() if path.exists() else None

    def set_checkpoint_aside(self, pack_id: str) -> None:
        """Keep the state that an earlier run left of a pack, beside the one that this run saves."""
        data = self.load_checkpoint(pack_id)
        if data is not None:
            self.save_checkpoint(f"{pack_id}-{time.time_ns()}", data)
            self.drop_checkpoint(pack_id)

    def drop_checkpoint(self, pack_id: str) -> None:
        """Forget the state kept of a pack."""
        path = self._checkpoint(pack_id)
        with reporting(path, "removed"):
            path.unlink(missing_ok=True)

    def _checkpoint(self, pack_id: str) -> AnyPath:
        assert re.fullmatch(r"[\w-]+", pack_id), pack_id
        return self.directory.checkpoints / f"{pack_id}.checkpoint"

    def _open(self) -> None:
        clean(self.directory)
        with reporting(self.directory.checkpoints, "created"):
            self.directory.checkpoints.mkdir(exist_ok=True)
            remove_leftovers(self.directory.checkpoints)
        for number in part_numbers(self.directory):
            trials = read_part(self.directory, TableName.TRIALS, number, columns=COLUMNS)
            self._holdings.add_all(trials, number)
            self._next = self._after(number)
            if is_outdated(self.directory, number):
                self._outdated.add(number)
        if removed := read_removals(self.directory):
            self._remove(removed)
        self._journal = open_journal(self.directory.journal)
        for payload in replay(self.directory.journal):
            batch = decode(payload, str(self.directory.journal))
            self._admit(batch, self._fresh(batch))
        self.flush()

    def _remove(self, trial_ids: set[str]) -> None:
        """Rewrite the parts that hold trials which no longer count, and forget those."""
        for trial_id in trial_ids:
            self._holdings.discard(trial_id)
        self._drop_stale()
        conclude_removal(self.directory)

    def _fresh(self, batch: TableSet) -> dict[str, Entry]:
        """The trials of a batch whose rows would count."""
        return self._holdings.accepted(batch.trials, self._next)

    def _admit(self, batch: TableSet, fresh: dict[str, Entry]) -> None:
        """Hold the rows that count; rows still pending that they replace go at once."""
        if len(fresh) < batch.trials.num_rows:
            batch = batch.only(fresh.keys())
        self._holdings.add(fresh.items())
        if replaced := self._holdings.stale.pop(self._next, None):
            self._pending = [held.without(replaced) for held in self._pending]
        if fresh:
            self._pending.append(batch)
            self._pending_rows += batch.trials.num_rows
            self._pending_bytes += batch.n_bytes

    def _after(self, number: int) -> int:
        """The number of the part that follows part `number`.

        In object storage, where nothing keeps a second writer out for certain, it is the moment in
        microseconds: two writers then publish beside each other, and neither over the other.
        """
        if isinstance(self.directory.path, RemotePath):
            return max(number + 1, time.time_ns() // 1000)
        return number + 1

    @property
    def _is_full(self) -> bool:
        return self._pending_rows >= PENDING_ROWS or self._pending_bytes >= PENDING_BYTES

    def _drop_stale(self) -> None:
        """Rewrite the published parts that hold rows which no longer count."""
        for number in sorted(self._holdings.stale):
            self._rewrite([number], self._holdings.stale[number])
            del self._holdings.stale[number]

    def _modernise(self) -> None:
        """Rewrite parts of an older sweep once there are others, so that all have the same columns.

        While nothing new is published they stay as they are: any reader finds them alike.
        """
        numbers = set(part_numbers(self.directory)) if self._outdated else set()
        if numbers > self._outdated & numbers:
            for number in sorted(self._outdated & numbers):
                self._rewrite([number], set())
            self._outdated.clear()

    def _compact(self) -> None:
        """Put small parts together once there are many, a few at a time."""
        while len(small := self._small_parts()) > MOST_SMALL_PARTS:
            self._rewrite(small[:MOST_SMALL_PARTS], set())

    def _small_parts(self) -> list[int]:
        """The parts that are cheap to put together, the oldest first."""
        numbers = part_numbers(self.directory)
        for number in numbers:
            if number not in self._is_small:
                self._is_small[number] = self._check_small(number)
        return [number for number in numbers if self._is_small[number]]

    def _check_small(self, number: int) -> bool:
        few = count_rows(self.directory, number) < SMALL_PART_ROWS
        return few and count_bytes(self.directory, number) < SMALL_PART_BYTES

    def _rewrite(self, numbers: list[int], without: set[str]) -> None:
        """Publish what these parts hold as a new part, then remove them."""
        batch = TableSet.join(read_table_set(self.directory, n) for n in numbers).without(without)
        if batch.trials.num_rows:
            publish(self.directory, self._next, batch)
            self._holdings.move(batch.trials, self._next)
            self._next = self._after(self._next)
        for number in numbers:
            remove(self.directory, number)
