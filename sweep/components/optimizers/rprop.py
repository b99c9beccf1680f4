"""Rprop: Riedmiller and Braun 1993."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.spec import non_negative, positive, real

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Rprop(Optimizer):
    """Steps by the sign of the gradient; the learning rate is the first step.

    Riedmiller and Braun 1993, without weight backtracking, as PyTorch's.
    """

    name = "rprop"
    scheduled = False
    decay = None

    eta_minus = real("factor of a step after a change of sign", default=0.5, above=0, below=1)
    eta_plus = real("factor of a step after an equal sign", default=1.2, above=1)
    step_min = non_negative("smallest step", default=1e-6)
    step_max = positive("largest step", default=50.0)

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("prev", "step_size")

    def first(self, slot: str, *, learning_rate: float, options: Mapping[str, Any]) -> float:
        return learning_rate if slot == "step_size" else 0.0

    def faults(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        low, high = options.get("step_min"), options.get("step_max")
        if low is not None and high is not None and not low < high:
            yield "have step_min < step_max", f"{low} and {high}"

    def torch(self, s: Step) -> None:
        import torch

        previous, size = s.slots["prev"], s.slots["step_size"]
        agreement = s.gradient * previous
        one = torch.ones_like(agreement)
        factor = torch.where(agreement > 0, s.hyper["eta_plus"], one)
        factor = torch.where(agreement < 0, s.hyper["eta_minus"], factor)
        size.mul_(factor)
        torch.maximum(size, s.hyper["step_min"], out=size)
        torch.minimum(size, s.hyper["step_max"], out=size)
        previous.copy_(torch.where(agreement < 0, torch.zeros_like(one), s.gradient))
        s.parameters.sub_(previous.sign() * size)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        etas = (options["eta_minus"], options["eta_plus"])
        sizes = (options["step_min"], options["step_max"])
        return torch.optim.Rprop(groups, lr=lr, etas=etas, step_sizes=sizes, foreach=False)

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import choose

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            return options, scalars

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            minus, plus, least, most = values
            previous, size = slots
            agreement = g * previous
            turned = agreement < 0.0
            size = size * choose(turned, minus, choose(agreement > 0.0, plus, 1.0))
            size = choose(size < least, least, size)
            size = choose(size > most, most, size)
            previous = choose(turned, 0.0, g)
            move = choose(previous > 0.0, size, choose(previous < 0.0, -size, 0.0 * previous))
            return p - move, (previous, size)

        return Kernel(("eta_minus", "eta_plus", "step_min", "step_max"), 4, prepare, update)
