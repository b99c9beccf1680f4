"""How a sweep file says when training stops: by the stop rules, each a block, and by limits."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator, Field, create_model

from sweep.components.registry import STOP_RULES
from sweep.components.spec import REQUIRED, Option
from sweep.components.stopping import StopRule
from sweep.config.parameters.axis import Axis, Block, Count, Positive, whole


def _type_of(option: Option) -> Any:
    kind: Any = Annotated[int, BeforeValidator(whole)] if option.kind is int else option.kind
    for name, bound in {"least": Ge, "above": Gt, "most": Le, "below": Lt}.items():
        if (limit := getattr(option, name)) is not None:
            kind = Annotated[kind, bound(limit)]
    return kind | None if option.optional else kind


def _axis(option: Option) -> tuple[Any, Any]:
    default = ... if option.default is REQUIRED else [option.default]
    return Axis[_type_of(option)], Field(default, description=option.doc)  # type: ignore[misc]


def _block(rule: StopRule) -> tuple[Any, Any]:
    """Return the type and description of the block that a stop rule is in a sweep file."""
    doc = type(rule).__doc__ or ""
    axes: dict[str, Any] = {name: _axis(option) for name, option in rule.options.items()}
    block = create_model(f"{type(rule).__name__}Rule", __base__=Block, __doc__=doc, **axes)
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
