"""What the mini-batch contenders train: networks, data, constants, first weights, orders."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, Int64

from sweep.datasets.data import Data, DatasetSpec
from sweep.datasets.registry import load_data
from sweep.engines.epochs import epoch_order
from sweep.engines.state import Lane, Lanes
from sweep.nets.initialisers import initial_parameters
from sweep.nets.layout import Array, Role, layout_of
from sweep.nets.randomness import Purpose, normal
from sweep.trial import PARAMETERS, Trial, format_topology

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
EPSILON = 1e-8
MOMENTUM, NORM_EPSILON = 0.1, 1e-5  # of batch normalisation
ORDERS = 4  # epochs whose orders are drawn before; contenders go round and round in them
RANK = 16  # of generated images
Arrays = dict[str, Float32[np.ndarray, "..."]]


@dataclass(frozen=True)
class Work:
    """A network to train on data, by Adam, in shuffled mini-batches, in float32.

    ReLU in hidden layers, sigmoid or identity for the outputs, the mean squared error to the clean
    inputs.

    Attributes:
        name: of the data, for people. samples: the data, in [0, 1].
        noise: standard deviation of what is added to the inputs. dropout: of hidden units.
        normalised: whether hidden layers have batch normalisation.
        output: activation of the last layer.
    """

    name: str
    samples: Float64[np.ndarray, "samples features"]
    topology: tuple[int, ...]
    batch: int
    noise: float = 0.0
    dropout: float = 0.0
    normalised: bool = False
    output: str = "sigmoid"

    @property
    def title(self) -> str:
        parts = [("batch normalisation", self.normalised), ("dropout", self.dropout)]
        parts += [("input noise", self.noise)]
        with_ = ", ".join(name for name, given in parts if given)
        return f"{self.name}, {format_topology(self.topology)}, batch {self.batch}" + (
            f", {with_}" if with_ else ""
        )

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers besides orders; each contender has its own."""
        return bool(self.noise or self.dropout)

    @property
    def weights(self) -> int:
        return sum(a.shape[0] * a.shape[1] for a in self.layout if a.role is Role.WEIGHT)

    @property
    def operations(self) -> float:
        """Floating-point operations of an epoch's matrix products, forward and back."""
        return 6.0 * self.weights * len(self.samples)

    @property
    def unneeded(self) -> float:
        """Share of those operations that would find the gradient of the inputs."""
        return self.topology[0] * self.topology[1] / self.weights / 3.0

    @cached_property
    def data(self) -> Data:
        return Data(self.name, self.samples, self.samples)

    @cached_property
    def inputs(self) -> Float32[np.ndarray, "samples features"]:
        return np.ascontiguousarray(self.samples, np.float32)

    @cached_property
    def layout(self) -> tuple[Array, ...]:
        return layout_of(self.trial).parameters

    @cached_property
    def trial(self) -> Trial:
        given: dict[str, object] = {}
        if self.noise:
            given |= {"input_noise": "gaussian", "input_noise_scale": self.noise}
        if self.dropout and self.is_ours:
            given |= {"hidden_dropout": self.dropout}
        if self.normalised:
            given |= {
                "normalisation": "batch",
                "normalisation_momentum": MOMENTUM,
                "normalisation_epsilon": NORM_EPSILON,
            }
        return Trial(
            dataset=self.data.name,
            data_fingerprint=self.data.fingerprint,
            topology=self.topology,
            activation="relu",
            output_activation=self.output,
            initialiser="xavier_uniform",
            seed=0,
            loss="mean_squared_error",
            optimizer="adam",
            optimizer_beta1=BETAS[0],
            optimizer_beta2=BETAS[1],
            optimizer_epsilon=EPSILON,
            optimizer_amsgrad=False,
            optimizer_epsilon_hat=False,
            learning_rate=LEARNING_RATE,
            batch_size=self.batch,
            sample_order="shuffled",
            dtype="float32",
            max_epochs=10**9,
            **given,
        )

    @property
    def is_ours(self) -> bool:
        """Whether our trials have every parameter of this work."""
        return not self.dropout or "hidden_dropout" in PARAMETERS

    def lanes(self, n_lanes: int) -> Lanes:
        """Return a lane for each seed from 0."""
        return Lanes(tuple(Lane((replace(self.trial, seed=s),)) for s in range(n_lanes)))

    def start(self, seed: int = 0) -> Arrays:
        """Return the first arrays of a network, named as 0.weight: layer and role."""
        flat = initial_parameters(replace(self.trial, seed=seed))
        return {a.name: flat[a.place].reshape(a.shape) for a in self.layout}

    def orders(self, seed: int = 0) -> Int64[np.ndarray, "orders samples"]:
        """Return the orders of a network's first epochs."""
        trial, samples = replace(self.trial, seed=seed), len(self.samples)
        epochs = range(ORDERS)
        return np.stack([epoch_order(trial, samples=samples, epoch=e) for e in epochs])


def digits(**changes: object) -> Work:
    """Return the 1,797 digits, through 64-32-16-32-64 unless `changes` say otherwise."""
    samples = load_data(DatasetSpec("digits")).inputs
    work = Work("digits (1,797)", samples, (64, 32, 16, 32, 64), 64)
    return replace(work, **changes)  # type: ignore[arg-type]


def images(count: int = 10_000, features: int = 784) -> Work:
    """Return generated images in (0, 1), of low rank, through 784-128-32-128-784."""
    codes, directions = (
        normal(n * RANK, seed=0, purpose=Purpose.DATA, index=index).reshape(n, RANK)
        for index, n in enumerate((count, features))
    )
    samples = 1.0 / (1.0 + np.exp(-codes @ directions.T / 2.0))
    return Work(f"{count:,} x {features}", samples, (features, 128, 32, 128, features), 128)


def regularised() -> Work:
    return digits(batch=32, normalised=True, dropout=0.2, noise=0.1)
