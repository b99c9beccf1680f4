"""How a sweep file says when training stops: by the stop rules, each a block, and by limits."""

from typing import Any

from pydantic import Field, create_model

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import StopRule
from sweep.config.parameters.axis import Axis, Block, Count, Positive
from sweep.config.parameters.components import option_fields


def _block(rule: StopRule) -> tuple[Any, Any]:
    """Return the type and description of the block that a stop rule is in a sweep file."""
    doc = type(rule).__doc__ or ""
    title = f"{type(rule).__name__}Rule"
    block = create_model(title, __base__=Block, __doc__=doc, **option_fields(rule))
    summary = doc.split("\n")[0].rstrip(".")
    return block | None, Field(None, description=summary[:1].lower() + summary[1:])


_BLOCKS: dict[str, Any] = {name: _block(rule) for name, rule in STOP_RULES.items()}
_Rules: Any = create_model("_Rules", __base__=Block, **_BLOCKS)


class Convergence(_Rules):  # type: ignore[misc]
    """When a trial stops: at the first rule met, or at a limit."""

    epochs: Axis[Count] | None = Field(default=None, description="train exactly this many epochs")
    max_epochs: Axis[Count] | None = Field(
        default=None, description="most epochs before giving up; required unless epochs is given"
    )
    max_seconds: Axis[Positive] | None = Field(
        default=None, description="most seconds before giving up"
    )
