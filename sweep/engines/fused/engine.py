"""The fused engine: an engine whose every epoch is inside one compiled kernel, on one CPU core."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int8, Int64

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
from sweep.engines.fused.workspace import Workspace
from sweep.engines.start import begin
from sweep.engines.state import COUNTERS, Lane, Lanes, LaneState
from sweep.engines.stop_rules import Rules
from sweep.nets.layout import layout_of
from sweep.planning.engines import fused_supports
from sweep.trial import Trial

# A parameter and a sample, forward and back; sizes chunks on every machine alike.
SECONDS_PER_PRODUCT = 2e-10
MOST_CHUNK_EPOCHS = 65536


class FusedEngine:
    """Trains lanes of one pack key; to the bit, a lane does not depend on those beside it."""

    name = "fused"
    device = "cpu"
    numerics_version = 2
    capacity = 512
    validates = False

    def __init__(self, shape: Trial, data: Data) -> None:
        """Prepare for trials of the pack key of `shape` on `data`; compile unless it is cached."""
        assert fused_supports(shape), shape
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
        self.evaluate(lanes, LaneState.begin(lanes, parameters, slots, {}, numerics=0))

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
        record = LaneRecords.of(state, reasons)
        scalars = np.stack([np.zeros(len(state)), *state.scalars.values()])[1:]
        RUN[self._shape.dtype](
            space.packed,
            space.alone,
            space.packed_memory,
            space.memory_alone,
            space.block,
            prepared.pack(stacked, scalars, rows, evaluating=epochs == 0),
            record,
            prepared.rules,
            evaluations,
            epochs,
            space.packed.width // 2,
        )
        for array, trained in zip((state.parameters, *slots), stacked, strict=True):
            array[:] = trained
        for array, trained in zip(state.scalars.values(), scalars, strict=True):
            array[:] = trained
        for place, name in enumerate(COUNTERS):
            state.counters[name][:] = record.counters[:, :, place]

    def _empty_evaluations(self, lanes: int, layer: int = 0) -> Evaluations:
        units = self._shape.topology[layer] if layer else 0
        return Evaluations(
            loss=np.zeros(lanes),
            objective=np.zeros(lanes),
            norm=np.zeros(lanes),
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
            given=given,
            hyper=hyper_numbers(lanes).astype(lanes.shape.dtype),
            rules=RuleTable(*(getattr(rules, name) for name in RuleTable._fields)),
            need_outputs=rules.need_outputs,
            moves=rates_move(lanes),
        )

    def pack(
        self,
        stacked: Float[np.ndarray, "arrays lanes parameters"],
        scalars: Float64[np.ndarray, "scalars lanes"],
        rows: Int64[np.ndarray, " rows"],
        *,
        evaluating: bool,
    ) -> LaneArrays:
        return LaneArrays(
            parameters=stacked[0],
            slots=stacked[1:],
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
