"""The state of lanes before their first epoch. Knows no engine."""

from dataclasses import replace

import numpy as np

from sweep.engines.state import Lanes, LaneState
from sweep.nets.initialisers import initial_buffers, initial_parameters
from sweep.nets.optimizers import scalar_starts, slot_names, slot_start


def begin(lanes: Lanes, numerics_version: int) -> LaneState:
    """Return initial networks and fresh optimizer arrays for every lane."""
    shape, paths = lanes.shape, [lane.path for lane in lanes.lanes]
    parameters = np.stack([initial_parameters(path) for path in paths])
    slots = {name: np.zeros_like(parameters) for name in slot_names(shape)}
    for name, slot in slots.items():
        slot += np.array([slot_start(path, name) for path in paths], slot.dtype)[:, None]
    scalars = {name: np.full(len(lanes), value) for name, value in scalar_starts(shape).items()}
    state = LaneState.begin(lanes, parameters, slots, scalars, numerics=numerics_version)
    starts = [initial_buffers(path) for path in paths]
    return replace(state, buffers={n: np.stack([s[n] for s in starts]) for n in starts[0]})
