"""The state of lanes before their first epoch."""

from dataclasses import replace

import numpy as np

from sweep.engines.state import Lanes, LaneState
from sweep.nets.initialisers import initial_buffers, initial_parameters
from sweep.plugins.components import component_of, flags_of
from sweep.trial import Trial


def begin(lanes: Lanes, numerics_version: int) -> LaneState:
    """Return initial networks and fresh optimizer arrays for every lane."""
    shape, paths = lanes.shape, [lane.path for lane in lanes.lanes]
    parameters = np.stack([initial_parameters(path) for path in paths])
    slots = {name: np.zeros_like(parameters) for name in slot_names(shape)}
    for name, slot in slots.items():
        slot += np.array([_first(path, name) for path in paths], slot.dtype)[:, None]
    scalars = component_of(shape, "optimizer")[0].scalars.items()
    numbers = {name: np.full(len(lanes), value) for name, value in scalars}
    state = LaneState.begin(lanes, parameters, slots, numbers, numerics=numerics_version)
    starts = [initial_buffers(path) for path in paths]
    return replace(state, buffers={n: np.stack([s[n] for s in starts]) for n in starts[0]})


def slot_names(shape: Trial) -> tuple[str, ...]:
    """Return the names of the arrays that the optimizer of `shape` keeps."""
    optimizer, options = component_of(shape, "optimizer")
    names: tuple[str, ...] = optimizer.slots(flags_of(optimizer, options))
    return names


def _first(trial: Trial, slot: str) -> float:
    optimizer, options = component_of(trial, "optimizer")
    value: float = optimizer.first(slot, learning_rate=trial.learning_rate, options=options)
    return value
