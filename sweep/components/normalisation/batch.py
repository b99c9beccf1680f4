"""Batch normalisation: Ioffe and Szegedy 2015."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.normalisation import Normalisation
from sweep.components.spec import positive, real

if TYPE_CHECKING:
    import torch as pytorch
    from torch import Tensor


class Batch(Normalisation):
    """torch.nn.BatchNorm1d on every hidden layer's pre-activations, its shift for their bias."""

    name = "batch"

    momentum = real(
        "share of a batch in the running mean and variance", default=0.1, least=0, most=1
    )
    epsilon = positive("added to the variance", default=1e-5)

    def reference(
        self, units: int, dtype: "pytorch.dtype", options: Mapping[str, Any]
    ) -> "pytorch.nn.Module":
        from torch import nn

        momentum, epsilon = options["momentum"], options["epsilon"]
        return nn.BatchNorm1d(units, eps=epsilon, momentum=momentum, dtype=dtype)

    def torch(
        self, values: "Tensor", running: "tuple[Tensor, Tensor]", options: Mapping[str, Any]
    ) -> "Tensor":
        import torch

        variance, mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)
        unbiased = variance * (values.shape[1] / (values.shape[1] - 1))
        for kept, found in zip(running, (mean, unbiased), strict=True):
            kept.add_(options["momentum"] * (found.detach()[:, 0] - kept))
        return (values - mean) * torch.rsqrt(variance + options["epsilon"][:, None])

    def evaluated(
        self, values: "Tensor", running: "tuple[Tensor, Tensor]", options: Mapping[str, Any]
    ) -> "Tensor":
        import torch

        mean, variance = (kept[:, None] for kept in running)
        return (values - mean) * torch.rsqrt(variance + options["epsilon"][:, None])
