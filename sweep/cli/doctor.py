"""`sweep doctor`: check every file of a results directory, and repair it."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweep.store.inspection import Problem
    from sweep.store.layout import ResultsDir

PROBLEMS = 1


@click.command("doctor")
@click.argument("results")
@click.option("--repair", is_flag=True, help="Set damaged files aside into RESULTS/damaged.")
@click.pass_context
def doctor_command(context: click.Context, results: str, repair: bool) -> None:
    """Check every file of RESULTS: a directory, its URI, the name of a sweep, or its file.

    With --repair, damaged files are moved to RESULTS/damaged, rows held twice are dropped as a run
    would, and what can be read of a damaged journal is taken in again. Nothing is thrown away.

    Exit code: 0 nothing wrong (any longer), 1 problems found, 2 wrong input.
    """
    from sweep.cli.places import find_results
    from sweep.store.inspection import repair_results

    directory = find_results(results)
    _require_peace(directory)
    problems = _inspect(directory)
    for problem in problems:
        click.echo(f"{problem.path}: {problem.what}; {problem.advice}")
    if repair and problems:
        for path in repair_results(directory, problems):
            click.echo(f"set aside: {path}")
        problems = _inspect(directory)
    if not problems:
        click.echo(f"{directory.path}: nothing wrong")
    elif not repair:
        click.echo(f"{len(problems):,} problems; --repair sets damaged files aside", err=True)
    context.exit(PROBLEMS if problems else 0)


def _inspect(directory: "ResultsDir") -> list["Problem"]:
    from sweep.cluster.leftovers import inspect_checkpoints
    from sweep.errors import StoreError
    from sweep.store.inspection import inspect_results
    from sweep.store.reader import done_ids

    problems = inspect_results(directory)
    try:
        settled = done_ids(directory.path, retry_failed=True)
    except StoreError:  # named among the problems already
        settled = set()
    return problems + inspect_checkpoints(directory, settled)


def _require_peace(directory: "ResultsDir") -> None:
    """Raise while a process of this machine writes: a file may then be missing for a moment."""
    from pathlib import Path

    from sweep.errors import StoreError
    from sweep.store.lock import writer_of

    holder = writer_of(directory.lock) if isinstance(directory.path, Path) else None
    if holder is not None:
        raise StoreError(
            f"{directory.path} is being written by pid {holder.pid} on host {holder.host}; "
            "wait for it to end or stop it, then run the same command again"
        )
