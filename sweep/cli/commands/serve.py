"""`sweep serve`: pages of sweeps under way, for a browser."""

import click

from sweep.cli.console import say


@click.command("serve")
@click.argument("results", nargs=-1)
@click.option("--address", help="Job server of a cluster to show too, such as http://HEAD:8265.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen at; 0 for any that is free.",
)
@click.option("--token", envvar="SWEEP_TOKEN", help="What visitors must know. [made where needed]")
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="Name to answer to; may be repeated."
)
@click.option("--allow-submit", is_flag=True, help="Let sweeps be submitted and stopped there.")
def serve_command(
    results: tuple[str, ...],
    address: str | None,
    host: str,
    port: int,
    token: str | None,
    allow_host: tuple[str, ...],
    allow_submit: bool,
) -> None:
    """Show sweeps in a browser, their progress live.

    RESULTS are folders of a sweep's results, folders of such, or URIs of either. [results] Nothing
    is written, and nobody's own code is run. At an address other than this machine's own, or with
    --allow-submit, visitors need the token in the printed link.

    Ends with Ctrl-C. Exit code: 0, 2 wrong input.
    """
    from sweep.serve.server import ServeOptions, serve

    options = ServeOptions(
        places=results or ("results",),
        address=address,
        host=host,
        port=port,
        token=token,
        names=allow_host,
        may_submit=allow_submit,
    )
    serve(options, lambda url: say(f"serving at {url}", err=True))
