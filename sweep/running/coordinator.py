"""Keeps what workers send of a sweep under way: messages in, durable rows and counts out."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sweep.pack import Pack
from sweep.planning.packs import halve_pack
from sweep.reuse.checkpoint_files import decode_checkpoint, encode_checkpoint
from sweep.reuse.resume import match_starts
from sweep.running.failures import failed_results
from sweep.running.forecast import Forecast
from sweep.running.messages import Broken, Ended, Message, Rows, Saved, Tally, WorkerState
from sweep.running.recent import RecentTrials
from sweep.store.tables.reader import SavedState
from sweep.store.tables.writer import Writer
from sweep.training.work import Work
from sweep.trial import Status, Trial

FIRST_FLUSH_SECONDS = 60.0
MOST_SPLITS = 64  # four culprits among 8,192 trials take 52
FLUSH_GROWTH = 1.25  # parts grow in number with the logarithm of the run's length only


class RunPhase(StrEnum):
    """What a run does at the moment."""

    STARTING_RAY = "starting Ray"
    STARTING_WORKERS = "starting workers"
    COMPILING = "compiling the kernel, once for this machine"
    LOADING = "loading data"
    TRAINING = "training"
    STOPPING = "stopping"


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep.

    Attributes:
        done: trials with a row of this run. total: trials that this run is to train.
        failed, diverged, cancelled: those among `done`. pruned: those that a scheduler stopped, and
            which may go on.
        epochs: epochs trained, all lanes together. epochs_most: if every path reaches its limit.
        active: lanes in training. waiting: trials of the packs under way that have no lane yet.
        seconds: since the start.
        epochs_left: likely still to be trained, from and to: at nine moments of ten of recorded
            runs the truth lay between; None while too few trials have finished to tell.
        best_loss: of a finished trial, on held-out samples where there are any; None before.
        phase: what the run does.
        compiling: packs for which something is being compiled.
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
    epochs_left: tuple[float, float] | None = None
    epochs_most: int = 0
    best_loss: float | None = None
    phase: RunPhase = RunPhase.TRAINING
    compiling: int = 0
    pruned: int = 0


@dataclass
class _OpenPack:
    """A pack under way.

    Attributes:
        lanes: its trials by lane. owed: those without a row yet.
        splits: one entry for each time that it, or a pack that it was part of, was split.
        broken: what an attempt raised. saved: whether it has a checkpoint of this run.
    """

    work: Work
    lanes: list[tuple[Trial, ...]]
    owed: set[str]
    splits: list[None]
    broken: Broken | None = None
    saved: bool = False

    @property
    def pack(self) -> Pack:
        return self.work.pack

    def last_broken(self, ended: Ended) -> Broken | None:
        """Return what the last attempt raised; None if its worker died without reporting."""
        told = self.broken is not None and self.broken.attempt == ended.attempts
        return self.broken if told else None


@dataclass
class Coordinator:
    """Keeps every message of every pack; returns once what it was given is durable.

    Attributes:
        writer: the open results. sweep: name of the sweep. total: trials to train.
        epochs_most: epochs to train if every path reaches its limit.
        forecast: predicts what is left.
        stopping: whether packs may end without all their rows.
        relapsed: trials that failed, but keep the row from which they can go on.
        pruned: trials that a scheduler stopped and that have not gone on since.
        starting: what is waited for until a worker has begun.
        on_rows: told of results once they are durable.
        workers: what they do, as they said last. recent: the trials that ended last.
    """

    writer: Writer
    sweep: str
    total: int
    forecast: Forecast
    stopping: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    relapsed: set[str] = field(default_factory=set)
    pruned: set[str] = field(default_factory=set)
    starting: RunPhase = RunPhase.STARTING_WORKERS
    on_rows: Callable[[Rows], None] | None = None
    epochs_most: int = 0
    epochs: int = 0
    best_loss: float | None = None
    workers: tuple[WorkerState, ...] = ()
    recent: RecentTrials = field(default_factory=RecentTrials)
    _tally: Tally = field(default_factory=Tally)
    _packs: dict[str, _OpenPack] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _flush_at: float = FIRST_FLUSH_SECONDS

    def open(self, work: Work) -> None:
        """Expect a row for every trial of a pack."""
        if work.starts:  # the lanes that wait would be missing in the first checkpoint of this run
            self.writer.set_checkpoint_aside(work.pack.pack_id)
        self._open(work, [])
        self.forecast.open(work.pack)
        going_on = self.pruned & {trial.trial_id for trial in work.pack.trials}
        self.pruned -= going_on
        self.counts[Status.PRUNED] -= len(going_on)

    def is_open(self) -> bool:
        """Return whether any pack has not ended."""
        return bool(self._packs)

    def under_way(self) -> list[tuple[Work, bytes | None]]:
        """Return each pack that has not ended, and the latest checkpoint of this run."""
        return [(p.work, self._checkpoint(p)[1]) for p in self._packs.values()]

    def split(self, pack_id: str, ended: Ended) -> tuple[Work, ...]:
        """Split the unfinished trials of a pack whose worker died or stalled into two packs.

        They go on from its latest checkpoint. The pack itself is closed.

        Returns:
            The two, opened; none if there is nothing to divide, the pack raised rather than died,
            or it was divided so often already that no single trial can be the reason.
        """
        open_pack = self._packs[pack_id]
        broken = open_pack.last_broken(ended)
        raised = broken and not broken.stalled
        if self.stopping or raised or len(open_pack.splits) >= MOST_SPLITS:
            return ()
        halves = halve_pack(open_pack.pack, open_pack.owed)
        if halves:
            open_pack.splits.append(None)  # one list for all packs that come of the first
            saved, _ = self._checkpoint(open_pack)
            parts = tuple(_work_of(half, open_pack.work, saved) for half in halves)
            for work in parts:
                self._open(work, open_pack.splits)
            del self._packs[pack_id]
            return parts
        return ()

    def _open(self, work: Work, splits: list[None]) -> None:
        owed = {trial.trial_id for trial in work.pack.trials}
        self._packs[work.pack.pack_id] = _OpenPack(work, work.lanes(), owed, splits)

    def owed(self, pack_id: str) -> int:
        """Return how many trials of a pack have no row yet."""
        open_pack = self._packs.get(pack_id)
        return len(open_pack.owed) if open_pack else 0

    def _checkpoint(self, open_pack: _OpenPack) -> tuple[list[SavedState], bytes | None]:
        """Return what the latest checkpoint of a pack says, nothing if there is none."""
        file = self.writer.load_checkpoint(open_pack.pack.pack_id) if open_pack.saved else None
        return ([], None) if file is None else decode_checkpoint(file)

    def keep(self, pack_id: str, message: Message) -> None:
        """Make a message durable and act on it."""
        match message:
            case Rows():
                self._keep_rows(message)
            case Saved(data):
                if open_pack := self._packs.get(pack_id):  # else of a worker given up before
                    self.writer.save_checkpoint(pack_id, encode_checkpoint(open_pack.lanes, data))
                    open_pack.saved = True
            case Broken():
                if open_pack := self._packs.get(pack_id):
                    open_pack.broken = message
            case Ended():
                self._close(pack_id, message)
        self._flush_now_and_then()

    def note(self, tally: Tally, workers: tuple[WorkerState, ...] | None = None) -> None:
        """Take in the progress since the last call, and what workers do if that is told."""
        self.epochs += tally.epochs
        self._tally = tally
        self.workers = self.workers if workers is None else workers

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
            pruned=self.counts[Status.PRUNED],
            epochs=self.epochs,
            active=self._tally.active,
            waiting=self._tally.waiting,
            seconds=time.monotonic() - self._began,
            epochs_left=self.forecast.range_left(self.epochs, self.epochs_most),
            epochs_most=self.epochs_most,
            best_loss=self.best_loss,
            phase=self._phase(),
            compiling=self._tally.compiling,
        )

    def _phase(self) -> RunPhase:
        if self.stopping:
            return RunPhase.STOPPING
        if self.epochs or self._tally.active or self.counts.total():
            return RunPhase.TRAINING
        if not self._tally.waiting:
            return self.starting
        return RunPhase.COMPILING if self._tally.compiling else RunPhase.LOADING

    def _keep_rows(self, rows: Rows) -> None:
        statuses = dict(rows.statuses)
        added = self.writer.append(rows.data)
        self.counts.update(statuses[trial_id] for trial_id in added)
        self.pruned.update(t for t in added if statuses[t] == Status.PRUNED)
        for (trial_id, status), epochs in zip(rows.statuses, rows.epochs, strict=True):
            self.forecast.end(trial_id, epochs if status == Status.FINISHED else None)
        for (_, status), loss in zip(rows.statuses, rows.losses, strict=True):
            if status == Status.FINISHED and loss is not None and loss == loss:
                self.best_loss = loss if self.best_loss is None else min(loss, self.best_loss)
        refused = statuses.keys() - set(added)
        for pack_id, (trial_id, status) in zip(rows.packs, rows.statuses, strict=True):
            open_pack = self._packs.get(pack_id)
            if open_pack and trial_id in open_pack.owed:
                open_pack.owed.remove(trial_id)
                if trial_id in refused and status == Status.FAILED:
                    self.relapsed.add(trial_id)
        self.recent.hear(rows)
        if self.on_rows:
            self.on_rows(rows)

    def _close(self, pack_id: str, ended: Ended) -> None:
        open_pack = self._packs[pack_id]
        unfinished = bool(open_pack.owed)
        assert ended.lost or self.stopping or not unfinished, "a pack ended without all its rows"
        if unfinished and not self.stopping:
            self._fail(open_pack, ended)
        if not unfinished and not self.stopping:  # else the next attempt goes on from there
            self.writer.drop_checkpoint(pack_id)
        del self._packs[pack_id]

    def _fail(self, open_pack: _OpenPack, ended: Ended) -> None:
        owed: Iterable[str] = open_pack.owed
        results = failed_results(
            open_pack.pack, owed, broken=open_pack.last_broken(ended), ended=ended
        )
        self._keep_rows(Rows.of(results, self.sweep))

    def _flush_now_and_then(self) -> None:
        seconds = time.monotonic() - self._began
        if seconds > self._flush_at:
            self.writer.flush()
            self._flush_at = max(seconds + FIRST_FLUSH_SECONDS, seconds * FLUSH_GROWTH)


def _work_of(pack: Pack, work: Work, saved: Iterable[SavedState]) -> Work:
    """Return `work` for a part of its pack, from the states saved or those that it began with."""
    owners = {trial.trial_id for trial in pack.trials}
    starts = {t: start for t, start in work.starts.items() if t in owners}
    return replace(work, pack=pack, starts=starts | match_starts(pack.trials, saved))
