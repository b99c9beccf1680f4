"""Decides which rows count: one of each trial, and none that is being removed.

From the moment the file of removals is there, its trials no longer count; it goes once no part
holds them any more.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from sweep.errors import StoreError
from sweep.store.places.files import reporting, sync_directory, write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.trial import StopReason

DECIDED = 2
RANKS = {
    StopReason.FAILED: 0,
    StopReason.CANCELLED: 1,
    StopReason.PRUNED: 1,
    StopReason.TIME: 1,
}
"""Endings that another attempt at the same trial may better; a failure leaves no state behind, and
so never takes the place of a row that does. All others are decided."""

COLUMNS = ["trial_id", "stop_reason", "finished", "epochs"]
"""What is read of the trials table."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a trial that is held.

    Attributes:
        rank: how good its ending is, `DECIDED` if for good.
        finished: when, microseconds since 1970 UTC.
        place: number of the part or source that holds it.
        pruned_at: after how many epochs a scheduler stopped it; 0 where none did.
    """

    rank: int
    finished: int
    place: int
    pruned_at: int = 0

    def replaces(self, old: Self) -> bool:
        """Whether this row counts instead of `old`: the first of two, unless it can be bettered.

        Of two that a scheduler stopped it is the longer, as clocks of machines differ.
        """
        if self.pruned_at and old.pruned_at:
            return self.pruned_at > old.pruned_at
        return old.rank < DECIDED and (self.rank, self.finished) > (old.rank, old.finished)


def entries_of(trials: pa.Table, place: int) -> Iterator[tuple[str, Entry]]:
    """Yield each trial of a trials table with its entry."""
    reasons = trials["stop_reason"].to_pylist()
    finished = trials["finished"].cast(pa.int64()).to_pylist()
    ids, epochs = trials["trial_id"].to_pylist(), trials["epochs"].to_pylist()
    for trial_id, reason, moment, trained in zip(ids, reasons, finished, epochs, strict=True):
        pruned_at = trained if reason == StopReason.PRUNED else 0
        yield trial_id, Entry(RANKS.get(reason, DECIDED), moment, place, pruned_at)


class Holdings:
    """The entry that counts of every trial, and where rows lie that no longer count."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.stale: dict[int, set[str]] = {}

    def __contains__(self, trial_id: str) -> bool:
        return trial_id in self.entries

    def accepts(self, trial_id: str, entry: Entry) -> bool:
        """Whether the row would count."""
        old = self.entries.get(trial_id)
        return old is None or entry.replaces(old)

    def add(self, trial_id: str, entry: Entry) -> None:
        """Take note of a row that lies at its place; the loser of two becomes stale."""
        old = self.entries.get(trial_id)
        loser = entry
        if old is None or entry.replaces(old):
            self.entries[trial_id], loser = entry, old or entry
        if old is not None:
            self.stale.setdefault(loser.place, set()).add(trial_id)

    def discard(self, trial_id: str) -> None:
        """Take note that a trial is to be held no longer; harmless where it is not."""
        old = self.entries.pop(trial_id, None)
        if old is not None:
            self.stale.setdefault(old.place, set()).add(trial_id)

    def add_all(self, trials: pa.Table, place: int) -> None:
        """Take note of every row of a trials table."""
        for trial_id, entry in entries_of(trials, place):
            self.add(trial_id, entry)

    def move(self, trials: pa.Table, place: int) -> None:
        """Take note that these rows, which count, now lie at `place`."""
        self.entries.update(entries_of(trials, place))


def announce_removal(directory: ResultsDir, trial_ids: Collection[str]) -> None:
    """Make these trials no longer count."""
    write_atomically(directory.removals, json.dumps(sorted(trial_ids)).encode())


def read_removals(directory: ResultsDir) -> set[str]:
    """Return the trials that no longer count.

    Raises:
        StoreError: if the file is not whole.
    """
    path = directory.removals
    with reporting(path, "read"):
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return set()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        advice = "remove it, and run `sweep prune` again"
        raise StoreError(f"{path}: must be a list of the trials that are being removed; {advice}")
    return set(found)


def conclude_removal(directory: ResultsDir) -> None:
    """Forget them: no part holds them any more."""
    path = directory.removals
    with reporting(path, "removed"):
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
