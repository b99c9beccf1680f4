"""Finds the rows of a table for which a condition holds: read here, and answered by DuckDB."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from sweep.errors import ConfigError, nearest
from sweep.querying.grammar import parse, refused
from sweep.querying.python_forms import sql_of_python
from sweep.querying.sql import Kind, SqlWriter
from sweep.querying.tree import Joined, Name, Node, walk

if TYPE_CHECKING:
    import duckdb

ROWS = "rows"
CONFIG = {"threads": "1", "enable_external_access": "false"}
"""One thread, which keeps the order of the rows and starts the faster; no files."""


class Condition:
    """A condition on the rows of a table.

    Args:
        text: such as `activation = 'relu' and final_loss < 1e-3`.

    Raises:
        ConfigError: it is no condition.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.tree = parse(text)
        except RecursionError as error:
            raise refused(text, "be nested less deeply") from error
        except ConfigError as error:
            raise self._in_sql() or error from None

    @cached_property
    def names(self) -> list[str]:
        """The columns that it names, as it writes them."""
        found = (node.text for node in walk(self.tree) if isinstance(node, Name))
        return list(dict.fromkeys(found))

    def columns(self, known: Sequence[str]) -> list[str]:
        """Return which of the known columns it names, in any case of letters.

        Raises:
            ConfigError: it names another.
        """
        places = {name.lower(): name for name in known}
        for name in self.names:
            if name not in known and name.lower() not in places:
                raise self._in_sql() or _unknown(name, known)
        return [name if name in known else places[name.lower()] for name in self.names]

    def parts(self) -> Sequence[Node]:
        """Return the conditions that must all hold."""
        if isinstance(self.tree, Joined) and self.tree.word == "and":
            return self.tree.parts
        return [self.tree]

    def holds(self, table: pa.Table, part: Node | None = None) -> Bool[np.ndarray, " rows"]:
        """Return for which rows the condition is true, or only a part of it.

        Raises:
            ConfigError: it names no column of the table, or compares what cannot be compared.
        """
        import duckdb

        columns = self.columns(table.column_names)
        kept = table.select(columns) if columns else table.select([])
        kinds = {name: _kind_of(table.schema.field(name).type) for name in columns}
        sql = SqlWriter(self.text, kinds).condition(part or self.tree)
        if not columns:  # a table without columns has no rows
            kept = pa.table({"": pa.nulls(len(table), pa.int8())})
        try:
            self._connection.register(ROWS, kept)
            found = self._connection.execute(f"SELECT coalesce({sql}, false) AS held FROM {ROWS}")
            return np.asarray(found.fetchnumpy()["held"], bool)
        except duckdb.Error as error:
            raise refused(self.text, f"be answered by DuckDB ({_first_line(error)})") from error

    @cached_property
    def _connection(self) -> "duckdb.DuckDBPyConnection":
        import duckdb

        return duckdb.connect(config=dict(CONFIG))

    def matching(self, table: pa.Table) -> pa.Table:
        """Return the rows for which the condition is true; errors are those of `holds`."""
        held = self.holds(table)
        return table if held.all() else table.filter(pa.array(held))

    def _in_sql(self) -> ConfigError | None:
        """Return the error of a condition in Python's words, with the same in SQL."""
        written = sql_of_python(self.text)
        if written is None:
            return None
        return refused(self.text, "be SQL, not Python", hint=f"write {written}")


def unknown_column(where: str, name: str, known: Collection[str]) -> ConfigError:
    """Return the error of naming a column that does not exist."""
    hint = nearest(name, list(known))
    return ConfigError.of(where, "name a column", got=repr(name), hint=hint)


def _kind_of(kind: pa.DataType) -> Kind:
    if pa.types.is_dictionary(kind):
        return _kind_of(kind.value_type)
    tests = {
        Kind.TRUTH: pa.types.is_boolean,
        Kind.INTEGER: pa.types.is_integer,
        Kind.FLOAT: pa.types.is_floating,
        Kind.TIME: pa.types.is_timestamp,
        Kind.TEXT: lambda k: pa.types.is_string(k) or pa.types.is_large_string(k),
    }
    return next((name for name, test in tests.items() if test(kind)), Kind.OTHER)


def _unknown(name: str, known: Collection[str]) -> ConfigError:
    return unknown_column("--where", name, known)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
