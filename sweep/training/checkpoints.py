"""A pack under way as bytes."""

import io
from collections.abc import Sequence

import numpy as np

from sweep.engines.state import Lane, LaneState


def freeze(state: LaneState | None, active: Sequence[Lane], waiting: Sequence[Lane]) -> bytes:
    """Return lanes in training with their state, and the queue behind them, as bytes."""
    ids = {
        "active": np.array([lane.lane_id for lane in active], "U16"),
        "waiting": np.array([lane.lane_id for lane in waiting], "U16"),
    }
    arrays = state.arrays() if state is not None and active else {}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **ids, **{f"state.{n}": a for n, a in arrays.items()})
    return buffer.getvalue()


def thaw(data: bytes) -> tuple[LaneState | None, list[str], list[str]]:
    """Return what `freeze` was given: the state, and the ids of lanes in training and waiting."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = dict(archive)
    active, waiting = arrays.pop("active").tolist(), arrays.pop("waiting").tolist()
    if not active:
        return None, [], waiting
    state = {name.removeprefix("state."): array for name, array in arrays.items()}
    return LaneState.of_arrays(state), active, waiting
