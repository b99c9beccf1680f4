"""`sweep jobs`: list the sweeps on a cluster."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sweep.printable import printable_line

if TYPE_CHECKING:
    from sweep.jobs.control import SweepJob

COLUMNS = ("job", "state", "sweep", "started (UTC)", "duration")


@click.command("jobs")
@click.option("--address", help="Job server, such as http://HEAD:8265. [RAY_ADDRESS]")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def jobs_command(address: str | None, as_json: bool) -> None:
    """List the sweeps that were submitted to a cluster, the oldest first."""
    from sweep.jobs.control import JobServer

    jobs = JobServer(address).jobs()
    if as_json:
        records = [asdict(job) | {"outcome": job.outcome} for job in jobs]
        click.echo(json.dumps(records, default=str, indent=2))
    else:
        click.echo(format_jobs(jobs))


def format_jobs(jobs: "list[SweepJob]") -> str:
    """Write jobs as a table."""
    from sweep.cli.progress import clock

    lines: list[tuple[str, ...]] = [COLUMNS]
    for job in jobs:
        started = f"{job.started:%Y-%m-%d %H:%M:%S}" if job.started else "-"
        cells = (job.job_id, job.state, job.sweep, started, clock(job.seconds))
        lines.append(tuple(map(printable_line, cells)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
