"""Categorical cross-entropy, as Keras and PyTorch have it."""

from math import log as log_of
from typing import TYPE_CHECKING, Any

from sweep.components.losses import TORCH_LOG_FLOOR, Kernel, Loss, Sees, Variant
from sweep.components.losses.clipping import (
    clipped_in_kernel,
    clipped_in_torch,
    floored_in_kernel,
    inside_in_kernel,
)
from sweep.components.spec import one_of

if TYPE_CHECKING:
    from torch import Tensor


class CategoricalCrossEntropy(Loss):
    """Cross-entropy over a sample's outputs, divided by their sum unless they are a softmax."""

    name = "categorical_cross_entropy"
    sums_outputs = True

    semantics = one_of(
        "keras",
        "torch",
        doc="keras clips outputs at 1e-7 (no gradient there); torch clamps the log at -100, and of "
        "softmax outputs takes the pre-activations",
        default="torch",
    )

    def untrained(self, *, mean_square: float, outputs: int) -> float:
        return log_of(outputs)

    def torch(
        self, logits: "Tensor", outputs: "Tensor", targets: "Tensor", variant: Variant
    ) -> "Tensor":
        import torch
        from torch.nn import functional as F

        if variant.semantics == "torch" and variant.softmax:
            return -targets * F.log_softmax(logits, dim=-1)
        shares = outputs if variant.softmax else outputs / outputs.sum(dim=-1, keepdim=True)
        if variant.semantics == "keras":
            return -targets * torch.log(clipped_in_torch(shares))
        zero = shares == 0  # the logarithm's infinite slope there times the clamp's 0 would be nan
        logs = torch.log(shares.masked_fill(zero, 1.0)).clamp(min=TORCH_LOG_FLOOR)
        return -targets * logs.masked_fill(zero, TORCH_LOG_FLOOR)

    def kernel(self, variant: Variant) -> Kernel:
        if variant.semantics == "keras":
            return Kernel(Sees.OUTPUT if variant.softmax else Sees.SHARE, _keras())
        if variant.softmax:
            return Kernel(Sees.WEIGHTED_LOGITS, _of_logits())
        return Kernel(Sees.SHARE, _torch())


def _keras() -> Any:
    from sweep.kernel import choose, log

    clipped, inside = clipped_in_kernel(), inside_in_kernel()

    def keras(p: Any, t: Any) -> Any:
        c = clipped(p)
        return -t * log(c), choose(inside(p), -t / c, 0.0)

    return keras


def _torch() -> Any:
    from sweep.kernel import choose, log

    floored = floored_in_kernel()

    def torch(p: Any, t: Any) -> Any:
        y = log(p)
        return -t * floored(y), choose(y < TORCH_LOG_FLOOR, 0.0, -t / p)

    return torch


def _of_logits() -> Any:
    def of_logits(x: Any, p: Any, t: Any, weight: Any) -> Any:
        """torch.nn.CrossEntropyLoss: `x` is the logarithm of the softmax."""
        return -t * x, p * weight - t

    return of_logits
