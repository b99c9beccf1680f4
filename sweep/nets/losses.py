"""Losses in PyTorch. Knows nothing of networks or optimizers.

Every loss takes pre-activations, outputs and targets of shape (..., samples, features) and returns
one float64 number for each leading index: terms are computed in the network's dtype and summed in
float64. Mean squared error and binary cross-entropy are means over samples and outputs; categorical
cross-entropy sums over outputs and is a mean over samples. By reduction `sum` each is the sum over
samples and outputs, as PyTorch's.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from sweep.plugins.loading import load_plugin
from sweep.plugins.sources import is_plugin
from sweep.trial import Trial

KERAS_EPSILON = 1e-7  # keras.backend.epsilon()
TORCH_LOG_FLOOR = -100.0  # torch.nn.BCELoss
TORCH_GRADIENT_FLOOR = 1e-12  # the least denominator in BCELoss's gradient

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(pre-activations, outputs, targets) to one loss for each leading index."""
Terms = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(pre-activations, outputs, targets) to the terms of a loss, (..., samples, features)."""


class _TorchBinaryCrossEntropy(torch.autograd.Function):
    """torch.nn.BCELoss term by term, except that outputs beyond [0, 1] or nan do not raise."""

    @staticmethod
    def forward(ctx, outputs: Tensor, targets: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(outputs, targets)
        hit = torch.log(outputs).clamp(min=TORCH_LOG_FLOOR)
        miss = torch.log1p(-outputs).clamp(min=TORCH_LOG_FLOOR)
        return (targets - 1) * miss - targets * hit

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        outputs, targets = ctx.saved_tensors
        spread = (outputs * (1 - outputs)).clamp(min=TORCH_GRADIENT_FLOOR)
        return gradient * (outputs - targets) / spread, None


class _BinaryCrossEntropyOfLogits(torch.autograd.Function):
    """log(1 + e^x) - t x, right at any x; its slope is sigmoid(x) - t.

    torch.nn.BCEWithLogitsLoss and Keras's from_logits=True term by term. The first rounds away what
    little is left where x is far below 0 and t is 0; this does not.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, targets: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(logits, targets)
        return logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        logits, targets = ctx.saved_tensors
        return gradient * (torch.sigmoid(logits) - targets), None


def _squared_error(_: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    return torch.square(outputs - targets)


def _binary_torch(_: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    terms: Tensor = _TorchBinaryCrossEntropy.apply(outputs, targets)  # type: ignore[no-untyped-call]
    return terms


def _binary_keras(_: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    clipped = _clip(outputs)
    return -(targets * torch.log(clipped) + (1 - targets) * torch.log(1 - clipped))


def _binary_logits(logits: Tensor, _: Tensor, targets: Tensor) -> Tensor:
    terms: Tensor = _BinaryCrossEntropyOfLogits.apply(logits, targets)  # type: ignore[no-untyped-call]
    return terms


def _categorical_logits(logits: Tensor, _: Tensor, targets: Tensor) -> Tensor:
    return -targets * F.log_softmax(logits, dim=-1)


def _categorical_torch(_: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    shares = _normalised(outputs)
    zero = shares == 0  # the logarithm's infinite slope there times the clamp's 0 would be nan
    logs = torch.log(shares.masked_fill(zero, 1.0)).clamp(min=TORCH_LOG_FLOOR)
    return -targets * logs.masked_fill(zero, TORCH_LOG_FLOOR)


def _categorical_keras(_: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    return -targets * torch.log(_clip(_normalised(outputs)))


def _categorical_keras_softmax(_: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    return -targets * torch.log(_clip(outputs))


def trial_loss(trial: Trial) -> Loss:
    """Return the loss of a trial."""
    return loss_of(
        trial.loss,
        trial.loss_semantics,
        output_activation=trial.output_activation,
        reduction=trial.loss_reduction,
    )


def loss_of(
    name: str, semantics: str | None, *, output_activation: str, reduction: str = "mean"
) -> Loss:
    """Return a loss.

    Args:
        name: mean_squared_error, binary_cross_entropy, categorical_cross_entropy, or a user's own
            `package.module:function@digest` of outputs and targets, each (..., samples, features),
            that reduces the last two axes.
        semantics: for a cross-entropy, `keras` (outputs clipped to [1e-7, 1 - 1e-7], no gradient
            where clipped) or `torch` (logarithms no less than -100; with softmax, log_softmax of
            the pre-activations as torch.nn.CrossEntropyLoss); for the binary one also `logits`
            (of the pre-activations, whose sigmoid the outputs are).
        output_activation: categorical cross-entropy divides outputs by their sum unless softmax.
        reduction: `mean` or `sum`, which a user's own loss does not heed.
    """
    if is_plugin(name):
        function = load_plugin(name)
        return lambda _, outputs, targets: function(outputs, targets).to(torch.float64)
    softmax = output_activation == "softmax"
    table: dict[tuple[str, str | None], Terms] = {
        ("mean_squared_error", None): _squared_error,
        ("binary_cross_entropy", "torch"): _binary_torch,
        ("binary_cross_entropy", "keras"): _binary_keras,
        ("binary_cross_entropy", "logits"): _binary_logits,
        ("categorical_cross_entropy", "torch"): _categorical_logits
        if softmax
        else _categorical_torch,
        ("categorical_cross_entropy", "keras"): (
            _categorical_keras_softmax if softmax else _categorical_keras
        ),
    }
    terms, over_features = table[name, semantics], name != "categorical_cross_entropy"

    def loss(logits: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        found = terms(logits, outputs, targets)
        total = found.sum(dim=(-2, -1), dtype=torch.float64)
        if reduction == "sum":
            return total
        samples, features = found.shape[-2:]
        return total / (samples * features if over_features else samples)

    return loss


def code_penalty(
    codes: Float[Tensor, "... samples bottleneck"], weight: float | Float[Tensor, " lanes"]
) -> Float64[Tensor, "..."]:
    """Return `weight` times the mean over samples of the summed magnitudes of a sample's code."""
    return weight * codes.abs().sum(dim=(-2, -1), dtype=torch.float64) / codes.shape[-2]


def _clip(outputs: Tensor) -> Tensor:
    return outputs.clamp(KERAS_EPSILON, 1 - KERAS_EPSILON)


def _normalised(outputs: Tensor) -> Tensor:
    return outputs / outputs.sum(dim=-1, keepdim=True)
