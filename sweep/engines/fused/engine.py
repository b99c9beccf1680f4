"""The fused engine: an engine whose every epoch is inside one compiled kernel, on one CPU core."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Float64, Int8, Int64

from sweep.datasets.data import Data
from sweep.engines.contract import CHUNK_SECONDS, RECONSTRUCTION_MARGIN, Evaluation, Stop
from sweep.engines.fused.hyperparameters import (
    WEIGHT_DECAY,
    given_numbers,
    hyper_numbers,
    rates_move,
)
from sweep.engines.fused.kernel import RUN, Evaluations, LaneArrays
from sweep.engines.fused.rules import REASONS, LaneRecords, RuleTable
from sweep.engines.fused.teams import Team, yield_address
from sweep.engines.fused.workspace import Workspace
from sweep.engines.start import begin
from sweep.engines.state import COUNTERS, Lane, Lanes, LaneState, curve_epochs
from sweep.engines.stop_rules import Rules
from sweep.kernel.records import pack
from sweep.ladder import LEVELS, PATIENCES
from sweep.nets.layout import layout_of
from sweep.trial import Trial

# A parameter and a sample, forward and back; sizes chunks on every machine alike.
SECONDS_PER_PRODUCT = 2e-10
MOST_CHUNK_EPOCHS = 65536
_POINTS = np.append(curve_epochs(), np.iinfo(np.int64).max)  # the last is never reached


class FusedEngine:
    """Trains lanes of one pack key; to the bit, a lane does not depend on those beside it."""

    name = "fused"
    device = "cpu"
    numerics_version = 2
    capacity = 512

    def __init__(self, shape: Trial, data: Data) -> None:
        """Prepare for trials of the pack key of `shape` on `data`; compile unless it is cached."""
        self._shape, self._data = shape, data
        self._space = Workspace.of(shape, data)
        self._prepared: _Prepared | None = None
        self._compile()

    def begin(self, lanes: Lanes) -> LaneState:
        return begin(lanes, self.numerics_version)

    def chunk_epochs(self, lanes: int) -> int:
        parameters = layout_of(self._shape).n_parameters
        work = len(self._data.inputs) * parameters * max(2, lanes)
        return min(MOST_CHUNK_EPOCHS, max(1, round(CHUNK_SECONDS / (work * SECONDS_PER_PRODUCT))))

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        """Train as the contract says; a lane one of whose trials stops waits for the next call.

        So the kernel leaves the lane's state as it was at that epoch.
        """
        assert epochs > 0, epochs
        reasons = np.zeros(state.live.shape, np.int8)
        rows = np.flatnonzero(state.live.any(axis=1))
        self._run(
            lanes,
            state,
            rows,
            reasons=reasons,
            evaluations=self._empty_evaluations(0),
            epochs=epochs,
        )
        return [
            Stop(row, watch, reason, state.take([row]))
            for row, watch in np.argwhere(reasons).tolist()
            if (reason := REASONS[reasons[row, watch]]) is not None
        ]

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        evaluations = self._empty_evaluations(len(lanes))
        self._evaluate(lanes, state, evaluations)
        return [self._evaluation(evaluations, row) for row in range(len(lanes))]

    def hidden(
        self, lanes: Lanes, state: LaneState, layer: int
    ) -> Float[np.ndarray, "samples units"]:
        evaluations = self._empty_evaluations(1, layer)
        self._evaluate(lanes, state, evaluations)
        activations: np.ndarray = evaluations.hidden
        return activations

    def _evaluate(self, lanes: Lanes, state: LaneState, evaluations: Evaluations) -> None:
        reasons = np.zeros(state.live.shape, np.int8)
        rows = np.arange(len(lanes))
        self._run(lanes, state, rows, reasons=reasons, evaluations=evaluations, epochs=0)

    def _compile(self) -> None:
        """Run the kernel once on zeros, so that no trial's time includes compiling."""
        lanes = Lanes((Lane((self._shape,)),))
        parameters = np.zeros((1, layout_of(self._shape).n_parameters), self._shape.dtype)
        slots = {name: parameters.copy() for name in self._space.slots}
        state = LaneState.begin(lanes, parameters, slots, {}, numerics=0)
        buffers = layout_of(self._shape).buffers
        empty = {array.name: np.zeros((1, *array.shape), self._shape.dtype) for array in buffers}
        self.evaluate(lanes, replace(state, buffers=empty))

    def _run(
        self,
        lanes: Lanes,
        state: LaneState,
        rows: Int64[np.ndarray, " rows"],
        *,
        reasons: Int8[np.ndarray, "lanes watches"],
        evaluations: Evaluations,
        epochs: int,
    ) -> None:
        """Call the kernel and copy its results into `state`."""
        if self._prepared is None or self._prepared.lanes is not lanes:
            self._prepared = _Prepared.of(lanes)
        space, prepared = self._space, self._prepared
        slots = [state.slots[name] for name in space.slots]
        stacked = np.stack([state.parameters, *slots])
        buffers = np.concatenate([np.zeros((len(state), 0)), *state.buffers.values()], axis=1)
        buffers = buffers.astype(stacked.dtype)
        record = _record(state, reasons)
        scalars = np.stack([np.zeros(len(state)), *state.scalars.values()])[1:]
        arrays = prepared.pack(stacked, buffers, scalars, rows, evaluating=epochs == 0)
        team = Team(0, 1, *np.zeros((3, 1), np.int64), yield_address())
        dtype = self._shape.dtype
        records = [pack(r, dtype) for r in (arrays, record, prepared.rules, evaluations, team)]
        addresses = [packed.address for packed in (*space.records, *records)]
        RUN[dtype](*addresses, epochs, space.few)
        for array, trained in zip((state.parameters, *slots), stacked, strict=True):
            array[:] = trained
        for array, trained in zip(state.scalars.values(), scalars, strict=True):
            array[:] = trained
        column = 0
        for array in state.buffers.values():
            array[:] = buffers[:, column : column + array.shape[1]]
            column += array.shape[1]
        for place, name in enumerate(COUNTERS):
            state.counters[name][:] = record.counters[:, :, place]

    def _empty_evaluations(self, lanes: int, layer: int = 0) -> Evaluations:
        units = self._shape.topology[layer] if layer else 0
        return Evaluations(
            loss=np.zeros(lanes),
            objective=np.zeros(lanes),
            norm=np.zeros(lanes),
            held_out=np.full(lanes, np.nan),
            reconstructed=np.zeros(lanes, np.int64),
            argmax=np.zeros(lanes, np.int64),
            hidden=np.zeros((len(self._data.inputs), units), self._shape.dtype),
            layer=layer,
            margin=float(np.dtype(self._shape.dtype).type(RECONSTRUCTION_MARGIN)),
        )

    def _evaluation(self, v: Evaluations, row: int) -> Evaluation:
        return Evaluation(
            loss=float(v.loss[row]),
            objective=float(v.objective[row]),
            gradient_norm=float(v.norm[row]),
            samples_reconstructed=int(v.reconstructed[row]),
            argmax_correct=int(v.argmax[row]) if self._data.one_hot else None,
        )


