"""AdaMax: Kingma and Ba 2014, section 7.1."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Step
from sweep.components.optimizers.moments import Moments, correction_in_kernel
from sweep.components.spec import flag, non_negative, share

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Adamax(Moments):
    """Adam by the largest gradient (Kingma and Ba 2014, section 7.1, where there is no epsilon)."""

    name = "adamax"

    beta2 = share("decay of the largest gradient", default=0.999)
    epsilon = non_negative("added to each gradient's size, as in PyTorch", default=1e-8)
    epsilon_hat = flag(
        "whether epsilon is added to the largest gradient where it divides, as in Keras, not to "
        "each gradient",
        default=False,
        neutral=False,
    )

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def torch(self, s: Step) -> None:
        import torch

        mean, norm, epsilon = s.slots["exp_avg"], s.slots["exp_inf"], s.hyper["epsilon"]
        mean.add_((1 - s.hyper["beta1"]) * (s.gradient - mean))
        rate = s.learning_rate / s.cast(s.correction("beta1"))
        if s.flags["epsilon_hat"]:
            torch.maximum(norm * s.hyper["beta2"], s.gradient.abs(), out=norm)
            s.parameters.sub_(rate * mean / (norm + epsilon))
        else:
            torch.maximum(norm * s.hyper["beta2"], s.gradient.abs() + epsilon, out=norm)
            s.parameters.sub_(rate * mean / norm)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import ByUpdate, torch_options

        if options["epsilon_hat"]:
            return ByUpdate(groups, _keras, lr=lr, **options)
        named = torch_options(options, eps="epsilon")
        return torch.optim.Adamax(
            groups, lr=lr, betas=(options["beta1"], options["beta2"]), **named
        )

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import choose, fma, magnitude

        correction = correction_in_kernel()
        hat = flags["epsilon_hat"]

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            beta1, beta2, epsilon = options
            return (rate / correction(beta1, count), beta2, epsilon, 1.0 - beta1), scalars

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, beta2, epsilon, less_beta1 = values
            mean, norm = slots
            mean = fma(less_beta1, g - mean, mean)
            old, new = norm * beta2, magnitude(g)
            if not hat:
                new = new + epsilon
            norm = choose(old > new, old, new)
            divisor = norm
            if hat:
                divisor = norm + epsilon
            return fma(-rate, mean / divisor, p), (mean, norm)

        return Kernel(("beta1", "beta2", "epsilon"), 4, prepare, update)


def _keras(p: Any, gradient: Any, state: Any, group: Any) -> None:
    """keras.optimizers.Adamax, with epsilon beside the norm: PyTorch's is within."""
    import torch

    beta1, beta2 = group["beta1"], group["beta2"]
    m, u = state["exp_avg"], state["exp_inf"]
    m += (gradient - m) * (1 - beta1)
    torch.maximum(u * beta2, gradient.abs(), out=u)
    p -= group["lr"] * m / ((1 - beta1 ** state["step"].item()) * (u + group["epsilon"]))
