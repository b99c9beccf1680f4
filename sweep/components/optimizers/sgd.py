"""Gradient descent, with momentum and Nesterov's."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.spec import flag, non_negative

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Sgd(Optimizer):
    """Gradient descent, as torch.optim.SGD."""

    name = "sgd"
    moves = True  # the first update takes the whole gradient into its momentum

    momentum = non_negative("momentum", default=0.0, neutral=0.0, presence=True)
    dampening = non_negative("dampening of the momentum", default=0.0, neutral=0.0)
    nesterov = flag(
        "whether the momentum looks ahead; wants momentum > 0", default=False, neutral=False
    )

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("momentum_buffer",) if flags["momentum"] else ()

    def faults(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        momentum, dampening = options.get("momentum"), options.get("dampening")
        if options.get("nesterov") and not (momentum and not dampening):
            must = "have momentum > 0 and dampening 0 with nesterov"
            yield must, f"momentum {momentum}, dampening {dampening}"

    def warnings(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if options.get("dampening") and not options["momentum"]:
            subject = f"sgd with dampening {options['dampening']:g}"
            yield subject, "dampening has no effect without momentum"

    def torch(self, s: Step) -> None:
        import torch

        direction = s.gradient
        if s.flags["momentum"]:
            buffer, momentum = s.slots["momentum_buffer"], s.hyper["momentum"]
            later = momentum * buffer + (1 - s.hyper["dampening"]) * s.gradient
            buffer.copy_(torch.where(s.count == 1, s.gradient, later))
            direction = s.gradient + momentum * buffer if s.flags["nesterov"] else buffer
        s.parameters.sub_(s.learning_rate * direction)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        import torch

        from sweep.components.by_update import torch_options

        names = {name: name for name in ("momentum", "dampening", "nesterov")}
        return torch.optim.SGD(groups, lr=lr, **torch_options(options, **names))

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import choose, fma

        nesterov = flags["nesterov"]

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            momentum, dampening = options
            return (rate, momentum, choose(count == 1.0, 1.0, 1.0 - dampening)), scalars

        def plain(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, _, _ = values
            return fma(-rate, g, p), slots

        def with_momentum(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, momentum, fresh = values
            (buffer,) = slots
            buffer = fma(momentum, buffer, fresh * g)
            direction = buffer
            if nesterov:
                direction = fma(momentum, buffer, g)
            return fma(-rate, direction, p), (buffer,)

        update = with_momentum if flags["momentum"] else plain
        return Kernel(("momentum", "dampening"), 3, prepare, update)
