"""`sweep logs`: show what a job on a cluster has printed."""

import click


@click.command("logs")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job ends, and end as it does.")
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
