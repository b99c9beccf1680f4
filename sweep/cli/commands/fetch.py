"""`sweep fetch`: bring a job's results to this machine."""

from pathlib import Path

import click

from sweep.cli.console import say


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
