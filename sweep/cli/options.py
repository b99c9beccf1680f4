"""Options that several commands share. Knows no command."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

import click


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
    """Add the options that say whose code may run while the command does."""

    @wraps(command)
    def run(*args: Any, no_plugins: bool, trust: bool, **kwargs: Any) -> Any:
        from sweep.trust import asking_for_plugins, refusing_plugins

        refusing = refusing_plugins() if no_plugins else nullcontext()
        asking = nullcontext() if trust else asking_for_plugins(_may_run)
        with refusing, asking:
            return command(*args, **kwargs)

    return _no_plugins(_trust(run))
