"""Opens the tables of a sweep as views of DuckDB: the rows that count, local or in a bucket.

DuckDB itself reads no files here, nor writes any: it asks Arrow for the columns and rows that a
query needs, and Arrow reads the parts, on a disk or in object storage.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset, fs

from sweep.store.places.layout import ResultsDir, TableName, required_results
from sweep.store.places.remote import AnyPath, RemotePath
from sweep.store.tables.parts import part_numbers, part_path, part_schema
from sweep.store.tables.schema import SCHEMAS, neutral_of, require_type
from sweep.store.tables.snapshot import ATTEMPTS, Source, counted_sources, moving
from sweep.store.tables.table_set import concatenated, without_trials

if TYPE_CHECKING:
    import duckdb

TABLES = (
    TableName.TRIALS,
    TableName.CURVES,
    TableName.LADDER,
    TableName.GRADIENTS,
    TableName.CODES,
    TableName.PHASES,
)
"""The tables to ask; those of weights and states are for programs."""
CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
LOCK = (
    "SET temp_directory = ''",
    "SET enable_progress_bar = false",
    "SET TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
"""What keeps queries from files, the network and settings; the last closes the door."""
FORMAT = dataset.ParquetFileFormat(
    default_fragment_scan_options=dataset.ParquetFragmentScanOptions(
        page_checksum_verification=True
    )
)
Absent = tuple[str, ...]


def connect(path: str | AnyPath) -> "duckdb.DuckDBPyConnection":
    """Open the tables of a sweep for queries by DuckDB.

    The connection has the views `trials`, `curves`, `ladder`, `gradients`, `codes` and `phases`:
    the rows that count at this moment. Nothing is read before a query needs it, but the
    journal of a sweep that is being trained. A number that is not a number is NULL; times are in
    UTC. Queries can neither write files nor read others; `connection.register` adds tables.

    Args:
        path: the results directory, or its URI in object storage.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    import duckdb

    directory = required_results(path)
    sources = _present(directory)
    connection = duckdb.connect(config=dict(CONFIG))
    for name in TABLES:
        _view(connection, directory, name, sources)
    for setting in LOCK:
        connection.execute(setting)
    return connection


def _present(directory: ResultsDir) -> list[Source]:
    for _ in range(ATTEMPTS):
        try:
            return counted_sources(directory)
        except FileNotFoundError:  # the writer has just put that part together with others
            continue
    raise moving(directory.path)


def _view(
    connection: "duckdb.DuckDBPyConnection",
    directory: ResultsDir,
    name: TableName,
    sources: Sequence[Source],
) -> None:
    """Make a view of the rows of a table that count."""
    relations = [
        connection.from_arrow(rows).project(_projection(name, absent))
        for absent, rows in [*_parts(directory, name, sources), ((), _journal(name, sources))]
    ]
    view = relations[0]
    for relation in relations[1:]:
        view = view.union(relation)
    view.create_view(str(name))


def _journal(name: TableName, sources: Iterable[Source]) -> pa.Table:
    """Return the rows that are in no part yet."""
    frames = [source for source in sources if source.frame is not None]
    rows = [without_trials(source.read(name), source.dropped) for source in frames]
    return concatenated(name, rows)


def _parts(
    directory: ResultsDir, name: TableName, sources: Iterable[Source]
) -> list[tuple[Absent, Any]]:
    """Return the rows of parts: together where the same columns are absent and all rows count."""
    existing = set(part_numbers(directory, name))
    together: dict[Absent, list[AnyPath]] = defaultdict(list)
    apart: list[tuple[Absent, Any]] = []
    for source in sources:
        if source.part is None or source.part not in existing:
            continue
        path = part_path(directory, name, source.part)
        absent = _absent(directory, name, source.part)
        if source.dropped:
            apart.append((absent, _without(_rows(name, absent, [path]), source.dropped)))
        else:
            together[absent].append(path)
    return [(absent, _rows(name, absent, paths)) for absent, paths in together.items()] + apart


def _absent(directory: ResultsDir, name: TableName, number: int) -> Absent:
    """Return the columns that a part lacks, as they came later.

    Raises:
        StoreError: if the file is damaged, or a column is of another type.
    """
    schema, path = part_schema(directory, name, number), part_path(directory, name, number)
    for item in SCHEMAS[name]:
        if item.name in schema.names:
            require_type(item, schema.field(item.name).type, str(path))
        else:
            neutral_of(item, str(path))
    return tuple(column for column in SCHEMAS[name].names if column not in schema.names)


def _rows(name: TableName, absent: Absent, paths: Sequence[AnyPath]) -> dataset.Dataset:
    schema = pa.schema([item for item in SCHEMAS[name] if item.name not in absent])
    first = paths[0]
    if isinstance(first, RemotePath):
        keys = [path.key for path in paths if isinstance(path, RemotePath)]
        return dataset.dataset(keys, schema=schema, format=FORMAT, filesystem=first.filesystem)
    files = [str(path.absolute()) for path in paths if not isinstance(path, RemotePath)]
    return dataset.dataset(files, schema=schema, format=FORMAT, filesystem=fs.LocalFileSystem())


def _without(rows: dataset.Dataset, dropped: Collection[str]) -> dataset.Dataset:
    return rows.filter(~pc.field("trial_id").isin(pa.array(sorted(dropped), pa.string())))


def _projection(name: TableName, absent: Absent) -> str:
    """Return what the columns of the view are made of."""
    columns = [_column(item, item.name in absent) for item in SCHEMAS[name]]
    return ", ".join(columns)


def _column(item: pa.Field, is_absent: bool) -> str:
    name = f'"{item.name}"'
    if is_absent:
        return f"{_literal(neutral_of(item, item.name), item.type)} AS {name}"
    if pa.types.is_floating(item.type):
        return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}"
    if pa.types.is_timestamp(item.type):
        return f"timezone('UTC', {name}) AS {name}"
    return name


def _literal(value: object, kind: pa.DataType) -> str:
    names = {pa.int64(): "BIGINT", pa.int8(): "TINYINT", pa.float64(): "DOUBLE"}
    names |= {pa.bool_(): "BOOLEAN", pa.string(): "VARCHAR"}
    text = "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"
    return f"CAST({text} AS {names.get(kind, 'TIMESTAMP')})"
