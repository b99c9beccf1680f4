"""What hidden layers apply: activations with their options, the flat spot, what skips carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sweep.components.activations import Activation


class _Lifted(torch.autograd.Function):
    """Unchanged activations with a constant added to their derivative in the backward pass.

    Fahlman 1988 (CMU-CS-88-162, the sigmoid-prime function): saturated units learn again.
    """

    @staticmethod
    def forward(ctx, x: Tensor, activated: Tensor, flat_spot: Any) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.flat_spot = flat_spot
        return activated.view_as(activated)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[no-untyped-def]
        return gradient * ctx.flat_spot, gradient, None


@dataclass(frozen=True)
class Applied:
    """An activation with its numbers: floats or, where lanes train side by side, tensors.

    Attributes:
        component: what is applied.
        options: its options by name, which broadcast over samples and units.
        flat_spot: added in training to the derivative of sigmoid and tanh; None for nothing.
    """

    component: Activation
    options: Mapping[str, Any]
    flat_spot: float | Tensor | None = None

    def __call__(self, x: Tensor, *, training: bool = True) -> Tensor:
        activated = self.component.torch(x, self.options)
        if self.flat_spot is None or not self.component.flattens or not training:
            return activated
        lifted: Tensor = _Lifted.apply(x, activated, self.flat_spot)  # type: ignore[no-untyped-call]
        return lifted


def carried(values: Float[Tensor, "... inputs"], width: int) -> Float[Tensor, "... outputs"]:
    """Return the first `width` units, followed by zeros where there are fewer."""
    kept = values[..., :width]
    return F.pad(kept, (0, width - kept.shape[-1]))
