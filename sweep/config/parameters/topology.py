"""How the widths of networks are written in a sweep file."""

from typing import Annotated, Any

from annotated_types import MinLen
from pydantic import BeforeValidator
from pydantic.json_schema import WithJsonSchema

from sweep.config.parameters.axis import AxisSchema, must, whole

MAX_WIDTH = 65_536


def as_topology(value: Any) -> tuple[int, ...]:
    """Return the widths of `16-4-16`, or of a list of widths."""
    parts = value.split("-") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) < 2:
        raise must("be at least two widths, such as 16-4-16 or [16, 4, 16]")
    widths = [_width(part) for part in parts]
    if not all(1 <= width <= MAX_WIDTH for width in widths):
        raise must(f"have widths that are whole numbers from 1 to {MAX_WIDTH}")
    return tuple(widths)


def _width(part: object) -> int:
    """Return a width, or 0 for anything else."""
    if isinstance(part, str):
        return int(part) if part.strip().isdecimal() and len(part) < 10 else 0
    part = whole(part)
    return part if isinstance(part, int) and not isinstance(part, bool) else 0


def as_topologies(value: Any) -> Any:
    """Return a list of topologies; a plain list of widths is one topology."""
    if isinstance(value, list) and not is_one_topology(value):
        return value
    return [value]


def is_one_topology(value: object) -> bool:
    """Return whether a list holds widths rather than topologies."""
    return isinstance(value, list) and bool(value) and not isinstance(value[0], str | list | tuple)


Topology = Annotated[
    tuple[int, ...],
    BeforeValidator(as_topology),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]+(-[0-9]+)+$"},
                {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2},
            ]
        }
    ),
]
TopologyAxis = Annotated[list[Topology], MinLen(1), BeforeValidator(as_topologies), AxisSchema()]
