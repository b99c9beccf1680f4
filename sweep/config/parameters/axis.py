"""What every parameter of a sweep file is: a value, a list of values, a range or an interval."""

from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    WrapSerializer,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from sweep.config.parameters.interval import Interval, between

MAX_VALUES = 1_000_000
MAX_WHOLE = 2**63 - 1
RANGES = ("linear", "log")
INTERVAL = ("from", "to", "log")


class Block(BaseModel):
    """A mapping of a sweep file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def must(requirement: str, **context: object) -> PydanticCustomError:
    """Return the error for a value that must do what `requirement` says."""
    return PydanticCustomError("must", "{must}", {"must": requirement, **context})


def whole(value: Any) -> Any:
    """Take 1e6 for the whole number that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_values(value: Any) -> Any:
    """Return a list as it is, a range as its values, anything else as the list of itself."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in RANGES:
        return _range(*next(iter(value.items())))
    return [value]


def values_in_ranges(tree: Any) -> int:
    """Return how many values the ranges of a tree of plain values hold, all together."""
    if isinstance(tree, list):
        return sum(map(values_in_ranges, tree))
    if not isinstance(tree, dict):
        return 0
    own = 0
    if len(tree) == 1 and isinstance(bounds := tree.get("linear", tree.get("log")), dict):
        count = whole(bounds.get("count"))
        own = count if isinstance(count, int) and 0 < count <= MAX_VALUES else 0
    return own + sum(map(values_in_ranges, tree.values()))


def _range(kind: str, bounds: Any) -> list[float]:
    """Return the values of a range: ends exact, between them rounded to 12 significant digits.

    The rounding makes 0.1 to 1e-5 by five exactly the powers of ten.
    """
    if not isinstance(bounds, dict) or set(bounds) != {"from", "to", "count"}:
        raise must(f"hold exactly from, to and count under {kind}")
    start, end, count = bounds["from"], bounds["to"], whole(bounds["count"])
    if not _is_number(start) or not _is_number(end):
        raise must(f"have numbers as from and to of {kind}")
    if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= MAX_VALUES:
        raise must(f"have a count from 2 to {MAX_VALUES:,} in {kind}")
    if kind == "log" and not (start > 0 and end > 0):
        raise must("have from and to > 0 in log")
    shares = [i / (count - 1) for i in range(1, count - 1)]
    if kind == "log":
        return [start, *(between(start, end, share, 12) for share in shares), end]
    between_them = [start + (end - start) * share for share in shares]
    return [start, *(float(f"{value:.12g}") for value in between_them), end]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _validated(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Return the values of an axis; the ends of its intervals are judged as its values are."""
    values = as_values(value)
    found = {i: v for i, v in enumerate(values) if isinstance(v, dict) and _is_interval(v)}
    if not found:
        return validate(values)
    lows, highs = (
        validate([found[i][end] if i in found else v for i, v in enumerate(values)])
        for end in ("from", "to")
    )
    for i, given in found.items():
        lows[i] = _interval(lows[i], highs[i], given)
    return lows


def _is_interval(value: dict[Any, Any]) -> bool:
    """Return whether a mapping is an interval, of numbers or not.

    Raises:
        PydanticCustomError: it is one written wrongly.
    """
    if not {"from", "to"} & value.keys():
        return False
    if not {"from", "to"} <= value.keys() <= set(INTERVAL):
        raise must("hold from and to of an interval, and log: true where factors count")
    if not isinstance(value.get("log", False), bool):
        raise must("have log: true or false in an interval")
    return True


def _interval(low: Any, high: Any, given: dict[str, Any]) -> Interval:
    if not (_is_number(low) and _is_number(high) and low < high):
        raise must("have numbers as from and to of an interval, from the smaller one")
    log = given.get("log", False)
    if log and low <= 0:
        raise must("have from and to > 0 in an interval with log: true")
    return Interval(low, high, log=log, whole=isinstance(low, int))


def _written(values: Any, write: SerializerFunctionWrapHandler) -> Any:
    """Return the values of an axis as a sweep file has them."""
    if not any(isinstance(value, Interval) for value in values):
        return write(values)
    return [value.written() if isinstance(value, Interval) else value for value in values]


class AxisSchema:
    """Says in the JSON Schema that an axis takes a value, a list or, of numbers, an interval."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        values = handler(core_schema)
        item = values["items"]
        kinds = {item.get("type")} | {option.get("type") for option in item.get("anyOf", [])}
        if not kinds & {"number", "integer"}:
            return {"anyOf": [item, values]}
        values = values | {"items": {"anyOf": [item, _interval_schema()]}}
        ranges = [_range_schema(name) for name in RANGES]
        return {"anyOf": [item, values, *ranges, _interval_schema()]}


def _range_schema(name: str) -> JsonSchemaValue:
    numbers = {
        "from": {"type": "number", "description": "the first value"},
        "to": {"type": "number", "description": "the last value"},
        "count": {"type": "integer", "minimum": 2, "description": "how many values"},
    }
    steps = "equal steps" if name == "linear" else "equal factors"
    bounds = _object(numbers, f"values from one end to the other in {steps}, both included")
    return _object({name: bounds}, f"a range in {steps}")


def _interval_schema() -> JsonSchemaValue:
    ends = {
        "from": {"type": "number", "description": "the least value"},
        "to": {"type": "number", "description": "the largest value"},
    }
    interval = _object(ends, "an interval that a search draws from, both ends included")
    log = {"type": "boolean", "description": "whether equal factors are equally likely"}
    interval["properties"]["log"] = log | {"default": False}
    return interval


def _object(properties: JsonSchemaValue, description: str) -> JsonSchemaValue:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


T = TypeVar("T")
Axis = Annotated[
    list[T], MinLen(1), WrapValidator(_validated), WrapSerializer(_written), AxisSchema()
]

Real = float
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Lt(1)]
Whole = Annotated[int, BeforeValidator(whole), Ge(0), Le(MAX_WHOLE)]
Count = Annotated[int, BeforeValidator(whole), Ge(1), Le(2**53)]
