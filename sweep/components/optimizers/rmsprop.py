"""RMSprop: Tieleman and Hinton 2012."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.optimizers.roots import epsilon_inside, root_in_kernel, root_in_torch
from sweep.components.spec import flag, non_negative, share

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Rmsprop(Optimizer):
    """RMSprop; the default rho is PyTorch's alpha (Keras's is 0.9)."""

    name = "rmsprop"

    rho = share("decay of the mean squared gradient", default=0.99)
    momentum = non_negative("momentum", default=0.0, neutral=0.0, presence=True)
    centered = flag("whether to subtract the mean gradient", default=False, neutral=False)
    epsilon = non_negative("added to the denominator", default=1e-8)
    epsilon_inside = epsilon_inside()

    def slots(self, flags: Flags) -> tuple[str, ...]:
        extra = {"momentum_buffer": flags["momentum"], "grad_avg": flags["centered"]}
        return ("square_avg", *(name for name, used in extra.items() if used))

    def torch(self, s: Step) -> None:
        square, rho = s.slots["square_avg"], s.hyper["rho"]
        square.mul_(rho).add_((1 - rho) * s.gradient * s.gradient)
        variance = square
        if s.flags["centered"]:
            mean = s.slots["grad_avg"]
            mean.add_((1 - rho) * (s.gradient - mean))
            variance = square - mean * mean
        direction = s.gradient / root_in_torch(variance, s)
        if s.flags["momentum"]:
            direction = s.slots["momentum_buffer"].mul_(s.hyper["momentum"]).add_(direction)
        s.parameters.sub_(s.learning_rate * direction)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import ByUpdate, torch_options

        if options["epsilon_inside"]:
            return ByUpdate(groups, _keras, lr=lr, **options)
        names = {"alpha": "rho", "eps": "epsilon", "momentum": "momentum", "centered": "centered"}
        return torch.optim.RMSprop(groups, lr=lr, **torch_options(options, **names))

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import fma, inlined

        root = root_in_kernel(flags)
        centered, with_momentum = flags["centered"], flags["momentum"]

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            rho, momentum, epsilon = options
            return (rate, rho, 1.0 - rho, momentum, epsilon), scalars

        @inlined
        def direct(g: Any, square: Any, values: Any) -> Any:
            return g / root(square, values[4])

        @inlined
        def averaged(g: Any, square: Any, values: Any) -> Any:
            _, rho, fresh, _, _ = values
            return fma(rho, square, fresh * g * g)

        @inlined
        def less_mean(g: Any, mean: Any, values: Any) -> Any:
            return fma(values[2], g - mean, mean)

        def plain(p: Any, g: Any, slots: Any, values: Any) -> Any:
            square = averaged(g, slots[0], values)
            return fma(-values[0], direct(g, square, values), p), (square,)

        def moving(p: Any, g: Any, slots: Any, values: Any) -> Any:
            square = averaged(g, slots[0], values)
            buffer = fma(values[3], slots[1], direct(g, square, values))
            return fma(-values[0], buffer, p), (square, buffer)

        def centred(p: Any, g: Any, slots: Any, values: Any) -> Any:
            square, mean = averaged(g, slots[0], values), less_mean(g, slots[1], values)
            direction = direct(g, fma(-mean, mean, square), values)
            return fma(-values[0], direction, p), (square, mean)

        def centred_and_moving(p: Any, g: Any, slots: Any, values: Any) -> Any:
            square, mean = averaged(g, slots[0], values), less_mean(g, slots[2], values)
            direction = direct(g, fma(-mean, mean, square), values)
            buffer = fma(values[3], slots[1], direction)
            return fma(-values[0], buffer, p), (square, buffer, mean)

        forms = {
            (False, False): plain,
            (False, True): moving,
            (True, False): centred,
            (True, True): centred_and_moving,
        }
        update = forms[centered, with_momentum]
        return Kernel(("rho", "momentum", "epsilon"), 5, prepare, update)


def _keras(p: Any, gradient: Any, state: Any, group: Any) -> None:
    """Keras 3's, with epsilon inside the square root: PyTorch has none."""
    square, rho = state["square_avg"], group["rho"]
    square += (1 - rho) * (gradient**2 - square)
    variance = square
    if group["centered"]:
        state["grad_avg"] += (1 - rho) * (gradient - state["grad_avg"])
        variance = square - state["grad_avg"] ** 2
    step = gradient / (variance + group["epsilon"]).sqrt()
    if group["momentum"]:
        state["momentum_buffer"].mul_(group["momentum"]).add_(step)
        step = state["momentum_buffer"]
    p -= group["lr"] * step
