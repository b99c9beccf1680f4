"""What the lanes of a pack key train on, as tensors."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from sweep.datasets.data import Data
from sweep.engines.torch.own_network import OwnModule
from sweep.nets.losses import Loss
from sweep.trial import Trial


@dataclass(frozen=True)
class Task:
    """What every lane of a pack key trains on.

    Attributes:
        shape: any trial of the key. data: its samples.
        loss: from pre-activations, outputs and targets.
        inputs, targets: all samples, on the device.
        held_out: inputs and targets of the held-out ones; empty where there are none.
        own: the module of the lanes where it is the user's.
    """

    shape: Trial
    data: Data
    loss: Loss
    inputs: Float[Tensor, "samples features"]
    targets: Float[Tensor, "samples outputs"]
    held_out: tuple[Tensor, ...] = ()
    own: OwnModule | None = None
