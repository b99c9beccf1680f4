"""The driver's account of a sweep under way: messages in, durable rows and counts out.

Knows neither Ray nor how packs are trained.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sweep.cluster.failures import failed_results
from sweep.cluster.leftovers import with_rules
from sweep.cluster.messages import Broken, Ended, Message, Rows, Saved, Tally
from sweep.planning.packs import Pack
from sweep.store.writer import Writer
from sweep.trial import Status

FIRST_FLUSH_SECONDS = 60.0
FLUSH_GROWTH = 1.25  # parts grow in number with the logarithm of the run's length only


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep has come.

    Attributes:
        done: trials with a row of this run. total: trials that this run is to train.
        failed, diverged, cancelled: those among `done`.
        epochs: epochs trained, all lanes together.
        active: lanes in training. waiting: trials of the packs under way that have no lane yet.
        seconds: since the start.
    """

    done: int
    total: int
    failed: int
    diverged: int
    cancelled: int
    epochs: int
    active: int
    waiting: int
    seconds: float


@dataclass
class _Account:
    """A pack under way and what is still owed for it."""

    pack: Pack
    owed: set[str]
    broken: Broken | None = None


@dataclass
class Ledger:
    """Keeps every message; each method returns once what it was given is durable.

    Attributes:
        writer: the open results. sweep: name of the sweep. total: trials to train.
        stopping: whether packs may end without all their rows.
    """

    writer: Writer
    sweep: str
    total: int
    stopping: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    epochs: int = 0
    _tally: Tally = field(default_factory=Tally)
    _accounts: dict[str, _Account] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _flush_at: float = FIRST_FLUSH_SECONDS

    def open(self, pack: Pack) -> None:
        """Expect a row for every trial of `pack`."""
        self._accounts[pack.pack_id] = _Account(pack, {t.trial_id for t in pack.trials})

    def keep(self, pack_id: str, message: Message) -> None:
        """Make a message durable and act on it."""
        match message:
            case Rows():
                self._keep_rows(pack_id, message)
            case Saved(data):
                pack = self._accounts[pack_id].pack
                self.writer.save_checkpoint(pack_id, with_rules(pack, data))
            case Broken():
                self._accounts[pack_id].broken = message
            case Ended(lost):
                self._close(pack_id, lost)
        self._flush_now_and_then()

    def note(self, tally: Tally) -> None:
        """Take in the progress since the last call."""
        self.epochs += tally.epochs
        self._tally = tally

    def progress(self) -> SweepProgress:
        return SweepProgress(
            done=sum(self.counts.values()),
            total=self.total,
            failed=self.counts[Status.FAILED],
            diverged=self.counts[Status.DIVERGED],
            cancelled=self.counts[Status.CANCELLED],
            epochs=self.epochs,
            active=self._tally.active,
            waiting=self._tally.waiting,
            seconds=time.monotonic() - self._began,
        )

    def _keep_rows(self, pack_id: str, rows: Rows) -> None:
        statuses = dict(rows.statuses)
        added = self.writer.append(rows.data)
        self.counts.update(statuses[trial_id] for trial_id in added)
        if account := self._accounts.get(pack_id):
            account.owed -= statuses.keys()

    def _close(self, pack_id: str, lost: bool) -> None:
        account = self._accounts.pop(pack_id)
        assert lost or self.stopping or not account.owed, "a pack ended without all its rows"
        if lost and not self.stopping:
            self._fail(account)
        if not self.stopping:
            self.writer.drop_checkpoint(pack_id)

    def _fail(self, account: _Account) -> None:
        owed: Iterable[str] = account.owed
        results = failed_results(account.pack, owed, account.broken)
        if results:
            self._keep_rows(account.pack.pack_id, Rows.of(results, self.sweep))

    def _flush_now_and_then(self) -> None:
        seconds = time.monotonic() - self._began
        if seconds > self._flush_at:
            self.writer.flush()
            self._flush_at = max(seconds + FIRST_FLUSH_SECONDS, seconds * FLUSH_GROWTH)
