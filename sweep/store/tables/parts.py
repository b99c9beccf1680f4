"""Publishes, reads and removes the numbered Parquet parts of the tables.

Part N of every table holds the same trials. The file in `trials/` is published last and removed
first: where it is missing, the files of that number elsewhere do not count.
"""

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sweep.errors import StoreError
from sweep.store.places.files import remove_leftovers, reporting, sync_directory, write_atomically
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath, RemotePath
from sweep.store.tables.schema import SCHEMA_VERSION, SCHEMAS, conform, version_of
from sweep.store.tables.table_set import TableSet, membership

NAME = re.compile(r"part-(\d{6,})\.parquet")
CONTENTS = (*(name for name in TableName if name is not TableName.TRIALS), TableName.TRIALS)
"""Every table, in the order in which its part is published."""
ROWS_PER_GROUP = {TableName.WEIGHTS: 4_096, TableName.STATE: 4_096}
"""Rows read together; small where a row is long and few are wanted."""

T = TypeVar("T")


def part_numbers(directory: ResultsDir, name: TableName = TableName.TRIALS) -> list[int]:
    """Return the numbers of the parts of a table, ascending.

    Raises:
        StoreError: if the folder holds a file that is not a part.
    """
    folder = directory.table(name)
    seen = _listing(folder)
    while (again := _listing(folder)) != seen:  # a part was published or removed meanwhile
        seen = again
    return sorted(_number(folder / entry) for entry in seen)


def publish(directory: ResultsDir, number: int, batch: TableSet) -> None:
    """Write the tables of `batch` as part `number`, the trials last."""
    for name in CONTENTS:
        if batch.tables[name].num_rows or name is TableName.TRIALS:
            write_atomically(part_path(directory, name, number), _parquet(name, batch.tables[name]))


def remove(directory: ResultsDir, number: int) -> None:
    """Remove part `number`, the trials first."""
    for name in reversed(CONTENTS):
        path = part_path(directory, name, number)
        if path.exists():
            with reporting(path, "removed"):
                path.unlink(missing_ok=True)  # gone, if only the answer was lost
                sync_directory(path.parent)


def clean(directory: ResultsDir) -> None:
    """Make the folders, and remove what a killed writer left without publishing it."""
    for name in CONTENTS:
        folder = directory.table(name)
        with reporting(folder, "created"):
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
    published = set(part_numbers(directory))
    for name in CONTENTS:
        for number in set(part_numbers(directory, name)) - published:
            remove(directory, number)


def read_table_set(directory: ResultsDir, number: int) -> TableSet:
    """Read every table of a part."""
    return TableSet({name: read_part(directory, name, number) for name in TableName})


def read_part(
    directory: ResultsDir,
    name: TableName,
    number: int,
    *,
    columns: Sequence[str] | None = None,
    where: tuple[str, Collection[str]] | None = None,
) -> pa.Table:
    """Read a part of a table, of this version of sweep or an older one.

    Raises:
        StoreError: if the file is truncated, not sweep's, or of a newer sweep.
        FileNotFoundError: if the trials part was removed; other tables then count as empty.
    """
    path = part_path(directory, name, number)
    schema = SCHEMAS[name] if columns is None else _subset(SCHEMAS[name], columns)
    if name is not TableName.TRIALS and not path.exists():
        return pa.Table.from_batches([], schema)
    table = _read(path, lambda: _read_columns(path, schema, where))
    return conform(table, schema, str(path))


def part_path(directory: ResultsDir, name: TableName, number: int) -> AnyPath:
    return directory.table(name) / f"part-{number:06d}.parquet"


def count_rows(directory: ResultsDir, number: int) -> int:
    """Return how many trials a part holds."""
    path = part_path(directory, TableName.TRIALS, number)
    return int(_read(path, lambda: pq.read_metadata(**_source(path))).num_rows)


def count_bytes(directory: ResultsDir, number: int) -> int:
    """Return how large the files of a part are together."""
    paths = [part_path(directory, name, number) for name in CONTENTS]
    return sum(_size(path) for path in paths if path.exists())


def part_schema(directory: ResultsDir, name: TableName, number: int) -> pa.Schema:
    """Read which columns a part of a table has.

    Raises:
        StoreError: if the file is truncated, not sweep's, or of a newer sweep.
    """
    path = part_path(directory, name, number)
    schema = _read(path, lambda: pq.read_schema(**_source(path)))
    version_of(schema, str(path))
    return schema


def is_outdated(directory: ResultsDir, number: int) -> bool:
    """Return whether a part is of an older schema, or lacks columns that came since."""
    present = part_schema(directory, TableName.TRIALS, number)
    path = part_path(directory, TableName.TRIALS, number)
    older = version_of(present, str(path)) < SCHEMA_VERSION
    return older or not set(SCHEMAS[TableName.TRIALS].names) <= set(present.names)


def _read(path: AnyPath, read: Callable[[], T]) -> T:
    try:  # what is cut off on a disk stays so
        if isinstance(path, RemotePath):
            return path.patiently("read", read, decodes=True)
        return read()
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: must be a whole Parquet file (got: {error}); "
            "restore it, or move it away to train its trials again"
        ) from error


def _read_columns(
    path: AnyPath, schema: pa.Schema, where: tuple[str, Collection[str]] | None
) -> pa.Table:
    # Not by pq.read_table, which goes by pyarrow.dataset, and that imports pandas.
    with pq.ParquetFile(**_source(path, "source"), page_checksum_verification=True) as file:
        present = file.schema_arrow
        version_of(present, str(path))
        columns = [name for name in schema.names if name in present.names]
        return file.read(columns) if where is None else _read_matching(file, columns, *where)


def _read_matching(
    file: pq.ParquetFile, columns: Sequence[str], key: str, values: Collection[str]
) -> pa.Table:
    """Read the rows whose `key` is one of `values`, group by group: rows may be long, and few."""
    found = [file.read_row_groups([], columns)]
    for group in range(file.num_row_groups):
        wanted = membership(file.read_row_group(group, [key])[key], values)
        if pc.any(wanted).as_py():
            found.append(file.read_row_group(group, columns).filter(wanted))
    return pa.concat_tables(found)


def _source(path: AnyPath, name: str = "where") -> dict[str, Any]:
    """Return the arguments by which pyarrow finds a file."""
    if isinstance(path, RemotePath):
        return {name: path.key, "filesystem": path.filesystem}
    return {name: path}


def _size(path: AnyPath) -> int:
    return path.size() if isinstance(path, RemotePath) else path.stat().st_size


def _subset(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in columns], metadata=schema.metadata)


def _parquet(name: TableName, table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        row_group_size=ROWS_PER_GROUP.get(name),
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def _listing(folder: AnyPath) -> set[str]:
    if isinstance(folder, Path) and not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if path.name[0] not in "._"}


def _number(path: AnyPath) -> int:
    match = NAME.fullmatch(path.name)
    if match is None:
        raise StoreError(f"{path}: must be a part of a table; move it out of the results")
    return int(match[1])
