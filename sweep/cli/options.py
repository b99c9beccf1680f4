"""Options that several commands share: whose code may run, what ends a run, what judges."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sweep.ladder import Rung

RULES = ["delta", "early_stopping", "loss"]  # sweep.ladder.LADDER, which takes long to import
MONITORED = ["loss", "validation_loss"]  # sweep.components.stopping.MONITORED, likewise


def _may_run(package: str, place: Path) -> bool:
    """Ask whether code may run, where there is somebody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    from sweep.printable import printable_line

    text = f"The sweep file runs code of {package!r}, at {printable_line(str(place))}. Run it?"
    return click.confirm(text, err=True)


_no_plugins = click.option(
    "--no-plugins",
    is_flag=True,
    help="Run nobody's own code: refuse names like package.module:name.",
)
_trust = click.option(
    "--trust",
    is_flag=True,
    help="Run code from outside the working directory unasked: that of package.module:name.",
)


def plugin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say whose code the command may run."""

    @wraps(command)
    def run(*args: Any, no_plugins: bool, trust: bool, **kwargs: Any) -> Any:
        from sweep.trust import asking_for_plugins, refusing_plugins

        refusing = refusing_plugins() if no_plugins else nullcontext()
        asking = nullcontext() if trust else asking_for_plugins(_may_run)
        with refusing, asking:
            return command(*args, **kwargs)

    return _no_plugins(_trust(run))


_fail_fast = click.option("--fail-fast", is_flag=True, help="Stop at the first failed trial.")
_max_failed = click.option(
    "--max-failed", type=click.IntRange(min=0), metavar="N", help="Stop if more trials fail. [any]"
)


def failure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--fail-fast` and `--max-failed`, as `max_failed`, 0 for the former."""

    @wraps(command)
    def run(*args: Any, fail_fast: bool, max_failed: int | None, **kwargs: Any) -> Any:
        if fail_fast and max_failed:
            raise click.UsageError("--fail-fast is --max-failed 0: give one of them")
        return command(*args, max_failed=0 if fail_fast else max_failed, **kwargs)

    return _fail_fast(_max_failed(run))


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--rule`, `--tolerance`, `--patience` and `--monitor`."""
    for option in (
        click.option(
            "--monitor", type=click.Choice(MONITORED), help="What --rule looks at. [loss]"
        ),
        click.option("--patience", type=int, metavar="N", help="Patience of --rule. [1]"),
        click.option(
            "--tolerance", type=float, metavar="X", help="Tolerance of --rule, or the loss."
        ),
        click.option(
            "--rule",
            type=click.Choice(RULES),
            help="Judge by this rule, as if trained with it: without training, from the ladder.",
        ),
    ):
        command = option(command)
    return command


def asked_rung(
    rule: str | None, tolerance: float | None, patience: int | None, monitor: str | None
) -> "Rung | None":
    """Return the rung that the options ask for, None without any.

    Raises:
        click.UsageError: if some are missing.
        ConfigError: if the ladder has no such rung.
    """
    if rule is None and tolerance is None and patience is None and monitor is None:
        return None
    if rule is None or tolerance is None:
        raise click.UsageError("--rule and --tolerance must be given together")
    from sweep.reports.rejudging import find_rung

    return find_rung(rule, tolerance, patience, monitor or MONITORED[0])
