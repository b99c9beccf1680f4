"""How far a job is: a file that it writes beside its log, read through its job server."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.jobs.control import JobServer, SweepJob
from sweep.store.places.files import write_atomically

VARIABLE = "SWEEP_PROGRESS_FILE"


def progress_name(job_id: str) -> str:
    """Return what the file is called in the folder in which the job's node keeps its logs."""
    return f"sweep-progress-{job_id}.json"


def note_progress(text: str, record: Mapping[str, Any]) -> None:
    """Write how far this process is, where it is a job; elsewhere do nothing."""
    if name := os.environ.get(VARIABLE):
        with suppress(OSError):  # training is worth more than news of it
            log = Path("/proc/self/fd/1").readlink()
            content = json.dumps({"text": text, **record}, default=str)
            write_atomically(log.parent / Path(name).name, content.encode())


def read_progress(server: JobServer, job: SweepJob) -> dict[str, Any] | None:
    """Return what a job wrote last, `text` for people among it; None where there is nothing."""
    if job.node_id is None:
        return None
    try:
        record = json.loads(server.read(job.node_id, progress_name(job.job_id)))
    except (SweepError, ValueError, RecursionError):
        return None
    known = isinstance(record, dict) and isinstance(record.get("text"), str)
    return record if known else None
