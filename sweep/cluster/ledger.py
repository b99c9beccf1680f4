"""The driver's account of a sweep under way: messages in, durable rows and counts out.

Knows neither Ray nor how packs are trained.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sweep.cluster.eta import Forecast
from sweep.cluster.failures import failed_results
from sweep.cluster.leftovers import seal
from sweep.cluster.messages import Broken, Ended, Message, Rows, Saved, Tally
from sweep.planning.packs import Pack
from sweep.store.writer import Writer
from sweep.training.work import Work
from sweep.trial import Status, Trial

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
        epochs_left: likely still to be trained; None while too few trials have finished to tell.
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
    epochs_left: float | None = None


@dataclass
class _Account:
    """A pack under way and what is still owed for it."""

    pack: Pack
    lanes: list[tuple[Trial, ...]]
    owed: set[str]
    broken: Broken | None = None


@dataclass
class Ledger:
    """Keeps every message; each method returns once what it was given is durable.

    Attributes:
        writer: the open results. sweep: name of the sweep. total: trials to train.
        forecast: foretells what is left.
        stopping: whether packs may end without all their rows.
        relapsed: trials that failed, but keep the row from which they can go on.
    """

    writer: Writer
    sweep: str
    total: int
    forecast: Forecast
    stopping: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    relapsed: set[str] = field(default_factory=set)
    epochs: int = 0
    _tally: Tally = field(default_factory=Tally)
    _accounts: dict[str, _Account] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _flush_at: float = FIRST_FLUSH_SECONDS

    def open(self, work: Work) -> None:
        """Expect a row for every trial of a pack."""
        owed = {trial.trial_id for trial in work.pack.trials}
        self._accounts[work.pack.pack_id] = _Account(work.pack, work.lanes(), owed)
        self.forecast.open(work.pack)

    def keep(self, pack_id: str, message: Message) -> None:
        """Make a message durable and act on it."""
        match message:
            case Rows():
                self._keep_rows(pack_id, message)
            case Saved(data):
                lanes = self._accounts[pack_id].lanes
                self.writer.save_checkpoint(pack_id, seal(lanes, data))
            case Broken():
                self._accounts[pack_id].broken = message
            case Ended():
                self._close(pack_id, message)
        self._flush_now_and_then()

    def note(self, tally: Tally) -> None:
        """Take in the progress since the last call."""
        self.epochs += tally.epochs
        self._tally = tally

    @property
    def failed(self) -> int:
        """Trials that failed, also where an earlier row stays for the state that goes with it."""
        return self.counts[Status.FAILED] + len(self.relapsed)

    def progress(self) -> SweepProgress:
        return SweepProgress(
            done=sum(self.counts.values()),
            total=self.total,
            failed=self.failed,
            diverged=self.counts[Status.DIVERGED],
            cancelled=self.counts[Status.CANCELLED],
            epochs=self.epochs,
            active=self._tally.active,
            waiting=self._tally.waiting,
            seconds=time.monotonic() - self._began,
            epochs_left=self.forecast.epochs_left(self.epochs),
        )

    def _keep_rows(self, pack_id: str, rows: Rows) -> None:
        statuses = dict(rows.statuses)
        added = self.writer.append(rows.data)
        self.counts.update(statuses[trial_id] for trial_id in added)
        for (trial_id, status), epochs in zip(rows.statuses, rows.epochs, strict=True):
            self.forecast.end(trial_id, epochs if status == Status.FINISHED else None)
        if account := self._accounts.get(pack_id):
            refused = account.owed & statuses.keys() - set(added)
            self.relapsed.update(t for t in refused if statuses[t] == Status.FAILED)
            account.owed -= statuses.keys()

    def _close(self, pack_id: str, ended: Ended) -> None:
        account = self._accounts[pack_id]
        unfinished = bool(account.owed)
        assert ended.lost or self.stopping or not unfinished, "a pack ended without all its rows"
        if unfinished and not self.stopping:
            self._fail(account, ended)
        if not unfinished and not self.stopping:  # else the next attempt goes on from there
            self.writer.drop_checkpoint(pack_id)
        del self._accounts[pack_id]

    def _fail(self, account: _Account, ended: Ended) -> None:
        owed: Iterable[str] = account.owed
        results = failed_results(account.pack, owed, broken=account.broken, ended=ended)
        self._keep_rows(account.pack.pack_id, Rows.of(results, self.sweep))

    def _flush_now_and_then(self) -> None:
        seconds = time.monotonic() - self._began
        if seconds > self._flush_at:
            self.writer.flush()
            self._flush_at = max(seconds + FIRST_FLUSH_SECONDS, seconds * FLUSH_GROWTH)
