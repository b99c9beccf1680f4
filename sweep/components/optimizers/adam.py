"""Adam: Kingma and Ba 2014. And what AdamW shares with it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Step
from sweep.components.optimizers.moments import (
    Moments,
    correction_in_kernel,
    moments_in_kernel,
    moments_in_torch,
)
from sweep.components.spec import flag

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Adam(Moments):
    """Steps by the mean gradient over the root of the mean square (Kingma and Ba 2014)."""

    name = "adam"

    amsgrad = flag("whether to keep the largest second moment", default=False, neutral=False)
    epsilon_hat = flag(
        "whether epsilon is Kingma and Ba's epsilon hat, added to the root before its bias "
        "correction, as in Keras: the small number of the formula just before their section 2.1",
        default=False,
        neutral=False,
    )

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return (*super().slots(flags), *(["max_exp_avg_sq"] if flags["amsgrad"] else []))

    def torch(self, s: Step) -> None:
        import torch

        mean, square = moments_in_torch(s)
        if s.flags["amsgrad"]:
            largest = s.slots["max_exp_avg_sq"]
            square = torch.maximum(largest, square, out=largest)
        root, correction = torch.sqrt(square), s.cast(torch.sqrt(s.correction("beta2")))
        if s.flags["epsilon_hat"]:
            denominator = (root + s.hyper["epsilon"]) / correction
        else:
            denominator = root / correction + s.hyper["epsilon"]
        s.parameters.sub_(s.learning_rate / s.cast(s.correction("beta1")) * mean / denominator)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import ByUpdate, torch_options

        decoupled = self.decouples_decay
        if options["epsilon_hat"]:
            return ByUpdate(groups, _keras, lr=lr, decoupled=decoupled, **options)
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        named = torch_options(options, eps="epsilon", amsgrad="amsgrad")
        return kind(groups, lr=lr, betas=(options["beta1"], options["beta2"]), **named)

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import choose, fma, inlined, sqrt

        moments, correction = moments_in_kernel(), correction_in_kernel()
        hat = flags["epsilon_hat"]

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            beta1, beta2, epsilon = options
            second = 1.0 / sqrt(correction(beta2, count))
            rate = rate / correction(beta1, count)
            return (rate, second, epsilon, 1.0 - beta1, beta2, 1.0 - beta2), scalars

        @inlined
        def moved(p: Any, mean: Any, square: Any, values: Any) -> Any:
            rate, second, epsilon, _, _, _ = values
            if hat:
                epsilon = epsilon * second
            return fma(-rate, mean / fma(sqrt(square), second, epsilon), p)

        def plain(p: Any, g: Any, slots: Any, values: Any) -> Any:
            mean, square = moments(g, slots[0], slots[1], values[3:])
            return moved(p, mean, square, values), (mean, square)

        def amsgrad(p: Any, g: Any, slots: Any, values: Any) -> Any:
            mean, square = moments(g, slots[0], slots[1], values[3:])
            most = choose(slots[2] > square, slots[2], square)
            return moved(p, mean, most, values), (mean, square, most)

        update = amsgrad if flags["amsgrad"] else plain
        return Kernel(("beta1", "beta2", "epsilon"), 6, prepare, update)


def _keras(p: Any, gradient: Any, state: Any, group: Any) -> None:
    """keras.optimizers.Adam and AdamW, with epsilon hat: PyTorch has none."""
    import torch

    beta1, beta2 = group["beta1"], group["beta2"]
    step, m, v = state["step"].item(), state["exp_avg"], state["exp_avg_sq"]
    m += (gradient - m) * (1 - beta1)
    v += (gradient**2 - v) * (1 - beta2)
    if group["amsgrad"]:
        v = torch.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
    rate = group["lr"] * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    p -= m * rate / (torch.sqrt(v) + group["epsilon"])
