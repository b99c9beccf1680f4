"""Checks every file of a results directory but checkpoints, and repairs it."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from sweep.errors import StoreError, UnreachableError
from sweep.store.places.files import reporting, write_atomically
from sweep.store.places.journal import files_of, replay_file, torn_tail
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.lease import Lease
from sweep.store.places.lock import Lock
from sweep.store.places.remote import AnyPath
from sweep.store.runs import read_run
from sweep.store.tables.encoding import decode
from sweep.store.tables.holdings import COLUMNS, Holdings
from sweep.store.tables.parts import NAME, is_outdated, part_path, read_part
from sweep.store.tables.writer import Writer

TORN = "journal.bin-tail"


@dataclass(frozen=True)
class FileProblem:
    """A problem with a file of the results.

    Attributes:
        path: the file. what: what is the matter. advice: what it means.
        aside: whether repair sets the file aside; where not, a writer that opens the results mends.
    """

    path: AnyPath
    what: str
    advice: str
    aside: bool = True


def inspect_results(directory: ResultsDir) -> list[FileProblem]:
    """Return everything that is wrong in a results directory but for its checkpoints."""
    checks = (_tables, _journal, _runs, _half_written)
    return [problem for check in checks for problem in check(directory)]


def repair_results(
    directory: ResultsDir, problems: Iterable[FileProblem], lock: Lock | Lease
) -> list[AnyPath]:
    """Set damaged files aside into `damaged/` and mend the rest; no file is deleted unread.

    What can be read of a damaged journal is taken in again.

    Args:
        directory: the results.
        problems: what is wrong with them, found since the lock is held.
        lock: the lock of the results.

    Returns:
        Where the files lie that were set aside.

    Raises:
        StoreError: if another process has taken the lock, or a file cannot be moved.
    """
    saved = _whole_frames(directory.journal)
    moved = []
    if isinstance(directory.journal, Path) and (tail := _tail(directory.journal)):
        moved.append(_keep(directory, TORN, tail))
    for path in [problem.path for problem in problems if problem.aside]:
        lock.require()
        moved.append(_set_aside(directory, path))
    with Writer(directory, lock) as writer:
        for payload in saved:
            writer.append(payload)
    return moved


def _tables(directory: ResultsDir) -> Iterator[FileProblem]:
    holdings, published, damaged = Holdings(), set[int](), set[int]()
    for path in _files(directory.trials):
        number = _number(path)
        if number is None:
            continue
        published.add(number)
        if what := _fault(path, partial(_take_in, directory, number, holdings)):
            damaged.add(number)
            yield FileProblem(path, what, "its trials will be trained again")
        elif is_outdated(directory, number):
            yield FileProblem(path, "is of an older sweep", "the next run rewrites it", aside=False)
    for name in TableName:
        for path in _files(directory.table(name)):
            yield from _part(directory, name, path, published, damaged)
    for number, trial_ids in sorted(holdings.stale.items()):
        what = f"holds {len(trial_ids):,} rows that others replace"
        path = part_path(directory, TableName.TRIALS, number)
        yield FileProblem(path, what, "readers skip them, the next run drops them", aside=False)


def _part(
    directory: ResultsDir,
    name: TableName,
    path: AnyPath,
    published: Collection[int],
    damaged: Collection[int],
) -> Iterator[FileProblem]:
    number = _number(path)
    if number is None:
        yield FileProblem(path, "is not a part of a table", "move it out of the results")
    elif number not in published:
        advice = "the journal has its results, if it was never published; else they are gone"
        yield FileProblem(path, f"has no part of that number in {directory.trials.name}/", advice)
    elif name is TableName.TRIALS:
        return
    elif number in damaged:
        yield FileProblem(path, "belongs to a damaged part", "it goes where that goes")
    elif what := _fault(path, lambda: read_part(directory, name, number)):
        yield FileProblem(path, what, f"its trials keep their rows, but have no {name}")


def _take_in(directory: ResultsDir, number: int, holdings: Holdings) -> None:
    trials = read_part(directory, TableName.TRIALS, number)
    holdings.add_all(trials.select(COLUMNS), number)


def _fault(path: AnyPath, read: Callable[[], object]) -> str:
    """Return what is the matter with a file that should be readable so; empty if nothing is."""
    try:
        read()
    except UnreachableError:  # says nothing of the file
        raise
    except (StoreError, pa.ArrowException, OSError, ValueError) as error:
        return str(error).removeprefix(f"{path}: ").partition(";")[0]
    return ""


def _journal(directory: ResultsDir) -> Iterator[FileProblem]:
    for file in files_of(directory.journal):
        if what := _fault(file, partial(_decode_all, file)):
            yield FileProblem(file, what, "what is whole in it is kept, the rest trained again")
        elif isinstance(file, Path) and (tail := torn_tail(file)):
            what = f"ends in {len(tail):,} bytes of a result that was never acknowledged"
            yield FileProblem(file, what, "the next run cuts them off", aside=False)


def _decode_all(file: AnyPath) -> None:
    for payload in replay_file(file):
        decode(payload, str(file))


def _whole_frames(path: AnyPath) -> list[bytes]:
    """Return the frames of a journal that can be read, of each file up to the first that cannot."""
    found: list[bytes] = []
    for file in files_of(path):
        try:
            for payload in replay_file(file):
                decode(payload)
                found.append(payload)
        except UnreachableError:
            raise
        except StoreError:
            continue
    return found


def _tail(path: Path) -> bytes:
    try:
        return torn_tail(path)
    except StoreError:  # it is set aside as a whole
        return b""


def _runs(directory: ResultsDir) -> Iterator[FileProblem]:
    for path in _files(directory.runs):
        if what := _fault(path, partial(read_run, path)):
            yield FileProblem(path, what, "only `sweep verify` needs them")


def _half_written(directory: ResultsDir) -> Iterator[FileProblem]:
    tables = [directory.table(name) for name in TableName]
    for folder in (directory.path, directory.checkpoints, directory.runs, *tables):
        for path in _files(folder, hidden=True):
            if re.fullmatch(r"\..+\.tmp", path.name):
                yield FileProblem(path, "was left half written", "it is not needed")


def _files(folder: AnyPath, *, hidden: bool = False) -> list[AnyPath]:
    found: list[AnyPath] = list(folder.iterdir()) if folder.exists() else []
    wanted = [path for path in found if (path.name[0] in "._") is hidden]
    return sorted(wanted, key=lambda path: path.name)


def _number(path: AnyPath) -> int | None:
    match = NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def _set_aside(directory: ResultsDir, path: AnyPath) -> AnyPath:
    with reporting(path, "set aside"):
        kept = _keep(directory, f"{path.parent.name}-{path.name.lstrip('.')}", path.read_bytes())
        path.unlink()
    return kept


def _keep(directory: ResultsDir, name: str, data: bytes) -> AnyPath:
    """Write into `damaged/`, under a name that is free there."""
    taken = {path.name for path in _files(directory.damaged)}
    names = (name if not count else f"{name}.{count}" for count in range(len(taken) + 1))
    place = directory.damaged / next(free for free in names if free not in taken)
    write_atomically(place, data)
    return place
