"""Gaussian error linear unit: Hendrycks and Gimpel 2016."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor

ROOT_HALF = 0.7071067811865476
ROOT_INV_TAU = 0.3989422804014327  # 1 / sqrt(2 pi)


class Gelu(Activation):
    """x times the normal distribution function at x, by erf (Hendrycks and Gimpel 2016)."""

    name = "gelu"

    def bounds(self, options: Options) -> tuple[float, float]:
        return (-0.16997120747990369, inf)  # at -0.7517915

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        from torch.nn import functional as F

        return F.gelu(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import erf, exp, fma

        def gaussian(x: Any, options: Any) -> Any:
            portion = (erf(x * ROOT_HALF) + 1.0) * 0.5
            density = exp(x * x * -0.5) * ROOT_INV_TAU
            return x * portion, fma(x, density, portion)

        return gaussian
