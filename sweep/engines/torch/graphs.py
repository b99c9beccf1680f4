"""A step of training as one CUDA graph."""

from collections.abc import Callable

import torch
from torch import Tensor

from sweep.engines.torch.networks import Column

WARM_UPS = 3  # steps before the capture, as PyTorch's notes on CUDA graphs ask for


class StepGraph:
    """A full-batch step captured once and replayed: one launch instead of some hundred."""

    def __init__(
        self,
        step: Callable[[Column, Column], Tensor],
        *,
        rate: Column,
        count: Column,
        undo: Callable[[], None],
    ) -> None:
        """Capture a step.

        Args:
            step: from learning rates and update numbers to what it found, all on the device.
            rate: learning rates of any step; their values do not matter.
            count: update numbers of any step; nor do theirs.
            undo: puts back what the steps before the capture have changed.
        """
        self._rate, self._count = rate.clone(), count.clone()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                step(self._rate, self._count)
        torch.cuda.current_stream().wait_stream(aside)
        undo()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._found = step(self._rate, self._count)

    def __call__(self, rate: Column, count: Column) -> Tensor:
        """Make the step; return a copy of its results."""
        self._rate.copy_(rate)
        self._count.copy_(count)
        self._graph.replay()
        return self._found.clone()
