"""Nadam: Dozat 2016."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Step
from sweep.components.optimizers.moments import (
    Moments,
    correction_in_kernel,
    moments_in_kernel,
    moments_in_torch,
)
from sweep.components.spec import non_negative

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer

BASE = 0.96  # Dozat's
LOG_BASE = -0.040821994520255166


class Nadam(Moments):
    """Adam with Nesterov's momentum (Dozat 2016); Keras's is that with momentum_decay 1."""

    name = "nadam"
    scalars = {"mu_product": 1.0}  # noqa: RUF012 -- read only

    momentum_decay = non_negative("momentum decay", default=4e-3)

    def torch(self, s: Step) -> None:
        import torch

        mean, square = moments_in_torch(s)
        beta1, decay = (s.hyper[name].double() for name in ("beta1", "momentum_decay"))
        momentum = beta1 * (1 - 0.5 * BASE ** (s.count * decay))
        following = beta1 * (1 - 0.5 * BASE ** ((s.count + 1) * decay))
        product = s.scalars["mu_product"].mul_(momentum[:, 0])[:, None]
        denominator = torch.sqrt(square / s.cast(s.correction("beta2"))) + s.hyper["epsilon"]
        now = s.cast((1 - momentum) / (1 - product))
        ahead = s.cast(following / (1 - product * following))
        s.parameters.sub_(s.learning_rate * (now * s.gradient + ahead * mean) / denominator)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import torch_options

        named = torch_options(options, eps="epsilon", momentum_decay="momentum_decay")
        return torch.optim.NAdam(groups, lr=lr, betas=(options["beta1"], options["beta2"]), **named)

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import exp, fma, inlined, sqrt

        moments, correction = moments_in_kernel(), correction_in_kernel()

        @inlined
        def momentum_at(beta1: Any, exponent: Any) -> Any:
            return beta1 * (1.0 - exp(exponent * LOG_BASE) * 0.5)

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            beta1, beta2, epsilon, decay = options
            now = momentum_at(beta1, decay * count)
            ahead = momentum_at(beta1, decay * (count + 1.0))
            product = scalars[0] * now
            nesterov = ((1.0 - now) / (1.0 - product), ahead / (1.0 - product * ahead))
            decays = (1.0 - beta1, beta2, 1.0 - beta2)
            return (rate, correction(beta2, count), epsilon, *nesterov, *decays), (product,)

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, second, epsilon, now, ahead, _, _, _ = values
            mean, square = moments(g, slots[0], slots[1], values[5:])
            direction = fma(now, g, ahead * mean)
            direction = direction / (sqrt(square / second) + epsilon)
            return fma(-rate, direction, p), (mean, square)

        return Kernel(("beta1", "beta2", "epsilon", "momentum_decay"), 8, prepare, update)
