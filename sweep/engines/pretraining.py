"""Trains networks in phases: an engine around the engines of their parts.

A lane in pretraining uses the arrays of its state for the part in training: its epochs, curve and
optimizer, with parameters and slots at the part's places in those of the whole network. When a
phase ends its record moves to `phases` and the arrays begin anew. `phases` holds, by name:

    phase: which one trains, from 0; the number of phases once the whole network does.
    epochs, loss, reason, until: of each phase ended: its epochs, last loss, why it ended as an
        index into `StopReason`, and the seconds the lane had been trained by then, nan until known.
    curve: of each phase ended, the loss at the epochs of `curve_epochs`.
    best, count: the counters of the phase in training, its best loss and the epochs since.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np
from jaxtyping import Float, Int64

from sweep.datasets.arrays import make_data
from sweep.datasets.data import Data
from sweep.engines.contract import Engine, Evaluation, Stop
from sweep.engines.state import (
    COUNTERS,
    GROUPS,
    WATCH_COLUMNS,
    Lane,
    Lanes,
    LaneState,
    curve_epochs,
)
from sweep.nets.layout import layout_of
from sweep.nets.phases import STOP_RULE, Phase, phases_of
from sweep.result import Curve
from sweep.trial import StopReason, Trial

MakeEngine = Callable[[Trial, Data], Engine]
REASONS = tuple(StopReason)
_COUNTED = dict(zip(STOP_RULE.counters, ("best", "count"), strict=True))
_KEPT = ("numerics", "parameters", "seconds", "share", "live")
_WHOLE = ("validation", "best", "probes", "phases")


class PhasedEngine:
    """Trains lanes of one pack key through the phases of their pretraining, then as a whole.

    Phases on the data themselves train all lanes together; those on codes train each lane alone,
    on its own codes.
    """

    def __init__(self, shape: Trial, data: Data, make: MakeEngine) -> None:
        """Prepare for trials of the pack key of `shape` on `data`; `make` gives plain engines."""
        self._make, self._shape, self._data = make, shape, data
        self._main = make(shape, data)
        self._phases = phases_of(shape)
        self._parts: dict[tuple[str, int], Engine] = {}
        self.name, self.device = self._main.name, self._main.device
        self.lanes_by = self._main.lanes_by
        self.numerics_version, self.capacity = self._main.numerics_version, self._main.capacity

    def begin(self, lanes: Lanes) -> LaneState:
        n, phases = len(lanes), len(self._phases)
        record = {
            "phase": np.zeros(n, np.int64),
            "epochs": np.zeros((n, phases), np.int64),
            "loss": np.full((n, phases), np.nan),
            "reason": np.zeros((n, phases), np.int64),
            "until": np.full((n, phases), np.nan),
            "curve": np.full((n, phases, len(curve_epochs())), np.nan),
            **{own: np.full(n, COUNTERS[name]) for name, own in _COUNTED.items()},
        }
        return replace(self._main.begin(lanes), phases=record)

    def chunk_epochs(self, lanes: int) -> int:
        return self._main.chunk_epochs(lanes)

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        """Train as the contract says; a lane that ends a phase waits there for the next call."""
        _note_seconds(state)
        whole, stops = np.flatnonzero(state.in_last_phase), list[Stop]()
        current = np.where(state.live.any(axis=1), state.phases["phase"], -1)
        for number, phase in enumerate(self._phases):
            rows = np.flatnonzero(current == number)
            stops += self._advance_phase(phase, number, lanes, state, rows, epochs)
        if len(whole) == len(lanes):
            return self._main.advance(lanes, state, epochs)
        if not len(whole):
            return stops
        part = state.take(whole)
        found = self._main.advance(lanes.take(whole), part, epochs)
        _write(state, whole, part.arrays())
        return stops + [replace(stop, row=int(whole[stop.row])) for stop in found]

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        return self._main.evaluate(lanes, state)

    def hidden(
        self, lanes: Lanes, state: LaneState, layer: int
    ) -> Float[np.ndarray, "samples units"]:
        return self._main.hidden(lanes, state, layer)

    def _advance_phase(
        self,
        phase: Phase,
        number: int,
        lanes: Lanes,
        state: LaneState,
        rows: Int64[np.ndarray, " rows"],
        epochs: int,
    ) -> list[Stop]:
        """Train a part of the lanes at `rows`, and end the phase of those that have stopped.

        Returns:
            The trials that ended with it: a lane whose part diverges goes no further.
        """
        ended: list[Stop] = []
        together = phase.below == 0
        for group in [rows] if together and len(rows) else rows[:, None]:
            chosen = lanes.take(group)
            part = Lanes(tuple(Lane((phase.trial_of(lane.path),)) for lane in chosen.lanes))
            engine = self._engine(phase, number, chosen, state, group)
            places = _places(self._shape, phase)
            own = _part_of(state, group, places)
            stops = engine.advance(part, own, epochs)
            _put_back(state, group, places, own)
            for stop in stops:
                row = int(group[stop.row])
                _put_back(state, group[[stop.row]], places, stop.state)
                self._parts.pop((lanes.lanes[row].lane_id, number), None)
                if stop.reason is StopReason.DIVERGED:
                    ended += _stop_lane(state, row)
                else:
                    self._end_phase(number, lanes, state, row, stop.reason)
        return ended

    def _engine(
        self, phase: Phase, number: int, chosen: Lanes, state: LaneState, rows: np.ndarray
    ) -> Engine:
        """Return the engine of a part, kept until the phase ends."""
        name = "" if phase.below == 0 else chosen.lanes[0].lane_id
        if (name, number) not in self._parts:
            shape = phase.trial_of(self._shape)
            data = self._data_of(phase, chosen, state.take(rows))
            self._parts[name, number] = self._make(shape, data)
        return self._parts[name, number]

    def _data_of(self, phase: Phase, chosen: Lanes, state: LaneState) -> Data:
        """Return the data of a part: the data set or the activations of the layers below."""
        if phase.below:
            codes = self._main.hidden(chosen, state, phase.below)
            return make_data(f"{self._data.name}-codes", codes.astype(np.float64))
        ends = phase.layers[-1] == len(self._shape.topology) - 2
        if ends or self._data.targets is self._data.inputs:
            # What is held out judges the whole network alone.
            return replace(self._data, validation_inputs=None, validation_targets=None)
        return make_data(self._data.name, self._data.inputs)

    def _end_phase(
        self, number: int, lanes: Lanes, state: LaneState, row: int, reason: StopReason
    ) -> None:
        """Move a phase's record to `phases`, and begin the next with fresh arrays."""
        phases = state.phases
        phases["epochs"][row, number] = state.epoch[row]
        phases["loss"][row, number] = state.previous_loss[row]
        phases["reason"][row, number] = REASONS.index(reason)
        phases["curve"][row, number] = state.curve[row]
        phases["phase"][row] += 1
        for name, own in _COUNTED.items():
            phases[own][row] = COUNTERS[name]
        fresh = self._main.begin(lanes.take([row])).with_watches(state.live.shape[1]).arrays()
        anew = {n: a for n, a in fresh.items() if n not in _KEPT and n.split(".")[0] not in _WHOLE}
        _write(state, np.array([row]), anew)


