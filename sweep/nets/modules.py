"""A user's own module as the network of a trial: its start, its draws, its arrays."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from sweep.nets.randomness import Purpose, raw_bits
from sweep.plugins.networks import facts_of, make_module, seeded
from sweep.trial import Trial

Samples = Float[Tensor, "samples features"]
Codes = Float[Tensor, "samples code"]
Outputs = Float[Tensor, "samples outputs"]


class OwnNetwork(nn.Module):
    """A user's module with flat codes and the methods that a perceptron's network has.

    Attributes:
        dropout: of the inputs, as that of a perceptron's network.
    """

    bottleneck = 1

    def __init__(self, trial: Trial) -> None:
        """Make the module of `trial` as it begins."""
        super().__init__()
        self.module = make_module(trial, draw_seed(trial, 0))
        self.dropout: Mapping[int, Tensor] = {}
        self._code_shape = facts_of(trial).code_shape

    def forward(self, inputs: Samples) -> tuple[Codes, Outputs, tuple[Tensor, ...]]:
        """Return codes, outputs and the buffers as they are afterwards."""
        codes = self.encode(inputs)
        return codes, self.decode(codes), tuple(self.module.buffers())

    def encode(self, inputs: Samples) -> Codes:
        if 0 in self.dropout:
            inputs = inputs * self.dropout[0]
        codes: Tensor = self.module.encode(inputs)  # type: ignore[operator]
        return codes.reshape(len(inputs), -1)

    def decode(self, codes: Codes) -> Outputs:
        shaped = codes.reshape(-1, *self._code_shape)
        outputs: Tensor = self.module.decode(shaped)  # type: ignore[operator]
        return outputs

    def hidden(self, inputs: Samples, layer: int) -> Float[Tensor, "samples units"]:
        """Return the codes, which are layer 1; the inputs themselves for 0."""
        return self.encode(inputs) if layer else inputs

    def logits(self, inputs: Samples) -> Outputs:
        """Return the outputs: what they are made of is the module's own."""
        return self.decode(self.encode(inputs))

    def logits_of(self, codes: Codes) -> Outputs:
        return self.decode(codes)

    def outputs_of(self, logits: Outputs) -> Outputs:
        return logits

    def tensors(self) -> Iterator[Tensor]:
        """Yield parameters, then buffers, in the order of the layout."""
        yield from self.module.parameters()
        yield from self.module.buffers()


def draw_seed(trial: Trial, update: int) -> int:
    """Return the seed of what a module draws in an update, counted from 1; at its start for 0."""
    words = raw_bits(1, seed=trial.seed, purpose=Purpose.NETWORK, index=update)
    return int(words[0])


def keyed_draws(trial: Trial, update: int, device: str = "cpu") -> AbstractContextManager[None]:
    """Return a block within which a user's module draws what it does in an update."""
    if trial.network is None:
        return nullcontext()
    return seeded(draw_seed(trial, update), device)


def first_arrays(trial: Trial) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the flat parameters of a user's module as it begins, and its buffers by name."""
    module = make_module(trial, draw_seed(trial, 0))
    parameters = [_flat(array, trial) for array in module.parameters()]
    buffers = {name: _flat(array, trial) for name, array in module.named_buffers()}
    return np.concatenate(parameters), buffers


def _flat(array: Tensor, trial: Trial) -> np.ndarray:
    return array.detach().numpy().astype(trial.dtype).ravel()
