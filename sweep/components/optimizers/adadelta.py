"""Adadelta: Zeiler 2012."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.spec import positive, share

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Adadelta(Optimizer):
    """Steps as large as those before, over the gradients' running size (Zeiler 2012)."""

    name = "adadelta"

    rho = share("decay of the two running means", default=0.9)
    epsilon = positive("inside both square roots, as in PyTorch and Keras", default=1e-6)

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def torch(self, s: Step) -> None:
        rho, epsilon = s.hyper["rho"], s.hyper["epsilon"]
        square, moved = s.slots["square_avg"], s.slots["acc_delta"]
        square.mul_(rho).add_((1 - rho) * s.gradient * s.gradient)
        delta = (moved + epsilon).sqrt() / (square + epsilon).sqrt() * s.gradient
        moved.mul_(rho).add_((1 - rho) * delta * delta)
        s.parameters.sub_(s.learning_rate * delta)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import torch_options

        return torch.optim.Adadelta(
            groups, lr=lr, **torch_options(options, rho="rho", eps="epsilon")
        )

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import fma, sqrt

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            rho, epsilon = options
            return (rate, rho, 1.0 - rho, epsilon), scalars

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, rho, fresh, epsilon = values
            square, moved = slots
            square = fma(rho, square, fresh * g * g)
            delta = sqrt(moved + epsilon) / sqrt(square + epsilon) * g
            return fma(-rate, delta, p), (square, fma(rho, moved, fresh * delta * delta))

        return Kernel(("rho", "epsilon"), 4, prepare, update)
