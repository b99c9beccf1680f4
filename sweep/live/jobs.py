"""A sweep seen through a cluster's job server: what its job says of itself."""

from dataclasses import dataclass, field

from sweep.jobs.control import JobServer, JobState, SweepJob
from sweep.jobs.progress import read_progress
from sweep.live.record import RunRecord, record_of
from sweep.live.sweeps import progress_fields
from sweep.live.views import SweepState, SweepView

STATES = {
    JobState.PENDING: SweepState.WAITING,
    JobState.RUNNING: SweepState.RUNNING,
    JobState.SUCCEEDED: SweepState.COMPLETE,
    JobState.FAILED: SweepState.FAILED,
    JobState.STOPPED: SweepState.STOPPED,
}
LAST_CHARACTERS = 4_000


@dataclass
class WatchedJob:
    """The job of this name, looked at again and again."""

    server: JobServer
    job_id: str
    _record: RunRecord | None = field(default=None)

    def look(self) -> SweepView:
        """Return the sweep as its job says that it is.

        Raises:
            SweepError: the job server cannot be reached, or does not know it.
        """
        job = self.server.look(self.job_id)
        told = record_of(read_progress(self.server, job))
        if told and told.total:  # the last word of a job that is over has no counts
            self._record = told
        return view_of_job(job, self._record, told.text if told else "")

    def log(self) -> str:
        """Return the end of what the job has printed."""
        return self.server.log(self.job_id)[-LAST_CHARACTERS:]


def view_of_job(job: SweepJob, record: RunRecord | None, text: str) -> SweepView:
    """Return the view of a job; what it said of itself while it is known."""
    state = STATES[job.state]
    failed = job.state == JobState.FAILED
    view = SweepView(
        name=job.sweep,
        place=job.results,
        state=state,
        job=job.job_id,
        note=(job.message[-LAST_CHARACTERS:] if failed else "") or text,
        last=job.ended,
        seconds=job.seconds,
    )
    if record is None:
        return view
    known = vars(view) | {
        "counts": {name: count for name, count in record.counts.items() if count},
        "held": record.done,
        "done": record.done,
        "total": record.total,
        "latest": record.latest,
        "best": record.best,
        "errors": record.errors,
        "n_errors": len(record.errors),
    }
    return SweepView(**known | (progress_fields(record) if state == SweepState.RUNNING else {}))
