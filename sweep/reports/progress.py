"""Counts how far a sweep has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from sweep.printable import printable_line
from sweep.store.places.layout import ResultsDir
from sweep.store.places.lease import Holder
from sweep.store.places.lock import writer_of
from sweep.store.runs import read_run, run_files
from sweep.store.tables.reader import read_trials
from sweep.trial import Status


@dataclass(frozen=True)
class SweepStatus:
    """Where a sweep stands.

    Attributes:
        trials: trials held. done, total: those that the latest run asked for, held and all; None
            where no run was recorded with them.
        by_status, by_stop_reason: how many of each, the most frequent first.
        last_finished: when the latest of them ended, UTC; None without any.
        writer: the process that is writing; None if nobody is.
    """

    trials: int
    done: int | None
    total: int | None
    by_status: Mapping[str, int]
    by_stop_reason: Mapping[str, int]
    last_finished: datetime | None
    writer: Holder | None


def progress_of(directory: ResultsDir) -> SweepStatus:
    """Count the results in a directory.

    Raises:
        StoreError: if there are none, or a file is damaged.
    """
    trials = read_trials(directory.path)
    done, total = _share_of_run(directory, trials)
    return SweepStatus(
        trials=len(trials),
        done=done,
        total=total,
        by_status=_counts(trials["status"]),
        by_stop_reason=_counts(trials["stop_reason"]),
        last_finished=trials["finished"].max().to_pydatetime() if len(trials) else None,
        writer=writer_of(directory.lock),
    )


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().items()}


def _share_of_run(
    directory: ResultsDir, trials: pd.DataFrame
) -> tuple[int, int] | tuple[None, None]:
    """Return how many trials of the latest run are held, and how many it asked for.

    The table may hold trials of other grids: counted are those done at the start of the run, and
    what has been finished since.
    """
    files = run_files(directory)
    run = read_run(files[-1]) if files else None
    if run is None or run.trials is None or run.done is None:
        return None, None
    since = trials["finished"] >= pd.Timestamp(run.started)
    added = int((since & (trials["status"] != Status.CANCELLED)).sum())
    return min(run.done + added, run.trials), run.trials


def format_progress(progress: SweepStatus) -> str:
    """Write where a sweep stands for people."""
    lines = [f"{progress.trials:,} trials"]
    if progress.total is not None:
        lines.append(f"{progress.done:,} of {progress.total:,} that the latest run asked for")
    lines += [f"  {count:>9,}  {status}" for status, count in progress.by_status.items()]
    lines += ["stop reasons"]
    lines += [f"  {count:>9,}  {reason}" for reason, count in progress.by_stop_reason.items()]
    if progress.last_finished is not None:
        lines.append(f"last finished {progress.last_finished:%Y-%m-%d %H:%M:%S} UTC")
    holder = progress.writer
    lines.append(
        f"being written by pid {holder.pid} on host {holder.host}"
        if holder
        else "nobody is writing"
    )
    return "\n".join(map(printable_line, lines))
