"""`sweep doctor`: check every file of a results directory, and repair it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
from sweep.printable import counted

if TYPE_CHECKING:
    from sweep.store.inspection import FileProblem
    from sweep.store.places.layout import ResultsDir
    from sweep.store.places.lease import Lease
    from sweep.store.places.lock import Lock
    from sweep.store.places.remote import AnyPath

PROBLEMS = 1


@click.command("doctor")
@click.argument("results")
@click.option("--repair", is_flag=True, help="Set damaged files aside into RESULTS/damaged.")
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as JSON.")
@click.pass_context
def doctor_command(context: click.Context, results: str, repair: bool, as_json: bool) -> None:
    """Check every file of RESULTS: a directory, its URI, the name of a sweep, or its file.

    With --repair, damaged files are moved to RESULTS/damaged, rows held twice are dropped as a run
    would, and what can be read of a damaged journal is taken in again. Nothing is thrown away.

    Exit code: 0 nothing wrong (any longer), 1 problems found, 2 wrong input.
    """
    from sweep.cli.places import find_results
    from sweep.store.places.lock import holding, lock_at

    directory = find_results(results)
    show = _say_nothing if as_json else say
    moved: list[AnyPath] = []
    if repair:
        with holding(directory.lock) as lock:  # what is missing for a moment is not moved
            problems = _report(directory, show)
            if problems:
                moved = _repair(directory, problems, lock, show)
                problems = _inspect(directory)
    else:
        lock_at(directory.lock).require_free()
        problems = _report(directory, show)
    if as_json:
        click.echo(json.dumps(_record(directory, problems, moved), indent=2))
    elif not problems:
        say(f"{directory.path}: nothing wrong")
    elif not repair:
        count = counted(len(problems), "problem")
        click.echo(f"{count}; --repair sets damaged files aside", err=True)
    context.exit(PROBLEMS if problems else 0)


def _say_nothing(line: str) -> None:
    """Print nothing of a line."""


def _record(
    directory: "ResultsDir", problems: list["FileProblem"], moved: list["AnyPath"]
) -> dict[str, object]:
    """Return what is wrong, and what was done about it, as JSON has it."""
    found = [asdict(problem) | {"path": str(problem.path)} for problem in problems]
    return {
        "results": str(directory.path),
        "problems": found,
        "set_aside": [str(path) for path in moved],
    }


def _report(directory: "ResultsDir", show: Callable[[str], None]) -> list["FileProblem"]:
    problems = _inspect(directory)
    for problem in problems:
        show(f"{problem.path}: {problem.what}; {problem.advice}")
    return problems


def _repair(
    directory: "ResultsDir",
    problems: list["FileProblem"],
    lock: "Lock | Lease",
    show: Callable[[str], None],
) -> list["AnyPath"]:
    """Repair what can be; return what was set aside."""
    from sweep.store.inspection import repair_results

    moved = list(repair_results(directory, problems, lock))
    for path in moved:
        show(f"set aside: {path}")
    return moved


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
