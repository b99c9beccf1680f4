"""Binary cross-entropy, as Keras and PyTorch have it."""

from functools import cache
from math import log as log_of
from typing import TYPE_CHECKING, Any

from sweep.components.losses import (
    TORCH_GRADIENT_FLOOR,
    TORCH_LOG_FLOOR,
    Kernel,
    Loss,
    Sees,
    Variant,
)
from sweep.components.losses.clipping import (
    clipped_in_kernel,
    clipped_in_torch,
    floored_in_kernel,
    inside_in_kernel,
)
from sweep.components.spec import one_of

if TYPE_CHECKING:
    from torch import Tensor


class BinaryCrossEntropy(Loss):
    """Cross-entropy of each output alone."""

    name = "binary_cross_entropy"

    semantics = one_of(
        "keras",
        "torch",
        "logits",
        doc="keras clips outputs at 1e-7 (no gradient there); torch clamps the log at -100; logits "
        "takes the pre-activations of sigmoid outputs, and is right however far they saturate: "
        "PyTorch's BCEWithLogitsLoss, Keras's from_logits=True, with output_activation sigmoid for "
        "the outputs",
        default="torch",
    )

    def takes_logits(self, semantics: str | None) -> bool:
        return semantics == "logits"

    def untrained(self, *, mean_square: float, outputs: int) -> float:
        return log_of(2.0)

    def torch(
        self, logits: "Tensor", outputs: "Tensor", targets: "Tensor", variant: Variant
    ) -> "Tensor":
        import torch

        if variant.semantics == "keras":
            clipped = clipped_in_torch(outputs)
            return -(targets * torch.log(clipped) + (1 - targets) * torch.log(1 - clipped))
        of_outputs, of_logits = _functions()
        if variant.semantics == "logits":
            terms: Tensor = of_logits.apply(logits, targets)
        else:
            terms = of_outputs.apply(outputs, targets)
        return terms

    def kernel(self, variant: Variant) -> Kernel:
        if variant.semantics == "logits":
            return Kernel(Sees.LOGITS, _of_logits())
        keras = variant.semantics == "keras"
        return Kernel(Sees.OUTPUT, _keras(variant.bits) if keras else _torch(variant.bits))


def _of_logits() -> Any:
    from sweep.kernel import choose, exp, log1p, magnitude

    def of_logits(x: Any, p: Any, t: Any, weight: Any) -> Any:
        return choose(x > 0.0, x, 0.0) - x * t + log1p(exp(-magnitude(x))), p - t

    return of_logits


def _keras(bits: bool) -> Any:
    from sweep.kernel import choose, log

    clipped, inside = clipped_in_kernel(), inside_in_kernel()

    def any_targets(p: Any, t: Any) -> Any:
        c = clipped(p)
        term = -(t * log(c) + (1.0 - t) * log(1.0 - c))
        return term, choose(inside(p), (c - t) / (c * (1.0 - c)), 0.0)

    def targets_of_bits(p: Any, t: Any) -> Any:
        c = clipped(p)
        term = -log(choose(t == 1.0, c, 1.0 - c))
        return term, choose(inside(p), (c - t) / (c * (1.0 - c)), 0.0)

    return targets_of_bits if bits else any_targets


def _torch(bits: bool) -> Any:
    from sweep.kernel import choose, inlined, log, log1p, log_of_sum

    floored = floored_in_kernel()
    nan = float("nan")

    @inlined
    def slope(p: Any, t: Any) -> Any:
        spread = p * (1.0 - p)
        return (p - t) / choose(spread < TORCH_GRADIENT_FLOOR, TORCH_GRADIENT_FLOOR, spread)

    def any_targets(p: Any, t: Any) -> Any:
        hit, miss = floored(log(p)), floored(log1p(-p))
        return (t - 1.0) * miss - t * hit, slope(p, t)

    def targets_of_bits(p: Any, t: Any) -> Any:
        """One logarithm, the same bits."""
        u = 1.0 - p
        error = (1.0 - u) - p
        term = floored(log_of_sum(choose(t == 1.0, p, u), choose(t == 1.0, 0.0, error)))
        return choose((p >= 0.0) & (p <= 1.0), -term, nan), slope(p, t)

    return targets_of_bits if bits else any_targets


@cache
def _functions() -> Any:
    """Return the two that PyTorch has not as they are wanted here, with their gradients."""
    import torch

    class OfOutputs(torch.autograd.Function):
        """torch.nn.BCELoss term by term, except that outputs beyond [0, 1] or nan do not raise."""

        @staticmethod
        def forward(ctx, outputs, targets):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(outputs, targets)
            hit = torch.log(outputs).clamp(min=TORCH_LOG_FLOOR)
            miss = torch.log1p(-outputs).clamp(min=TORCH_LOG_FLOOR)
            return (targets - 1) * miss - targets * hit

        @staticmethod
        def backward(ctx, gradient):  # type: ignore[no-untyped-def]
            outputs, targets = ctx.saved_tensors
            spread = (outputs * (1 - outputs)).clamp(min=TORCH_GRADIENT_FLOOR)
            return gradient * (outputs - targets) / spread, None

    class OfLogits(torch.autograd.Function):
        """log(1 + e^x) - t x, right at any x; its slope is sigmoid(x) - t.

        torch.nn.BCEWithLogitsLoss and Keras's from_logits=True term by term. The first rounds away
        what little is left where x is far below 0 and t is 0; this does not.
        """

        @staticmethod
        def forward(ctx, logits, targets):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(logits, targets)
            return logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))

        @staticmethod
        def backward(ctx, gradient):  # type: ignore[no-untyped-def]
            logits, targets = ctx.saved_tensors
            return gradient * (torch.sigmoid(logits) - targets), None

    return OfOutputs, OfLogits
