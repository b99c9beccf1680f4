"""Softmax, for outputs."""

from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor


class Softmax(Activation):
    """Shares that sum to one over the outputs."""

    name = "softmax"
    hidden = False
    elementwise = False
    softmax = True

    def bounds(self, options: Options) -> tuple[float, float]:
        return (0.0, 1.0)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        import torch

        return torch.softmax(x, dim=-1)

    def kernel(self) -> Kernel:
        from sweep.kernel import at, choose, exp, load, log, repeated, store

        def softmax(logits: Any, values: Any, columns: int, units: int, width: int) -> None:
            """The logarithm of the shares overwrites the logits."""
            for c in range(columns):
                row, out = at(logits, c * units * width), at(values, c * units * width)
                top = load(row)
                for i in range(1, units):
                    x = load(at(row, i * width))
                    top = choose(top >= x, top, x)
                total = repeated(0.0, top)
                for i in range(units):
                    e = exp(load(at(row, i * width)) - top)
                    store(at(out, i * width), e)
                    total = total + e
                log_total = log(total)
                for i in range(units):
                    store(at(out, i * width), load(at(out, i * width)) / total)
                    store(at(row, i * width), load(at(row, i * width)) - top - log_total)

        return softmax
