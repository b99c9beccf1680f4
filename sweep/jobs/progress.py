"""How far a job is: a file that it writes beside its log, read through its job server."""

import json
from typing import Any

from sweep.errors import SweepError
from sweep.jobs.control import JobServer, SweepJob


def progress_name(job_id: str) -> str:
    """Return what the file is called in the folder in which the job's node keeps its logs."""
    return f"sweep-progress-{job_id}.json"


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
