"""`sweep status`: count the results so far, or say how far a job on a cluster is."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sweep.printable import printable_line

if TYPE_CHECKING:
    from sweep.jobs.control import SweepJob


@click.command("status")
@click.argument("results")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--address", help="Job server on which RESULTS is a job, such as http://HEAD:8265.")
def status_command(results: str, as_json: bool, address: str | None) -> None:
    """Count the trials in RESULTS by how they ended: a directory, the name of a sweep, or its file.

    Says too whether a process is writing them now. With --address RESULTS is a job there, or a
    sweep for its latest: says its state, and how far it is.
    """
    if address:
        click.echo(_status_of_job(results, address, as_json))
        return
    from sweep.cli.places import find_results
    from sweep.live.record import read_record
    from sweep.reports.progress import format_progress, progress_of

    directory = find_results(results)
    progress = progress_of(directory)
    record = read_record(directory) if progress.writer else None
    latest = record.text if record else None
    if as_json:
        click.echo(json.dumps(asdict(progress) | {"latest": latest}, default=str, indent=2))
    else:
        click.echo(format_progress(progress))
        if latest:
            click.echo(printable_line(latest))


def _status_of_job(name: str, address: str, as_json: bool) -> str:
    from sweep.jobs.control import JobServer
    from sweep.jobs.progress import read_progress

    server = JobServer(address)
    job = server.find(name)
    progress = read_progress(server, job)
    latest = progress["text"] if progress else _last_line(server.log(job.job_id))
    if as_json:
        record = asdict(job) | {"outcome": job.outcome, "latest": latest, "progress": progress}
        return json.dumps(record, default=str, indent=2)
    return format_job(job, latest)


def _last_line(log: str) -> str:
    return ([line for line in log.splitlines() if line.strip()] or [""])[-1]


def format_job(job: "SweepJob", latest: str) -> str:
    """Write where a job stands for people."""
    from sweep.running.wording import clock

    started = f"{job.started:%Y-%m-%d %H:%M:%S} UTC, " if job.started else ""
    lines = {
        "job": job.job_id,
        "sweep": job.sweep,
        "state": job.state + ("" if not job.state.is_over else f" (exit code {job.outcome})"),
        "started": f"{started}{clock(job.seconds)} ago"
        if not job.ended
        else f"{started}took {clock(job.seconds)}",
        "results": job.results,
        "latest": latest,
    }
    return "\n".join(printable_line(f"{name:8}  {text}") for name, text in lines.items())