def phase_table(
    trial: Trial, state: LaneState, reason: StopReason
) -> dict[str, dict[str, np.ndarray]]:
    """Return the table `phases` of a lane as its columns, by its name; nothing if it had none.

    Args:
        trial: of the lane.
        state: one lane wide, at the end of the trial.
        reason: why the trial ended.
    """
    if not state.phases:
        return {}
    parts, record = phases_of(trial), {name: array[0] for name, array in state.phases.items()}
    begun = int(record["phase"]) + 1
    whole = [part.topology_in(trial.topology) for part in parts] + [trial.topology]
    until = np.append(record["until"][: begun - 1], state.seconds[0])
    columns = {
        "phase": np.arange(begun),
        "topology": np.array(["-".join(map(str, widths)) for widths in whole[:begun]], object),
        "epochs": np.append(record["epochs"][: begun - 1], state.epoch[0]),
        "stop_reason": np.array(
            [*(str(REASONS[i]) for i in record["reason"][: begun - 1]), str(reason)], object
        ),
        "loss": np.append(record["loss"][: begun - 1], state.previous_loss[0]),
        "seconds": np.diff(until, prepend=0.0),
    }
    return {"phases": columns}


def pretraining_epochs(state: LaneState) -> int | None:
    """Return the epochs that a lane has been pretrained, None without pretraining."""
    if not state.phases:
        return None
    under_way = 0 if state.in_last_phase[0] else int(state.epoch[0])
    return int(state.phases["epochs"][0].sum()) + under_way


