"""The numbers of each lane that the kernel reads: as given, and as an update wants them."""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from jaxtyping import Float64

from sweep.components.optimizers import Kernel, Optimizer
from sweep.engines.state import Lanes
from sweep.plugins.components import component_of, flags_of
from sweep.trial import Trial

WEIGHT_DECAY, WEIGHT_L1, FLAT_SPOT, CLIP_LIMIT, CODE_PENALTY, OPTIONS = range(6)
"""Rows of a lane's numbers in the network's precision.

The options of the hidden activation follow, those of the output activation and the normalisation,
and what the form of the rates leaves for the update."""

_NOTHING = SimpleNamespace(options={})
RATES_GIVEN = 5
"""Rows of a lane's numbers in float64, before the options that the optimizer reads.

Those of the noise follow, and of dropout a rate and a factor each: inputs, hidden layers."""


@dataclass(frozen=True)
class GivenRows:
    """Where the rows of a lane's float64 numbers begin that noise and dropout read."""

    noise: int
    dropout: int

    @classmethod
    def of(cls, shape: Trial) -> "GivenRows":
        """Return the rows of trials of the pack key of `shape`."""
        noise = RATES_GIVEN + len(optimizer_kernel(shape).reads)
        return cls(noise, noise + len(part_of(shape, "input_noise").options))


@dataclass(frozen=True)
class HyperparameterRows:
    """Where the rows of a lane's numbers begin."""

    output_options: int
    norm_options: int
    update: int
    count: int

    @classmethod
    def of(cls, shape: Trial) -> "HyperparameterRows":
        """Return the rows of trials of the pack key of `shape`."""
        form = optimizer_kernel(shape)
        output = OPTIONS + len(component_of(shape, "activation")[0].options)
        norm = output + len(component_of(shape, "output_activation")[0].options)
        update = norm + len(part_of(shape, "normalisation").options)
        return cls(output, norm, update, update + 1 + form.values)


def optimizer_kernel(shape: Trial) -> Kernel:
    """Return the form of the optimizer of `shape` for the kernel."""
    optimizer, options = component_of(shape, "optimizer")
    return _kernel(optimizer, tuple(flags_of(optimizer, options).items()))


@cache
def _kernel(optimizer: Optimizer, flags: tuple[tuple[str, bool], ...]) -> Kernel:
    made = optimizer.kernel(dict(flags))
    assert made is not None, optimizer
    return made


def given_numbers(lanes: Lanes) -> Float64[np.ndarray, "lanes given"]:
    """Return what the form of the rates reads of every lane."""
    optimizer, options = component_of(lanes.shape, "optimizer")[0], lanes.options("optimizer")
    nothing = np.zeros(len(lanes))
    columns = (
        lanes.numbers("learning_rate"),
        lanes.numbers("learning_rate_factor", 1.0),
        lanes.numbers("learning_rate_period", 1.0),
        options.get("decay", nothing),
        lanes.numbers("weight_decay") if optimizer.decouples_decay else nothing,
        *(options[name] for name in optimizer_kernel(lanes.shape).reads),
        *_options(lanes, "input_noise"),
        *_dropout_given(lanes, "input_dropout"),
        *_dropout_given(lanes, "hidden_dropout"),
    )
    return np.stack(columns, axis=1)


def _dropout_given(lanes: Lanes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rate of every lane, and what is kept is multiplied with, as the network has it."""
    rates = lanes.numbers(name)
    return rates, (1.0 / (1.0 - rates)).astype(lanes.shape.dtype).astype(np.float64)


def part_of(shape: Trial, family: str) -> Any:
    """Return the component of a family that a trial may be without, or a part of no options."""
    return _NOTHING if getattr(shape, family) == "none" else component_of(shape, family)[0]


def _options(lanes: Lanes, family: str) -> list[np.ndarray]:
    return [] if part_of(lanes.shape, family) is _NOTHING else [*lanes.options(family).values()]


def hyper_numbers(lanes: Lanes) -> Float64[np.ndarray, "lanes hyper"]:
    """Return every lane's numbers, those that the form of the rates leaves still 0."""
    shape = lanes.shape
    table = np.zeros((len(lanes), HyperparameterRows.of(shape).count))
    if not component_of(shape, "optimizer")[0].decouples_decay:
        table[:, WEIGHT_DECAY] = lanes.numbers("weight_decay")
    table[:, WEIGHT_L1] = lanes.numbers("weight_l1")
    table[:, FLAT_SPOT] = lanes.numbers("flat_spot")
    table[:, CLIP_LIMIT] = lanes.numbers("gradient_clip_limit")
    table[:, CODE_PENALTY] = lanes.numbers("code_penalty")
    families = ("activation", "output_activation", "normalisation")
    options = [values for family in families for values in _options(lanes, family)]
    for row, values in enumerate(options, OPTIONS):
        table[:, row] = values
    return table


def rates_move(lanes: Lanes) -> bool:
    """Return whether anything that the form of the rates finds differs from update to update."""
    decays = lanes.options("optimizer").get("decay", np.zeros(1)).any()
    scheduled = lanes.shape.learning_rate_schedule != "constant"
    moves: bool = component_of(lanes.shape, "optimizer")[0].moves
    return bool(decays) or scheduled or moves
