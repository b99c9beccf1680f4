"""Lion: Chen et al. 2023, "Symbolic discovery of optimization algorithms" (arXiv:2302.06675)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.spec import share

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Lion(Optimizer):
    """Steps of one size by the sign of an interpolated momentum; weight decay is decoupled.

    Chen et al. 2023, algorithm 2.
    """

    name = "lion"
    decouples_decay = True

    beta1 = share("share of the mean gradient in the step's direction", default=0.9)
    beta2 = share("decay of the mean gradient", default=0.99)

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("exp_avg",)

    def torch(self, s: Step) -> None:
        mean = s.slots["exp_avg"]
        direction = s.gradient + s.hyper["beta1"] * (mean - s.gradient)
        mean.add_((1 - s.hyper["beta2"]) * (s.gradient - mean))
        s.parameters.sub_(s.learning_rate * direction.sign())

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        from sweep.components.by_update import ByUpdate

        return ByUpdate(groups, _plainly, lr=lr, decoupled=True, **options)

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import choose, fma

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            beta1, beta2 = options
            return (rate, beta1, 1.0 - beta2), scalars

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, beta1, less_beta2 = values
            (mean,) = slots
            direction = fma(beta1, mean - g, g)
            step = choose(direction > 0.0, rate, choose(direction < 0.0, -rate, 0.0 * direction))
            return p - step, (fma(less_beta2, g - mean, mean),)

        return Kernel(("beta1", "beta2"), 3, prepare, update)


def _plainly(p: Any, gradient: Any, state: Any, group: Any) -> None:
    mean = state["exp_avg"]
    p -= group["lr"] * (group["beta1"] * mean + (1 - group["beta1"]) * gradient).sign()
    mean.mul_(group["beta2"]).add_((1 - group["beta2"]) * gradient)
