"""`sweep submit`: run a sweep as a job on a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep.cli.commands.run import ENGINES
from sweep.cli.console import INTERRUPTED, say
from sweep.cli.options import failure_options, plugin_options

LAST_CHARACTERS = 2000

if TYPE_CHECKING:
    from sweep.jobs.control import JobServer, SweepJob


@click.command("submit")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@click.option("--address", help="Its job server, such as http://HEAD:8265. [RAY_ADDRESS]")
@click.option("--follow", is_flag=True, help="Show the job's log, and exit as the job does.")
@click.option("--output", help="Results, a path on its head or a URI. [~/sweep-results/NAME]")
@click.option("--engine", type=click.Choice(ENGINES), help="What trains a pack. [the file's]")
@click.option("--workers", type=click.IntRange(min=1), help="Packs trained at a time. [all CPUs]")
@click.option("--retry", type=click.Choice(["failed"]), help="Train again what failed before.")
@click.option("--merge", is_flag=True, help="Add to results of another sweep, too.")
@failure_options
@click.option("--no-install", is_flag=True, help="Use the sweep that its nodes have.")
@click.option("--name", help="Name of the job. [NAME-HASH]")
@click.option(
    "--include",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File or folder to send besides; may be repeated.",
)
@plugin_options
@click.pass_context
def submit_command(
    context: click.Context,
    /,
    config: Path,
    overrides: tuple[str, ...],
    address: str | None,
    follow: bool,
    **given: Any,
) -> None:
    """Run CONFIG as a job on a Ray cluster, with OVERRIDES, as `sweep run` does here.

    Sent are the file, what it names by a relative path (the data of a table or of images, files in
    a data set's options), modules of yours that it names, what --include names, and, unless
    --no-install, this sweep; what it needs is installed for the job in the versions used here. All
    of that must lie below the working directory. Data named by an absolute path are not sent: every
    node must have them there.

    Exit code: 0 submitted, 2 wrong input; with --follow that of the job: 0 all well, 1 the job or
    some trials of CONFIG failed, now or before, 2 wrong input, 130 stopped.
    """
    from sweep.jobs.control import JobServer
    from sweep.jobs.submit import SubmitOptions, submit_sweep

    options = SubmitOptions(
        output=given["output"],
        engine=given["engine"],
        workers=given["workers"],
        retry_failed=given["retry"] == "failed",
        merge=given["merge"],
        max_failed=given["max_failed"],
        install=not given["no_install"],
        name=given["name"],
        include=given["include"],
    )
    server = JobServer(address)
    job = submit_sweep(server, config, overrides, options)
    say(f"job {job.job_id}, results in {job.results} on {server.address}", err=True)
    if follow:
        context.exit(follow_job(server, job))
    say(job.job_id)


def follow_job(server: "JobServer", job: "SweepJob") -> int:
    """Print a job's log until it ends; return the exit code of its outcome."""
    try:
        for text in server.follow(job.job_id):
            click.echo(text, nl=False)
    except KeyboardInterrupt:
        say(f"job {job.job_id} goes on; `sweep stop {job.job_id}` ends it", err=True)
        return INTERRUPTED
    ended = server.look(job.job_id)
    if ended.state == "failed" and ended.exit_code is None:  # it never began, so no log says why
        click.echo(ended.message[-LAST_CHARACTERS:], err=True)
    say(f"job {ended.job_id} {ended.state}", err=True)
    return ended.outcome
