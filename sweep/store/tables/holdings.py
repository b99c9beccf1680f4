"""Decides which rows count: one of each trial, and none that is being removed.

From the moment the file of removals is there, its trials no longer count; it goes once no part
holds them any more.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from jaxtyping import Int8, Int64

from sweep.errors import StoreError
from sweep.planning.identities import Identities, identity_numbers
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

MOST_RECENT = 20_000
"""Entries above which it pays to sort them in with the others."""
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
    """The entry that counts of every trial, and where rows lie that no longer count.

    Those of a million trials are arrays, sorted by identity; the latest are a dict until they are
    worth sorting in.

    Args:
        most_recent: entries of which a dict may be.
    """

    def __init__(self, most_recent: int = MOST_RECENT) -> None:
        self._most_recent = most_recent
        self.stale: dict[int, set[str]] = {}
        self._settled = _Settled.of({})
        self._recent: dict[str, Entry | None] = {}  # None where a trial is held no longer

    def __contains__(self, trial_id: str) -> bool:
        return self._find([trial_id])[0] is not None

    def accepted(self, trials: pa.Table, place: int) -> dict[str, Entry]:
        """Return the trials of a trials table whose rows would count, did they lie at `place`."""
        rows = list(entries_of(trials, place))
        held = self._find([trial_id for trial_id, _ in rows])
        pairs = zip(rows, held, strict=True)
        return {name: new for (name, new), old in pairs if old is None or new.replaces(old)}

    def add_all(self, trials: pa.Table, place: int) -> None:
        """Take note of every row of a trials table at its place; losers of two become stale."""
        self.add(list(entries_of(trials, place)))

    def add(self, rows: Collection[tuple[str, Entry]]) -> None:
        """Take note of trials; losers of two become stale."""
        held = self._find([trial_id for trial_id, _ in rows])
        for (trial_id, entry), before in zip(rows, held, strict=True):
            old = self._recent.get(trial_id, before)  # it may stand in the table twice
            loser = entry
            if old is None or entry.replaces(old):
                self._recent[trial_id], loser = entry, old or entry
            if old is not None:
                self.stale.setdefault(loser.place, set()).add(trial_id)
        self._settle()

    def discard(self, trial_id: str) -> None:
        """Take note that a trial is to be held no longer; harmless where it is not."""
        (old,) = self._find([trial_id])
        if old is not None:
            self._recent[trial_id] = None
            self.stale.setdefault(old.place, set()).add(trial_id)

    def move(self, trials: pa.Table, place: int) -> None:
        """Take note that these rows, which count, now lie at `place`."""
        self._recent.update(entries_of(trials, place))
        self._settle()

    def _find(self, trial_ids: list[str]) -> list[Entry | None]:
        """Return the entry of each trial, None of those that are not held."""
        found = self._settled.find(trial_ids)
        return [self._recent.get(name, old) for name, old in zip(trial_ids, found, strict=True)]

    def _settle(self) -> None:
        """Sort the latest entries in once they are many."""
        if len(self._recent) > max(self._most_recent, len(self._settled.trial_ids) // 8):
            self._settled = self._settled.joined(self._recent)
            self._recent = {}


@dataclass(frozen=True)
class _Settled:
    """Entries as arrays, ascending in the identities of their trials as numbers."""

    trial_ids: Identities
    ranks: Int8[np.ndarray, " trials"]
    finished: Int64[np.ndarray, " trials"]
    places: Int64[np.ndarray, " trials"]
    pruned_at: Int64[np.ndarray, " trials"]

    @classmethod
    def of(cls, entries: Mapping[str, Entry]) -> Self:
        """Return entries, sorted."""
        numbers = identity_numbers(entries)
        order = np.argsort(numbers)
        known = list(entries.values())
        return cls(
            numbers[order],
            np.array([entry.rank for entry in known], np.int8)[order],
            np.array([entry.finished for entry in known], np.int64)[order],
            np.array([entry.place for entry in known], np.int64)[order],
            np.array([entry.pruned_at for entry in known], np.int64)[order],
        )

    def joined(self, latest: Mapping[str, Entry | None]) -> Self:
        """Return these entries with the latest in place of those of the same trials."""
        kept = ~np.isin(self.trial_ids, identity_numbers(latest))
        added = self.of({name: entry for name, entry in latest.items() if entry is not None})
        at = np.searchsorted(self.trial_ids[kept], added.trial_ids)
        mine, others = vars(self), vars(added)
        return type(self)(**{n: np.insert(mine[n][kept], at, others[n]) for n in mine})

    def find(self, trial_ids: list[str]) -> list[Entry | None]:
        """Return the entry of each trial, None of those that are not among these."""
        found: list[Entry | None] = [None] * len(trial_ids)
        if not len(self.trial_ids):
            return found
        numbers = identity_numbers(trial_ids)
        at = np.searchsorted(self.trial_ids, numbers).clip(max=len(self.trial_ids) - 1)
        for place in np.flatnonzero(self.trial_ids[at] == numbers).tolist():
            row = at[place]
            values = (self.ranks, self.finished, self.places, self.pruned_at)
            found[place] = Entry(*(int(array[row]) for array in values))
        return found


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
