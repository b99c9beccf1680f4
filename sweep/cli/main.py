"""The `sweep` command: names its subcommands and imports each only when it is called.

Turns the library's errors into messages and exit codes.
"""

import atexit
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from sweep.cli.console import INTERRUPTED, guard_streams
from sweep.errors import ConfigError, SweepError, nearest

WRONG_INPUT = 2
COMMANDS = {
    "init": "Write a first sweep file for data of your own.",
    "plan": "Show what a sweep file asks for, and what is already done.",
    "run": "Train every trial that has no row yet.",
    "status": "Count the results so far, by how they ended.",
    "results": "Show the table of trials.",
    "query": "Answer a question in SQL over the tables.",
    "show": "Show everything about one trial.",
    "codes": "Show the hidden code of each sample of a trial.",
    "export": "Hand the trials to TensorBoard, MLflow or a CSV file.",
    "report": "Write a report with figures.",
    "compare": "Set two or more sweeps beside each other, trials paired.",
    "replay": "Show what a scheduler would have saved, without training.",
    "watch": "Watch a sweep under way in the terminal.",
    "serve": "Show sweeps in a browser while they train.",
    "submit": "Run a sweep as a job on a Ray cluster.",
    "jobs": "List the sweeps on a cluster.",
    "logs": "Show what a job on a cluster has printed.",
    "stop": "Stop a job on a cluster; what it finished is kept.",
    "fetch": "Bring a job's results from a cluster to this machine.",
    "verify": "Train a sample of finished trials again and compare.",
    "prune": "Remove the trials that no sweep file asks for.",
    "doctor": "Check every file of results, and repair them.",
    "completion": "Print a script that completes commands in your shell.",
    "schema": "Print the JSON Schema of sweep files, for editors.",
}
MODULES = {"schema": "plan"} | dict.fromkeys(("jobs", "logs", "stop", "fetch"), "cluster")
"""Where commands live that are not in a module of their own name."""

COMPLETING = "_SWEEP_COMPLETE"  # sweep.cli.completion.VARIABLE: set where a shell asks
PACKAGES = {"sweep": "autoencoder-sweep", "torch": "torch", "ray": "ray", "pyarrow": "pyarrow"}


class LazyGroup(click.Group):
    """A group whose commands live in modules of `sweep.cli.commands` as `NAME_command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"sweep.cli.commands.{MODULES.get(cmd_name, cmd_name)}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        if COMPLETING in os.environ:
            from sweep.cli.completion import completing

            return completing(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            names = ", ".join(COMMANDS)
            ctx.fail(f"command must be one of {names} (got {args[0]!r}){_did_you_mean(args[0])}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        if COMPLETING in os.environ:
            from sweep.cli.completion import register_shells

            register_shells()
        elif extra.get("standalone_mode", True):  # it ends the process, whose streams are its own
            guard_streams()
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        return _reporting(ctx, lambda: super(LazyGroup, self).invoke(ctx))


def _reporting(ctx: click.Context, call: Callable[[], Any]) -> Any:
    """Turn an error that a user can mend into its message and exit code."""
    code = WRONG_INPUT
    try:
        return call()
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
    except SweepError as error:
        click.echo(str(error), err=True)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    return ctx.exit(code)


def _did_you_mean(word: str) -> str:
    hint = nearest(word, list(COMMANDS))
    return f"; {hint}" if hint else ""


def _print_versions(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name, package in PACKAGES.items():
            click.echo(f"{name} {_version(package)}")
        ctx.exit()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Print the versions of sweep, torch, ray and pyarrow.",
)
def main() -> None:
    """Train grids of autoencoders to convergence, and read what came of it."""


def run_process() -> None:
    """Run the command line as a process of its own: what `sweep` and `python -m sweep` call.

    An interrupted process ends without Python's teardown where Ray is loaded: where its start was
    broken off that crashes now and then, and nothing is left to do.
    """
    try:
        main(prog_name="sweep")
    except SystemExit as exit_:
        _keep_terminal_as_it_is()
        if exit_.code == INTERRUPTED and "ray" in sys.modules:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


def _keep_terminal_as_it_is() -> None:
    """Have colorama, which Numba uses where it is installed, write nothing at the end.

    It would reset the colours of the terminal, in which it set none, and that be shown as text.
    """
    colorama = sys.modules.get("colorama.initialise")
    if colorama is not None:
        atexit.unregister(colorama.reset_all)
