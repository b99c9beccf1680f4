"""The options that judge trials by another rule than their own. Knows nothing of trials."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sweep.ladder import Rung

RULES = ["delta", "early_stopping", "loss"]  # sweep.ladder.LADDER, which takes long to import


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--rule`, `--tolerance` and `--patience`."""
    for option in (
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


def asked_rung(rule: str | None, tolerance: float | None, patience: int | None) -> "Rung | None":
    """Return the rung that the options ask for, None without any.

    Raises:
        click.UsageError: if some are missing.
        ConfigError: if the ladder has no such rung.
    """
    if rule is None and tolerance is None and patience is None:
        return None
    if rule is None or tolerance is None:
        raise click.UsageError("--rule and --tolerance must be given together")
    from sweep.reports.rejudging import find_rung

    return find_rung(rule, tolerance, patience)
