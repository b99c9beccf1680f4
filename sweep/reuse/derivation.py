"""Derives the rows of trials from those of others on the same path, so that nothing trains twice.

A trial that ends at the very epoch at which another on its path ended has the same network, losses
and curves: its row is the other's under its own stop rule.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sweep.components.stopping import VALIDATION_LOSS
from sweep.config.sweepfile import Record
from sweep.ladder import Rung, restored_by
from sweep.nets.topology import count_parameters
from sweep.planning.identities import identity_numbers
from sweep.planning.plan import Plan
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.encoding import frame_of
from sweep.store.tables.reader import read_states
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.snapshot import read_rows
from sweep.store.tables.table_set import TableSet
from sweep.training.handover import past_of_state
from sweep.training.past import Past
from sweep.trial import STOP_PARAMETERS, Status, StopReason, Trial

BEST = ("best_loss", "best_epoch", "best_validation_loss", "best_validation_epoch")
COURSE = ("epochs", "seconds", *BEST, "last_delta")
COLUMNS = ["trial_id", "path_id", "status", "stop_reason", *COURSE, *STOP_PARAMETERS]
TRIALS_PER_FRAME = 20_000
PARAMETERS_PER_FRAME = 2**23
"""Largest group that is read and appended at once; each group costs a scan of the table."""


@dataclass(frozen=True)
class Derived:
    """A trial whose row follows from another's.

    Attributes:
        trial: which. reason: why it ended. source: identity of the trial whose row is its own too.
    """

    trial: Trial
    reason: StopReason
    source: str


def find_derived(plan: Plan, path: AnyPath) -> list[Derived]:
    """Return the missing trials of a plan whose rows follow from those held, if any are.

    Under a scheduler a trial that has a row trains on from there or not at all: one left behind is
    not to end as another on its path did.
    """
    if not plan.missing or not ResultsDir.at(path).exists:
        return []
    held = read_rows(path, TableName.TRIALS, columns=["path_id"])
    numbers = identity_numbers(held["path_id"].to_pylist())
    cells = plan.grid.cells
    rows = plan.rows[np.isin(cells.path_ids[plan.rows], numbers)]
    if plan.config.scheduler:
        own = identity_numbers(held["trial_id"].to_pylist())
        rows = rows[~np.isin(cells.trial_ids[rows], own)]
    if not len(rows):
        return []
    trials = [plan.grid.trial(int(row)) for row in rows]
    pasts = _Pasts(path, {trial.path_id for trial in trials}, plan)
    return [derived for trial in trials if (derived := pasts.derive(trial)) is not None]


def derived_frames(derived: Sequence[Derived], path: AnyPath, sweep: str) -> Iterator[bytes]:
    """Yield the results of derived trials as `Writer.append` takes them.

    States are left where they are: one serves every trial of its path.
    """
    for group in _groups(derived):
        sources = {item.source for item in group}
        tables = {TableName.STATE: SCHEMAS[TableName.STATE].empty_table()}
        for name in set(TableName) - {TableName.STATE}:
            table = read_rows(path, name, where=("trial_id", sources))
            tables[name] = _copied(table, group)
        tables[TableName.TRIALS] = _under_own_rule(tables[TableName.TRIALS], group, sweep)
        yield frame_of(TableSet(tables))


def _groups(derived: Sequence[Derived]) -> Iterator[list[Derived]]:
    """Yield the trials in groups small enough for memory."""
    group: list[Derived] = []
    room = PARAMETERS_PER_FRAME
    for item in derived:
        room -= count_parameters(item.trial.topology)
        if group and (room < 0 or len(group) == TRIALS_PER_FRAME):
            yield group
            group, room = [], PARAMETERS_PER_FRAME
        group.append(item)
    if group:
        yield group


class _Pasts:
    """What the results say of earlier trainings along some paths."""

    def __init__(self, path: AnyPath, path_ids: Collection[str], plan: Plan) -> None:
        self._path = path
        found = read_rows(path, TableName.TRIALS, columns=COLUMNS, where=("path_id", path_ids))
        rows = [row for row in found.to_pylist() if row["status"] != Status.FAILED]
        self._ids = {row["trial_id"] for row in rows}
        ladders = self._ladders(path_ids)
        self._pasts: dict[str, list[tuple[str, Past]]] = defaultdict(list)
        for row in rows:
            past = _past_of(row, ladders.get(row["trial_id"]))
            self._pasts[row["path_id"]].append((row["trial_id"], past))
        self._record = plan.config.record
        self._kept = {name: self._having(name) for name in _wanted(self._record)}
        self._without_ladder = self._ids - self._having(TableName.LADDER).keys()
        self._without_ladder -= {trial_id for trial_id, met in ladders.items() if not met}

    def derive(self, trial: Trial) -> Derived | None:
        """Return a trial's row if it follows from one held that has all that is to be kept."""
        for source, past in self._pasts.get(trial.path_id, []):
            reason = past.ending_of(trial)
            same = _stands_for(past.stop) == _stands_for(vars(trial))
            if reason is not None and same and self._is_whole(source, trial):
                return Derived(trial, reason, source)
        return None

    def _ladders(self, path_ids: Collection[str]) -> dict[str, dict[Rung, int]]:
        """Return the rungs met, by trial; trials without a kept ladder are left out."""
        ladders: dict[str, dict[Rung, int]] = {}
        met = read_rows(self._path, TableName.LADDER, where=("trial_id", self._ids))
        for row in met.to_pylist():
            rung = Rung(*(row[name] for name in Rung._fields))
            ladders.setdefault(row["trial_id"], {})[rung] = row["epoch"]
        if self._ids - ladders.keys():  # none was kept, or no rung was met: a state knows
            for state in read_states(self._path, path_ids):
                if state.epoch and "ladder_epoch" in state.arrays:
                    past = past_of_state(state.arrays, state.stop, state.stop_reason)
                    ladders.setdefault(state.trial_id, dict(past.ladder or {}))
        return ladders

    def _having(self, name: TableName) -> dict[str, int]:
        """Return the trials that have rows in a table; of codes, of how many layers."""
        columns = ["trial_id", "layer"] if name is TableName.CODES else ["trial_id"]
        table = read_rows(self._path, name, columns=columns, where=("trial_id", self._ids))
        return Counter(table.group_by(columns).aggregate([])["trial_id"].to_pylist())

    def _is_whole(self, source: str, trial: Trial) -> bool:
        """Whether its source kept everything that is to be kept of a trial."""
        if self._record.ladder and source in self._without_ladder:
            return False
        layers = len(trial.topology) - 2 if self._record.codes == "all" else 1
        needed = {TableName.CODES: layers}
        return all(kept.get(source, 0) >= needed.get(name, 1) for name, kept in self._kept.items())