@dataclass(frozen=True)
class _Prepared:
    """What the kernel reads of lanes, and what does not change between calls."""

    lanes: Lanes
    seeds: np.ndarray
    given: np.ndarray
    hyper: np.ndarray
    rules: RuleTable
    need_outputs: bool
    moves: bool

    @classmethod
    def of(cls, lanes: Lanes) -> "_Prepared":
        given, rules = given_numbers(lanes), Rules.of(lanes)
        return cls(
            lanes=lanes,
            seeds=np.array([lane.path.seed for lane in lanes.lanes], np.int64),
            given=given,
            hyper=hyper_numbers(lanes).astype(lanes.shape.dtype),
            rules=RuleTable(*(getattr(rules, name) for name in RuleTable._fields)),
            need_outputs=rules.need_outputs,
            moves=rates_move(lanes),
        )

    def pack(
        self,
        stacked: Float[np.ndarray, "arrays lanes parameters"],
        buffers: Float[np.ndarray, "lanes buffers"],
        scalars: Float64[np.ndarray, "scalars lanes"],
        rows: Int64[np.ndarray, " rows"],
        *,
        evaluating: bool,
    ) -> LaneArrays:
        return LaneArrays(
            parameters=stacked[0],
            slots=stacked[1:],
            buffers=buffers,
            seeds=self.seeds,
            scalars=scalars,
            given=self.given,
            hyper=self.hyper,
            rows=rows,
            n_rows=len(rows),
            n_lanes=len(self.lanes),
            n_slots=len(stacked) - 1,
            n_scalars=len(scalars),
            n_given=self.given.shape[1],
            n_hyper=self.hyper.shape[1],
            decays=bool(self.hyper[:, WEIGHT_DECAY].any()),
            moves=self.moves,
            partly=not self.lanes.shape.decay_biases,
            want_errors=evaluating or self.need_outputs,
        )


def _count_met(met: Bool[np.ndarray, "rows rungs"]) -> Int64[np.ndarray, " rows"]:
    counts: np.ndarray = met.sum(axis=1, dtype=np.int64)
    return counts


def _record(state: LaneState, reasons: Int8[np.ndarray, "lanes watches"]) -> LaneRecords:
    met = state.ladder_epoch > 0
    own = {item.name for item in fields(state)} & set(LaneRecords._fields) - {"counters"}
    arrays = {name: getattr(state, name) for name in own}
    assert all(array.flags.c_contiguous for array in arrays.values()), "the kernel writes in place"
    return LaneRecords(
        **arrays | {"live": state.live.view(np.int8)},
        counters=np.stack([state.counters[name] for name in COUNTERS], axis=-1, dtype=np.float64),
        points=_POINTS,
        next_point=np.searchsorted(_POINTS, state.epoch, side="right"),
        next_patience=_count_met(met[:, : -len(LEVELS)].reshape(-1, len(PATIENCES))),
        next_level=_count_met(met[:, -len(LEVELS) :]),
        reasons=reasons,
        watches=state.live.shape[1],
        width=state.curve.shape[1],
    )
