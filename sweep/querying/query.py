"""Answers a query in SQL over the tables of a sweep, some rows at a time."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from itertools import chain, islice
from math import isfinite
from textwrap import indent
from typing import TypeVar

import duckdb
import pyarrow as pa

from sweep.errors import ConfigError, StoreError
from sweep.querying.connection import connect
from sweep.store.places.remote import AnyPath
from sweep.store.tables.snapshot import ATTEMPTS, moving

ROWS_AT_ONCE = 2_000
BROKEN = "reading the Arrow source failed"
"""What DuckDB says where Arrow could not read a part."""
GONE = "[errno 2]"
VIEWS = "the views are trials, curves, ladder, gradients, codes and phases"
MUST = "be SQL that DuckDB can answer"

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """The rows that answer a query.

    Attributes:
        columns: their names, each once.
        batches: the rows, some thousands at a time; to be taken once.
    """

    columns: Sequence[str]
    batches: Iterator[pa.RecordBatch]

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the rows; numbers as Python has them."""
        for batch in self.batches:
            columns = [map(_plain, column.to_pylist()) for column in batch.columns]
            yield from zip(*columns, strict=True)

    def json_parts(self) -> Iterator[str]:
        """Yield the text of a JSON list of all rows, as `json.dumps` indents it."""
        opening = "["
        for row in self.rows():
            record = dict(zip(self.columns, map(_in_json, row), strict=True))
            yield f"{opening}\n{indent(json.dumps(record, indent=2, default=str), '  ')}"
            opening = ","
        yield "[]" if opening == "[" else "\n]"

    def csv_parts(self) -> Iterator[str]:
        """Yield the text of a CSV table, the header first."""
        for row in chain([self.columns], self.rows()):
            line = StringIO()
            csv.writer(line, lineterminator="\n").writerow(map(_in_csv, row))
            yield line.getvalue()


def answer(path: str | AnyPath, sql: str) -> Answer:
    """Answer a query; Ctrl-C ends it.

    Args:
        path: the results directory, or its URI in object storage.
        sql: of DuckDB, over the views that `connect` makes.

    Raises:
        ConfigError: the query is none, or asks for what is not there.
        StoreError: there are no results, or a file is damaged.
    """
    for _ in range(ATTEMPTS):
        batches = _batches(connect(path), sql)
        try:
            head = list(islice(batches, 2))
        except FileNotFoundError:  # the writer has just put that part together with others
            continue
        return Answer(_once_each(head[0].schema.names), _rest(path, head, batches))
    raise moving(path)


def _rest(
    path: str | AnyPath, head: Sequence[pa.RecordBatch], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    yield from head
    try:
        yield from batches
    except FileNotFoundError as error:
        raise moving(path) from error


def _batches(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an answer after a batch without any."""
    with connection, ThreadPoolExecutor(1) as pool:

        def wait_for(call: Callable[[], T]) -> T:
            """Call it in a thread, as DuckDB does not look for Ctrl-C while it works."""
            future = pool.submit(call)
            try:
                return future.result()
            except KeyboardInterrupt:
                connection.interrupt()
                raise
            except (duckdb.Error, OSError) as error:
                raise _told(error) from error

        relation = wait_for(lambda: connection.sql(sql))
        if relation is None:
            raise ConfigError.of("query", MUST, got=repr(sql))
        reader = wait_for(lambda: relation.to_arrow_reader(ROWS_AT_ONCE))
        yield pa.RecordBatch.from_pylist([], reader.schema)
        while (batch := wait_for(lambda: next(reader, None))) is not None:
            yield batch


def _told(error: Exception) -> Exception:
    """Return what to raise for an error of DuckDB."""
    text = str(error)
    if BROKEN in text:
        told = text.partition(BROKEN)[2].strip(": ")
        if GONE in text:
            return FileNotFoundError(told)
        return StoreError(f"results must be whole (got {told}); `sweep doctor` checks every file")
    lines = re.split(r"\n\nLINE |\n\tCandidate functions", text)[0].splitlines()
    got = "; ".join(line.strip() for line in lines if line.strip())
    if isinstance(error, duckdb.PermissionException) or "has been locked" in text:
        return ConfigError.of("query", "only read the tables of the sweep", got=got)
    hint = VIEWS if "Table with name" in text else None
    return ConfigError.of("query", MUST, got=got, hint=hint)


def _plain(value: object) -> object:
    """Return a number that DuckDB has as a decimal, such as a sum, as an integer or float."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _in_json(value: object) -> object:
    """Return a value as JSON has it: none for what is not finite, times as texts in UTC."""
    match value:
        case float() if not isfinite(value):
            return None
        case Decimal():
            return _plain(value)
        case datetime():
            return _in_utc(value, "milliseconds")
        case dict():
            return {str(name): _in_json(item) for name, item in value.items()}
        case list() | tuple():
            return [_in_json(item) for item in value]
    return value


def _in_csv(value: object) -> object:
    if isinstance(value, datetime):
        return _in_utc(value, "microseconds")
    return json.dumps(_in_json(value), default=str) if isinstance(value, list | dict) else value


def _in_utc(value: datetime, precision: str) -> str:
    """Write a time of the tables, which is in UTC, or one that knows its zone."""
    known = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return f"{known.isoformat(timespec=precision)}Z"


def _once_each(names: Sequence[str]) -> list[str]:
    """Return names, one that was there already with a number."""
    found: list[str] = []
    for name in names:
        count = 1
        unique = name
        while unique in found:
            unique, count = f"{name}_{count}", count + 1
        found.append(unique)
    return found