def _stands_for(parameters: Mapping[str, Any]) -> str | None:
    """Return which weights a trial stands for, as trials of one path can compare it."""
    return restored_by(parameters, held_out=True)


def _wanted(record: Record) -> set[TableName]:
    """Return the tables in which every trial has rows."""
    wanted = {
        TableName.CURVES: record.curves,
        TableName.WEIGHTS: record.weights,
        TableName.GRADIENTS: record.gradients,
        TableName.CODES: record.codes != "none",
    }
    return {name for name, is_wanted in wanted.items() if is_wanted}


def _past_of(row: Mapping[str, Any], ladder: Mapping[Rung, int] | None) -> Past:
    reason = StopReason(row["stop_reason"])
    return Past(
        epoch=row["epochs"],
        seconds=row["seconds"],
        reason=reason,
        stop={name: row[name] for name in STOP_PARAMETERS},
        # a diverged trial of one epoch may have had a loss, and infinite weights after it
        loss_is_finite=reason is not StopReason.DIVERGED or row["last_delta"] is not None,
        ladder=ladder,
        validated=any(rung.monitor == VALIDATION_LOSS for rung in ladder or ()),
        **{name: row[name] for name in BEST},
    )


def _copied(table: pa.Table, derived: Sequence[Derived]) -> pa.Table:
    """Return the rows of the sources under the identities of the trials derived, in their order."""
    owners = np.array(table["trial_id"].to_pylist(), object)
    places: dict[str, list[int]] = defaultdict(list)
    for place, owner in enumerate(owners):
        places[owner].append(place)
    rows = [place for item in derived for place in places[item.source]]
    names = [item.trial.trial_id for item in derived for _ in places[item.source]]
    return _with(table.take(pa.array(rows, pa.int64())), {"trial_id": names})


def _under_own_rule(trials: pa.Table, derived: Sequence[Derived], sweep: str) -> pa.Table:
    """Return rows of the trials table with the stop rules and reasons of the trials derived."""
    columns: dict[str, list[Any]] = {
        "sweep": [sweep] * len(derived),
        "dataset": [item.trial.dataset for item in derived],
        "status": [str(item.reason.status) for item in derived],
        "stop_reason": [str(item.reason) for item in derived],
    }
    stops = {name: [getattr(item.trial, name) for item in derived] for name in STOP_PARAMETERS}
    return _with(trials, columns | stops)


def _with(table: pa.Table, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    arrays = [
        pa.chunked_array([pa.array(columns[item.name], item.type)])
        if item.name in columns
        else table[item.name]
        for item in table.schema
    ]
    return pa.Table.from_arrays(arrays, schema=table.schema)
