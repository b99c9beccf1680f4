"""`sweep jobs`, `logs`, `stop` and `fetch`: the jobs of a cluster, seen from here."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
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
    from sweep.running.wording import clock

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


@click.command("logs")
@click.argument("job")
@click.option(
    "--follow", "-f", is_flag=True, help="Follow the log until the job ends, and exit as it does."
)
@click.option("--address", help="Job server, such as http://HEAD:8265. [RAY_ADDRESS]")
@click.pass_context
def logs_command(context: click.Context, job: str, follow: bool, address: str | None) -> None:
    """Show the log of JOB: the name of a job, or of a sweep for its latest.

    Exit code: 0, 2 wrong input; with --follow that of the job, 130 if it was stopped.
    """
    from sweep.cli.commands.submit import follow_job
    from sweep.jobs.control import JobServer

    server = JobServer(address)
    found = server.find(job)
    if follow:
        context.exit(follow_job(server, found))
    click.echo(server.log(found.job_id), nl=False)


@click.command("stop")
@click.argument("job")
@click.option("--address", help="Job server, such as http://HEAD:8265. [RAY_ADDRESS]")
def stop_command(job: str, address: str | None) -> None:
    """Stop JOB: the name of a job, or of a sweep for its latest. Returns once it has ended.

    Finished trials are kept, and the state of those in training: submit the same sweep again, and
    it goes on where it was.

    Exit code: 0 it is over, 2 wrong input.
    """
    from sweep.jobs.control import JobServer

    server = JobServer(address)
    found = server.find(job)
    if found.state.is_over:
        say(f"job {found.job_id} is over already: {found.state}")
        return
    ended = server.stop(found.job_id)
    lines = [line for line in server.log(ended.job_id).splitlines() if line.strip()]
    for line in [*lines[-2:], f"job {ended.job_id} {ended.state}"]:
        say(line)


@click.command("fetch")
@click.argument("job")
@click.option("--output", type=click.Path(path_type=Path), help="Where to. [results/NAME]")
@click.option("--address", help="Job server, such as http://HEAD:8265. [RAY_ADDRESS]")
def fetch_command(job: str, output: Path | None, address: str | None) -> None:
    """Copy the results of JOB, the name of a job or a sweep, as they are now; only what is new.

    The job may still run. Results in the folder that did not come from there are never touched.

    Exit code: 0, 2 wrong input or nothing there yet.
    """
    from sweep.cli.places import RESULTS
    from sweep.jobs.control import JobServer
    from sweep.jobs.fetch import fetch_results

    server = JobServer(address)
    found = server.find(job)
    fetched = fetch_results(server, found, output or RESULTS / found.sweep)
    size = f"{fetched.size / 2**20:.1f} MiB"
    say(f"{fetched.files:,} files, {size}, into {fetched.output}")