def phased_curve(state: LaneState, last: Curve) -> Curve:
    """Return the curves of the ended phases followed by `last`, that of the present one."""
    if not state.phases:
        return last
    curves = []
    ended = int(state.phases["phase"][0])
    for number in range(ended):
        losses, epochs = state.phases["curve"][0, number], curve_epochs()
        reached = epochs <= state.phases["epochs"][0, number]
        curve = Curve.of_losses(epochs[reached], losses[reached])
        curves.append(replace(curve, phase=np.full(len(curve.epoch), number, np.int8)))
    curves.append(replace(last, phase=np.full(len(last.epoch), ended, np.int8)))
    columns = [item.name for item in fields(Curve)]
    return Curve(**{n: np.concatenate([getattr(c, n) for c in curves]) for n in columns})


def _stop_lane(state: LaneState, row: int) -> list[Stop]:
    watches = np.flatnonzero(state.live[row]).tolist()
    state.live[row] = False
    return [Stop(row, watch, StopReason.DIVERGED, state.take([row])) for watch in watches]


def _note_seconds(state: LaneState) -> None:
    """Record how long lanes had been trained when their last phase ended: known only now."""
    for row, phase in enumerate(state.phases["phase"]):
        if phase and np.isnan(state.phases["until"][row, phase - 1]):
            state.phases["until"][row, phase - 1] = state.seconds[row]


def _places(shape: Trial, phase: Phase) -> Int64[np.ndarray, " places"]:
    """Return where a part's parameters lie among those of the whole network, in its own order."""
    arrays = layout_of(shape).parameters
    parts = [np.arange(a.start, a.stop) for i in phase.layers for a in arrays if a.layer.index == i]
    return np.concatenate(parts)


def _part_of(state: LaneState, rows: np.ndarray, places: np.ndarray) -> LaneState:
    """Return the lanes of a part for its engine, with the stop rule of pretraining."""
    taken = state.take(rows).arrays()
    for name, array in taken.items():
        if name == "parameters" or name.startswith("slots."):
            taken[name] = np.ascontiguousarray(array[:, places])
    taken = {name: array for name, array in taken.items() if name.split(".")[0] not in _WHOLE}
    watch = {
        "live": np.ones((len(rows), 1), bool),
        **{name: np.full((len(rows), 1), first) for name, first in COUNTERS.items()},
        **{name: state.phases[own][rows][:, None] for name, own in _COUNTED.items()},
    }
    return LaneState.of_arrays(taken | watch)


def _put_back(state: LaneState, rows: np.ndarray, places: np.ndarray, part: LaneState) -> None:
    """Copy a part's trained state back into the state of the whole network."""
    arrays = part.arrays()
    for name, array in arrays.items():
        if name == "parameters" or name.startswith("slots."):
            state.arrays()[name][rows[:, None], places] = array
    kept = {"parameters", *WATCH_COLUMNS}
    plain = {n: a for n, a in arrays.items() if n not in kept and not n.startswith("slots.")}
    _write(state, rows, plain)
    for name, own in _COUNTED.items():
        state.phases[own][rows] = part.counters[name][:, 0]


def _write(state: LaneState, rows: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
    mine = state.arrays()
    for name, array in arrays.items():
        mine[name][rows] = array


assert set(_WHOLE) <= set(GROUPS)
