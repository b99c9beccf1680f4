"""Adagrad: Duchi et al. 2011."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.optimizers.roots import epsilon_inside, root_in_kernel, root_in_torch
from sweep.components.spec import non_negative

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Adagrad(Optimizer):
    """Steps over the root of the sum of all squared gradients (Duchi et al. 2011)."""

    name = "adagrad"

    initial_accumulator = non_negative(
        "first value of the sum of squares", default=0.0, neutral=0.0
    )
    epsilon = non_negative("added to the denominator", default=1e-10)
    epsilon_inside = epsilon_inside()

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("sum",)

    def first(self, slot: str, *, learning_rate: float, options: Mapping[str, Any]) -> float:
        return float(options["initial_accumulator"] or 0.0)

    def torch(self, s: Step) -> None:
        total = s.slots["sum"].add_(s.gradient * s.gradient)
        s.parameters.sub_(s.learning_rate * s.gradient / root_in_torch(total, s))

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import ByUpdate, torch_options

        if options["epsilon_inside"]:
            return ByUpdate(groups, _keras, lr=lr, **options)
        names = {"eps": "epsilon", "initial_accumulator_value": "initial_accumulator"}
        return torch.optim.Adagrad(groups, lr=lr, **torch_options(options, **names))

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import fma

        root = root_in_kernel(flags)

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            (epsilon,) = options
            return (rate, epsilon), scalars

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, epsilon = values
            total = fma(g, g, slots[0])
            return fma(-rate, g / root(total, epsilon), p), (total,)

        return Kernel(("epsilon",), 2, prepare, update)


def _keras(p: Any, gradient: Any, state: Any, group: Any) -> None:
    """Keras 3's, with epsilon inside the square root: PyTorch has none."""
    total = state["sum"]
    total += gradient**2
    p -= group["lr"] * gradient / (total + group["epsilon"]).sqrt()
