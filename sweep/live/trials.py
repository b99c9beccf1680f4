"""Counts the trials of a sweep as they come, and keeps the latest, the best and the errors."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sweep.live.varying import Varying
from sweep.live.views import ErrorView, TrialView
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.following import Follower, Fresh
from sweep.store.tables.holdings import RANKS
from sweep.store.tables.parts import read_part
from sweep.store.tables.table_set import with_values
from sweep.trial import PARAMETERS, Status

MOST_TRIALS = 12
MOST_KINDS = 20
MOST_POINTS = 60
MOST_TRACEBACK = 20_000
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
OUTCOME = ["trial_id", "status", "stop_reason", "epochs", "finished"]


@dataclass
class _Kept:
    """A trial that is shown, its row as it was read."""

    row: Mapping[str, Any]
    part: int | None
    loss: float | None
    curve: tuple[tuple[float, float], ...] | None = None


@dataclass
class _Kind:
    error: str
    trial_id: str
    traceback: str
    trial_ids: set[str] = field(default_factory=set)


class TrialTally:
    """The trials of a results directory, read as they come.

    Attributes:
        statuses, reasons: how many trials ended so. held: how many there are.
        last: when the latest of them ended, UTC.
    """

    def __init__(self, directory: ResultsDir) -> None:
        self._directory, self._follower = directory, Follower(directory)
        self._begin()

    def _begin(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.last: datetime | None = None
        self._varying = Varying()
        self._undecided: dict[str, tuple[str, str]] = {}
        self._moments: list[np.ndarray] = []
        self._latest: list[_Kept] = []
        self._best: list[_Kept] = []
        self._kinds: dict[str, _Kind] = {}

    @property
    def held(self) -> int:
        return self.statuses.total()

    @property
    def varying(self) -> tuple[str, ...]:
        return self._varying.names

    @property
    def mixed(self) -> tuple[str, ...]:
        return self._varying.mixed

    @property
    def n_errors(self) -> int:
        return sum(bool(kind.trial_ids) for kind in self._kinds.values())

    def update(self) -> bool:
        """Take in what is new; return whether anything was.

        Raises:
            StoreError: if a file is damaged.
        """
        news = self._follower.look()
        if news.restarted:
            self._begin()
        for fresh in news.fresh:
            self._take_in(fresh)
        if news.fresh:
            self._find_curves(news.fresh)
        return news.restarted or bool(news.fresh)

    def ended_since(self, moment: datetime) -> int:
        """Return how many trials have ended since then, but for those cancelled."""
        since = np.datetime64(moment.replace(tzinfo=None), "us").astype(np.int64)
        return sum(int((chunk >= since).sum()) for chunk in self._moments)

    def latest(self) -> tuple[TrialView, ...]:
        return tuple(map(self._view, self._latest))

    def best(self) -> tuple[TrialView, ...]:
        return tuple(map(self._view, self._best))

    def errors(self) -> tuple[ErrorView, ...]:
        """Return the errors of trials that failed, by kind."""
        kinds = [kind for kind in self._kinds.values() if kind.trial_ids][:MOST_KINDS]
        return tuple(
            ErrorView(kind.error, kind.trial_id, kind.traceback, len(kind.trial_ids))
            for kind in kinds
        )

    def _take_in(self, fresh: Fresh) -> None:
        trials = fresh.trials
        self._replace(trials["trial_id"].to_pylist() if self._undecided else ())
        for counter, name in ((self.statuses, "status"), (self.reasons, "stop_reason")):
            for item in pc.value_counts(trials[name]).to_pylist():
                counter[item["values"]] += item["counts"]
        self._varying.add(trials)
        self._note_undecided(trials)
        ended = trials.filter(pc.not_equal(trials["status"], Status.CANCELLED.value))
        self._moments.append(ended["finished"].cast(pa.int64()).to_numpy())
        if len(self._moments) > MOST_KINDS:
            self._moments = [np.concatenate(self._moments)]
        last = pc.max(trials["finished"]).as_py()
        self.last = last if self.last is None else max(self.last, last)
        self._keep(fresh)

    def _replace(self, trial_ids: Iterable[str]) -> None:
        """Forget rows in whose place others have come."""
        for trial_id in trial_ids:
            if before := self._undecided.pop(trial_id, None):
                status, reason = before
                self.statuses[status] -= 1
                self.reasons[reason] -= 1
                for kind in self._kinds.values() if status == Status.FAILED else ():
                    kind.trial_ids.discard(trial_id)

    def _note_undecided(self, trials: pa.Table) -> None:
        """Keep what another row may replace, and the errors."""
        reasons = [reason.value for reason in RANKS]
        undecided = with_values(trials, "stop_reason", reasons)
        columns = ["trial_id", "status", "stop_reason", "error", "traceback"]
        for row in undecided.select(columns).to_pylist():
            self._undecided[row["trial_id"]] = row["status"], row["stop_reason"]
            if row["status"] == Status.FAILED:
                error = row["error"] or "unknown"
                kind = _Kind(error, row["trial_id"], (row["traceback"] or "")[-MOST_TRACEBACK:])
                self._kinds.setdefault(NUMBERS.sub("#", error), kind).trial_ids.add(row["trial_id"])

    def _keep(self, fresh: Fresh) -> None:
        ids = set(fresh.trials["trial_id"].to_pylist())
        older = [kept for kept in self._latest if kept.row["trial_id"] not in ids]
        new = _kept(fresh.trials, fresh.part, "finished", "descending")
        self._latest = sorted([*new, *older], key=lambda kept: kept.row["finished"], reverse=True)
        self._latest = self._latest[:MOST_TRIALS]
        losses = pc.coalesce(fresh.trials["validation_loss"], fresh.trials["final_loss"])
        sound = pc.and_(
            pc.equal(fresh.trials["status"], Status.FINISHED.value),
            pc.fill_null(pc.is_finite(losses), False),
        )
        finished = fresh.trials.append_column("__loss", losses).filter(sound)
        better = _kept(finished, fresh.part, "__loss", "ascending")
        self._best = sorted(
            [*(kept for kept in self._best if kept.row["trial_id"] not in ids), *better],
            key=lambda kept: (kept.loss, kept.row["trial_id"]),
        )[:MOST_TRIALS]

    def _find_curves(self, news: Iterable[Fresh]) -> None:
        """Find the curves of the trials that are shown: come with their rows, or in their part."""
        wanted = [kept for kept in (*self._latest, *self._best) if kept.curve is None]
        for part in {kept.part for kept in wanted}:
            of_part = [kept for kept in wanted if kept.part == part]
            ids = {kept.row["trial_id"] for kept in of_part}
            if part is None:
                tables = [with_values(fresh.curves, "trial_id", ids) for fresh in news]
                curves = pa.concat_tables(tables)
            else:
                where = ("trial_id", ids)
                try:
                    curves = read_part(self._directory, TableName.CURVES, part, where=where)
                except FileNotFoundError:  # just put together with others: the next look reads all
                    continue
            for kept in of_part:
                kept.curve = _points(curves, kept.row["trial_id"])

    def _view(self, kept: _Kept) -> TrialView:
        from sweep.reports.tables.text import format_value

        row = kept.row
        return TrialView(
            trial_id=row["trial_id"],
            status=row["status"],
            reason=row["stop_reason"],
            epochs=row["epochs"],
            loss=kept.loss,
            held_out=row["validation_loss"] is not None,
            settings=tuple(format_value(row[name]) for name in self.varying),
            curve=kept.curve or (),
            finished=row["finished"],
        )


def _kept(trials: pa.Table, part: int | None, key: str, order: str) -> list[_Kept]:
    """Return the first rows by that column."""
    most = min(MOST_TRIALS, trials.num_rows)
    if not most:
        return []
    rows = trials.take(pc.select_k_unstable(trials, most, sort_keys=[(key, order)]))
    names = [*OUTCOME, "final_loss", "validation_loss", *PARAMETERS]
    return [_Kept(row, part, _loss(row)) for row in rows.select(names).to_pylist()]


def _loss(row: Mapping[str, Any]) -> float | None:
    held_out, final = row["validation_loss"], row["final_loss"]
    loss = final if held_out is None else held_out
    return loss if loss is not None and np.isfinite(loss) else None


def _points(curves: pa.Table, trial_id: str) -> tuple[tuple[float, float], ...]:
    """Return the curve of the last phase, thinned out evenly in the logarithm of the epoch."""
    rows = with_values(curves, "trial_id", [trial_id])
    if not rows.num_rows:
        return ()
    phase = rows["phase"].to_numpy()
    last = phase == phase.max()
    epochs, losses = rows["epoch"].to_numpy()[last], rows["loss"].to_numpy()[last]
    sound = np.isfinite(losses)
    epochs, losses = epochs[sound], losses[sound]
    if not len(epochs):
        return ()
    at = np.log(np.maximum(epochs, 1))
    marks = np.searchsorted(at, np.linspace(at[0], at[-1], MOST_POINTS))
    chosen = np.unique(np.minimum(marks, len(epochs) - 1))
    return tuple(zip(epochs[chosen].tolist(), losses[chosen].tolist(), strict=True))
