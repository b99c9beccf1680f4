"""`sweep doctor`: check every file of a results directory, and repair it."""

from typing import TYPE_CHECKING

import click

from sweep.cli.console import say

if TYPE_CHECKING:
    from sweep.store.inspection import FileProblem
    from sweep.store.places.layout import ResultsDir
    from sweep.store.places.lease import Lease
    from sweep.store.places.lock import Lock

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
    from sweep.store.places.lock import holding, lock_at

    directory = find_results(results)
    if repair:
        with holding(directory.lock) as lock:  # what is missing for a moment is not moved
            problems = _repair(directory, _report(directory), lock)
    else:
        lock_at(directory.lock).require_free()
        problems = _report(directory)
    if not problems:
        say(f"{directory.path}: nothing wrong")
    elif not repair:
        click.echo(f"{len(problems):,} problems; --repair sets damaged files aside", err=True)
    context.exit(PROBLEMS if problems else 0)


def _report(directory: "ResultsDir") -> list["FileProblem"]:
    problems = _inspect(directory)
    for problem in problems:
        say(f"{problem.path}: {problem.what}; {problem.advice}")
    return problems


def _repair(
    directory: "ResultsDir", problems: list["FileProblem"], lock: "Lock | Lease"
) -> list["FileProblem"]:
    """Repair what can be; return what is wrong after it."""
    from sweep.store.inspection import repair_results

    if not problems:
        return []
    for path in repair_results(directory, problems, lock):
        say(f"set aside: {path}")
    return _inspect(directory)


def _inspect(directory: "ResultsDir") -> list["FileProblem"]:
    from sweep.errors import StoreError, UnreachableError
    from sweep.reuse.checkpoint_files import inspect_checkpoints
    from sweep.store.inspection import inspect_results
    from sweep.store.tables.reader import done_ids

    problems = inspect_results(directory)
    try:
        settled = done_ids(directory.path, retry_failed=True)
    except UnreachableError:
        raise
    except StoreError:  # named among the problems already
        settled = set()
    return problems + inspect_checkpoints(directory, settled)
