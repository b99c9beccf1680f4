"""Rows for trials whose pack could not be trained, and the kinds of errors in a table."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sweep.pack import Pack
from sweep.planning.grid import TrialGrid
from sweep.result import Curve, Outcome, Provenance, TrialResult, machine
from sweep.running.messages import Broken, Ended
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.snapshot import read_rows
from sweep.trial import Status, StopReason

WORKER_LOST = Broken(
    "the worker died every time (killed, out of memory, or its machine was lost)", ""
)
ALONE = ", also when it trained this trial alone"
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(frozen=True)
class FailureKind:
    """Failed trials whose errors differ only in numbers.

    Attributes:
        error: of the first of them. trial_id: which that is. trials: how many there are.
    """

    error: str
    trial_id: str
    trials: int


def held_failures(path: AnyPath, grid: TrialGrid) -> tuple[FailureKind, ...]:
    """Return the failed trials of a sweep that are in its table, by kind, the first one first."""
    if not ResultsDir.at(path).exists:
        return ()
    columns = ["trial_id", "error"]
    failed = read_rows(path, TableName.TRIALS, columns=columns, where=("status", [Status.FAILED]))
    if not failed.num_rows:
        return ()
    others = grid.unknown(failed["trial_id"].to_pylist())
    kinds: dict[str, FailureKind] = {}
    for row in failed.to_pylist():
        if row["trial_id"] not in others:
            kind = FailureKind(row["error"] or "unknown", row["trial_id"], 0)
            kind = kinds.setdefault(NUMBERS.sub("#", kind.error), kind)
            kinds[NUMBERS.sub("#", kind.error)] = replace(kind, trials=kind.trials + 1)
    return tuple(kinds.values())


def failed_results(
    pack: Pack, trial_ids: Iterable[str], *, broken: Broken | None, ended: Ended
) -> list[TrialResult]:
    """Return a row of status failed for each trial of `pack` among `trial_ids`.

    Args:
        pack: the pack given up.
        trial_ids: its trials that have no row.
        broken: what the last attempt raised; None if its worker died without a word.
        ended: how often the pack was started, and where last. A pack that no worker took up has
            the driver's host in its rows.
    """
    wanted: Collection[str] = set(trial_ids)
    alone = len({trial.path_id for trial in pack.trials}) == 1
    cause = broken or WORKER_LOST
    divided = cause is WORKER_LOST or cause.stalled
    outcome = Outcome(
        status=Status.FAILED,
        stop_reason=StopReason.FAILED,
        epochs=0,
        updates=0,
        error=cause.error + (ALONE if alone and divided else ""),
        traceback=cause.traceback or None,
    )
    provenance = _provenance(pack, ended)
    return [
        TrialResult(
            trial=trial,
            outcome=outcome,
            provenance=provenance,
            curve=Curve.empty(),
        )
        for trial in pack.trials
        if trial.trial_id in wanted
    ]


def _provenance(pack: Pack, ended: Ended) -> Provenance:
    now = datetime.now(UTC)
    return Provenance(
        seconds=0.0,
        seconds_share=0.0,
        device=pack.device,
        engine=pack.engine,
        numerics_version=0,
        pack=pack.pack_id,
        lanes=0,
        attempt=max(1, ended.attempts),
        resumed_from=0,
        started=now,
        finished=now,
        **machine() | ({"host": ended.host} if ended.host else {}),
    )
