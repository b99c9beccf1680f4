"""How a sweep file says what may be added to a network or its training. Knows no tensors."""

from typing import Annotated, Literal

from pydantic import Field

from sweep.config.axis import Axis, Positive
from sweep.config.choice import Choice, Named


class NoClip(Choice):
    """The gradient as it is."""

    name: Literal["none"] = Field(description="none")


class Clip(Choice):
    """norm: torch.nn.utils.clip_grad_norm_ on each network alone. value: clip_grad_value_."""

    name: Literal["norm", "value"] = Field(description="what is clipped")
    limit: Axis[Positive] = Field(
        default=[1.0],
        description="most that the 2-norm of a network's whole gradient, or the magnitude of each "
        "of its elements, may be",
    )


GradientClip = Annotated[NoClip | Clip, Named()]
