"""`sweep stop`: end a job on a cluster, with all that it has finished kept."""

import click

from sweep.cli.console import say


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
