"""What every parameter of a sweep file is: a value, a list of values or a range."""

from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from sweep.elementary import power

MAX_VALUES = 1_000_000
MAX_WHOLE = 2**63 - 1
RANGES = ("linear", "log")
LIBM_ERROR = 1e-14  # relative, of a product of two powers: many times that of any C library


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
        between = [_between(float(start), float(end), share) for share in shares]
    else:
        between = [start + (end - start) * share for share in shares]
    return [start, *(float(f"{value:.12g}") for value in between), end]


def _between(start: float, end: float, share: float) -> float:
    """Return start^(1 - share) end^share, of which 12 digits are the same on every machine."""
    value: float = start ** (1 - share) * end**share
    if f"{value * (1 - LIBM_ERROR):.12g}" == f"{value * (1 + LIBM_ERROR):.12g}":
        return value
    return power(start, 1 - share) * power(end, share)  # so near a tie that libm would decide


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class AxisSchema:
    """Says in the JSON Schema that an axis takes a value, a list or, of numbers, a range."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        values = handler(core_schema)
        item = values["items"]
        kinds = {item.get("type")} | {option.get("type") for option in item.get("anyOf", [])}
        ranges = [_range_schema(name) for name in RANGES] if kinds & {"number", "integer"} else []
        return {"anyOf": [item, values, *ranges]}


def _range_schema(name: str) -> JsonSchemaValue:
    numbers = {
        "from": {"type": "number", "description": "the first value"},
        "to": {"type": "number", "description": "the last value"},
        "count": {"type": "integer", "minimum": 2, "description": "how many values"},
    }
    steps = "equal steps" if name == "linear" else "equal factors"
    bounds = _object(numbers, f"values from one end to the other in {steps}, both included")
    return _object({name: bounds}, f"a range in {steps}")


def _object(properties: JsonSchemaValue, description: str) -> JsonSchemaValue:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


T = TypeVar("T")
Axis = Annotated[list[T], MinLen(1), BeforeValidator(as_values), AxisSchema()]

Real = float
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Lt(1)]
Whole = Annotated[int, BeforeValidator(whole), Ge(0), Le(MAX_WHOLE)]
Count = Annotated[int, BeforeValidator(whole), Ge(1), Le(2**53)]
