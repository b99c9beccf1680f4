"""The columns of every table, with their types and meaning.

Parameters, outcome and provenance are the fields of `Trial`, `Outcome` and `Provenance`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from math import nan
from types import NoneType
from typing import Any, get_args, get_type_hints

import pyarrow as pa

from sweep.components.stopping import LOSS
from sweep.errors import StoreError
from sweep.ladder import LADDER
from sweep.result import Outcome, Provenance
from sweep.store.places.layout import TableName
from sweep.trial import PARAMETERS, STOP_PARAMETERS, Trial

SCHEMA_VERSION = 2
VERSION_KEY = b"sweep.schema_version"

TIMESTAMP = pa.timestamp("us", tz="UTC")
TYPES: Mapping[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    datetime: TIMESTAMP,
}
PANDAS_TYPES = {pa.int64(): "Int64", pa.int8(): "Int8", pa.bool_(): "boolean"}
"""Column types that pandas would turn into float or object where a value is missing."""


def column(name: str, kind: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


@cache
def columns_of(record: type) -> tuple[pa.Field, ...]:
    """Return a column for each field of a dataclass whose fields carry a `doc`."""
    hints = get_type_hints(record)
    return tuple(
        _column_of(item.name, hints[item.name], item.metadata["doc"]) for item in fields(record)
    )


def _column_of(name: str, hint: Any, doc: str) -> pa.Field:
    options = [option for option in get_args(hint) if option is not NoneType]
    nullable = NoneType in get_args(hint)
    kind = TYPES.get(options[0] if nullable else hint, pa.string())
    return column(name, kind, doc, nullable=nullable)


def _trial_columns() -> list[pa.Field]:
    columns = list(columns_of(Trial))
    after = [item.name for item in columns].index("topology") + 1
    columns[after:after] = [
        column("depth", pa.int64(), "layers of weights"),
        column(
            "bottleneck",
            pa.int64(),
            "width of the narrowest hidden layer; none without hidden layers",
            nullable=True,
        ),
        column(
            "n_parameters",
            pa.int64(),
            "numbers that training changes by their gradients: weights, biases and the like; none "
            "of a network of your own that could not be made",
            nullable=True,
        ),
    ]
    return columns


TRIAL_ID = column(
    "trial_id", pa.string(), "16 hex digits naming the trial: path, stop rule, limits"
)
PATH_ID = column("path_id", pa.string(), "16 hex digits naming the trajectory of the weights")

COLUMNS: Mapping[TableName, list[pa.Field]] = {
    TableName.TRIALS: [
        column("sweep", pa.string(), "name of the sweep that trained it"),
        TRIAL_ID,
        PATH_ID,
        *_trial_columns(),
        *columns_of(Outcome),
        *columns_of(Provenance),
    ],
    TableName.CURVES: [
        TRIAL_ID,
        column("phase", pa.int8(), "phase of training, from 0"),
        column("epoch", pa.int64(), "epoch, from 1"),
        column("loss", pa.float64(), "loss at the weights before the epoch's first update"),
        column(
            "validation_loss",
            pa.float64(),
            "loss on held-out samples after the epoch's updates",
            nullable=True,
        ),
    ],
    TableName.WEIGHTS: [
        TRIAL_ID,
        column("dtype", pa.string(), "arithmetic of the network"),
        column(
            "names",
            pa.list_(pa.string()),
            "name of each array, such as 0.weight or 0.norm.running_mean",
        ),
        column("shapes", pa.list_(pa.list_(pa.int64())), "shape of each array: weights (out, in)"),
        column("values", pa.list_(pa.float64()), "the arrays in turn, each row by row"),
    ],
    TableName.STATE: [
        TRIAL_ID,
        PATH_ID,
        column("stop_reason", pa.string(), "why training stopped here"),
        *[item for item in columns_of(Trial) if item.name in STOP_PARAMETERS],
        column("epoch", pa.int64(), "epochs trained"),
        column("names", pa.list_(pa.string()), "name of each array of the lane's state"),
        column("dtypes", pa.list_(pa.string()), "type of each array"),
        column("shapes", pa.list_(pa.list_(pa.int64())), "shape of each array"),
        column("values", pa.list_(pa.float64()), "the arrays in turn, each row by row"),
    ],
    TableName.LADDER: [
        TRIAL_ID,
        column("monitor", pa.string(), "what the rule looks at: loss or validation_loss"),
        column("rule", pa.string(), f"{', '.join(LADDER[:-1])} or {LADDER[-1]}"),
        column("tolerance", pa.float64(), "tolerance, min_delta, or the loss to come down to"),
        column("patience", pa.int64(), "patience of the rule, epochs; 0 for loss"),
        column("epoch", pa.int64(), "epoch at which a trial with this rule would have stopped"),
        column("loss", pa.float64(), "what it looked at, of that epoch"),
    ],
    TableName.GRADIENTS: [
        TRIAL_ID,
        column("epoch", pa.int64(), "epochs trained when the network was probed, from 0"),
        column("layer", pa.int64(), "layer of weights, from 0 at the input"),
        column("gradient_norm", pa.float64(), "2-norm of the objective's gradient in this layer"),
        column("gradient_rms", pa.float64(), "the same over the root of the layer's parameters"),
        column("weight_norm", pa.float64(), "2-norm of the layer's weights and biases"),
        column(
            "update_ratio",
            pa.float64(),
            "2-norm of the next epoch's change of the layer over weight_norm",
            nullable=True,
        ),
        column(
            "saturated_share",
            pa.float64(),
            "share of units and samples whose activation's slope is below 5% of its steepest",
        ),
        column("dead_share", pa.float64(), "share of units whose slope is 0 for every sample"),
        column(
            "unit_distance",
            pa.float64(),
            "least 2-norm between two hidden units of the layer: weights in, biases and weights "
            "out; 0 is an unbroken symmetry",
            nullable=True,
        ),
        column("verdict", pa.string(), "healthy, vanishing, exploding or dead"),
    ],
    TableName.CODES: [
        TRIAL_ID,
        column("layer", pa.int64(), "hidden layer, from 1"),
        column("sample", pa.int64(), "sample, from 0"),
        column("unit", pa.int64(), "unit of the layer, from 0"),
        column("activation", pa.float64(), "activation at the saved weights"),
    ],
    TableName.PHASES: [
        TRIAL_ID,
        column("phase", pa.int64(), "phase of training, from 0; the last trains the whole network"),
        column("topology", pa.string(), "widths of what was trained"),
        column("epochs", pa.int64(), "epochs of the phase"),
        column("stop_reason", pa.string(), "why the phase ended"),
        column("loss", pa.float64(), "loss of its last epoch", nullable=True),
        column("seconds", pa.float64(), "time in the phase, seconds", nullable=True),
    ],
}

ADDED = {"monitor": LOSS}
"""What columns that came later hold in tables without them, where no parameter tells."""

DETAILS = (TableName.LADDER, TableName.GRADIENTS, TableName.CODES, TableName.PHASES)
"""The tables that hold several rows a trial, beside its curve."""


def _pandas_metadata(columns: Iterable[pa.Field]) -> bytes:
    """Tell pandas the types to read nullable integers and booleans as."""
    entries = [
        {
            "name": item.name,
            "field_name": item.name,
            "pandas_type": str(item.type),
            "numpy_type": PANDAS_TYPES[item.type],
            "metadata": None,
        }
        for item in columns
        if item.nullable and item.type in PANDAS_TYPES
    ]
    return json.dumps({"index_columns": [], "column_indexes": [], "columns": entries}).encode()


SCHEMAS: Mapping[TableName, pa.Schema] = {
    name: pa.schema(
        columns,
        metadata={VERSION_KEY: str(SCHEMA_VERSION).encode(), b"pandas": _pandas_metadata(columns)},
    )
    for name, columns in COLUMNS.items()
}


def version_of(schema: pa.Schema, where: str) -> int:
    """Return the schema version that a file was written with.

    Raises:
        StoreError: if sweep did not write it, or a newer sweep did.
    """
    text = (schema.metadata or {}).get(VERSION_KEY, b"")
    if not text.isdigit():
        raise StoreError(f"{where}: must be a table written by sweep; move it out of the results")
    if int(text) > SCHEMA_VERSION:
        raise StoreError(
            f"{where}: must have schema version {SCHEMA_VERSION} or older "
            f"(got {int(text)}); read it with the newer sweep that wrote it"
        )
    return int(text)


def conform(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """Bring a table of any version up to `schema`: columns added since get their neutral value.

    A number missing where every row has one was NaN: versions up to 0.1.0 journalled it so.

    Raises:
        StoreError: if a column has another type, or is missing and has no neutral value.
    """
    if table.schema.equals(schema, check_metadata=True) and not _lacks_numbers(table):
        return table  # as most do, and frames arrive many a second
    arrays = [_conformed(table, item, where) for item in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _conformed(table: pa.Table, item: pa.Field, where: str) -> pa.ChunkedArray:
    if item.name in table.column_names:
        values = table[item.name]
        require_type(item, values.type, where)
        return values if item.nullable else _with_nan(values)
    neutral = neutral_of(item, where)
    return pa.chunked_array([pa.repeat(pa.scalar(neutral, item.type), len(table))])


def neutral_of(item: pa.Field, where: str) -> Any:
    """Return what a column that came later holds in a table without it.

    Raises:
        StoreError: if the table of no version lacks it.
    """
    known = PARAMETERS.get(item.name)
    neutral = ADDED.get(item.name) if known is None else known.metadata["neutral"]
    if neutral is None and not item.nullable:
        raise StoreError(f"{where}: column {item.name} must not be missing; the file is not whole")
    return neutral


def require_type(item: pa.Field, found: pa.DataType, where: str) -> None:
    """Raise StoreError where a column is of another type than it should be."""
    if found != item.type:
        raise StoreError(f"{where}: column {item.name} must be {item.type} (got {found})")


def _lacks_numbers(table: pa.Table) -> bool:
    pairs = zip(table.schema, table.columns, strict=True)
    return any(values.null_count for item, values in pairs if not item.nullable)


def _with_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.fill_null(nan) if pa.types.is_floating(values.type) else values
