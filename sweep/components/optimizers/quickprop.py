"""Quickprop: Fahlman 1988 (CMU-CS-88-162), as his code has it, element by element."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Kernel, Optimizer, Step
from sweep.components.spec import positive

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Quickprop(Optimizer):
    """Fahlman's: jumps to where the last two slopes, drawn through by a line, would vanish.

    With S the slope (the gradient, weight decay included), S' the slope and d the step before, mu
    the largest growth: the step is mu d where S is still beyond mu / (1 + mu) of S' on the side
    that d came down, else the secant's d S / (S' - S); where d still goes downhill, or is 0, the
    gradient's -rate S joins it. Fahlman sums slopes over patterns and divides the rate by the
    fan-in; here they are those of the loss, mostly a mean, and the rate is as given.
    """

    name = "quickprop"

    max_growth = positive("mu: most that a step may be times the one before", default=1.75)

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("prev", "delta")

    def torch(self, s: Step) -> None:
        import torch

        slope, previous, last = s.gradient, s.slots["prev"], s.slots["delta"]
        growth = s.hyper["max_growth"]
        edge = growth / (1 + growth) * previous
        beyond = torch.where(last < 0, slope >= edge, slope <= edge)
        jump = torch.where(beyond, growth * last, last * slope / (previous - slope))
        jump = torch.where(last == 0, torch.zeros_like(jump), jump)
        downhill = last.sign() * slope <= 0
        slide = s.learning_rate * torch.where(downhill, slope, torch.zeros_like(slope))
        last.copy_(jump - slide)
        previous.copy_(slope)
        s.parameters.add_(last)

    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        from sweep.components.by_update import ByUpdate

        return ByUpdate(groups, _by_cases, lr=lr, **options)

    def kernel(self, flags: Flags) -> Kernel:
        from sweep.kernel import choose, fma

        def prepare(rate: Any, count: Any, options: Any, scalars: Any) -> Any:
            (growth,) = options
            return (rate, growth, growth / (growth + 1.0)), scalars

        def update(p: Any, g: Any, slots: Any, values: Any) -> Any:
            rate, growth, portion = values
            previous, last = slots
            edge, most, secant = portion * previous, growth * last, last * g / (previous - g)
            falling = choose(g >= edge, most, secant)
            rising = choose(g <= edge, most, secant)
            jump = choose(last == 0.0, 0.0, choose(last < 0.0, falling, rising))
            uphill = choose(last < 0.0, -g, choose(last > 0.0, g, 0.0)) > 0.0
            step = fma(-rate, choose(uphill, 0.0, g), jump)
            return p + step, (g, step)

        return Kernel(("max_growth",), 3, prepare, update)


def _by_cases(p: Any, slope: Any, state: Any, group: Any) -> None:
    import torch

    previous, last = state["prev"], state["delta"]
    growth, plain = group["max_growth"], -group["lr"] * slope
    shrink = growth / (1 + growth)
    step = torch.where(last == 0, plain, last * slope / (previous - slope))
    for falling, sign in ((last < 0, 1), (last > 0, -1)):
        steep = falling & (sign * slope >= sign * shrink * previous)
        step = torch.where(steep, growth * last, step)
        step = torch.where(falling & (sign * slope > 0), step + plain, step)
    state["prev"], state["delta"] = slope, step
    p += step
