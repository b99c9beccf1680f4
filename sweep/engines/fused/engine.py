"""The fused engine: an engine whose every epoch is inside one compiled kernel, on CPU cores."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int8, Int64

from sweep.datasets.data import Data
from sweep.engines.contract import CHUNK_SECONDS, RECONSTRUCTION_MARGIN, Evaluation, Stop
from sweep.engines.costs import epoch_seconds
from sweep.engines.diagnosis import Diagnosis
from sweep.engines.fused.ahead import kernel_of
from sweep.engines.fused.kernel import Evaluations
from sweep.engines.fused.lanes import PreparedLanes
from sweep.engines.fused.rules import REASONS, LaneRecords
from sweep.engines.fused.threads import Part, cores, run_parts, team_of
from sweep.engines.fused.units import Counts, UnitCounter
from sweep.engines.fused.workspace import Workspaces
from sweep.engines.start import begin
from sweep.engines.state import COUNTERS, Lane, Lanes, LaneState
from sweep.engines.validation import Schedule, fit
from sweep.kernel.records import pack
from sweep.nets.layout import layout_of
from sweep.trial import Trial

MOST_CHUNK_EPOCHS = 65536
CAPACITY = 512
MOST_CODES = 4_000_000  # numbers of codes in memory at once
ALONE_CAPACITY = 16  # most of networks that train one by one, which gain nothing from company


class FusedEngine:
    """Trains lanes of one pack key; to the bit, a lane does not depend on those beside it."""

    name = "fused"
    device = "cpu"
    numerics_version = 2
    lanes_by: str | None = None

    def __init__(
        self,
        shape: Trial,
        data: Data,
        validation_every: int | None = None,
        threads: int = 1,
    ) -> None:
        """Prepare for trials of a pack key; compile unless it is cached.

        Args:
            shape: any of them.
            data: what they train on.
            validation_every: epochs from one recorded loss on held-out samples to the next; None
                to take it only where a trial monitors it.
            threads: that train at a time: each lanes of its own or, where these are fewer than
                threads, a wide network together; no more than there are cores. Changes no result.
        """
        self._shape, self._data, self._validation_every = shape, data, validation_every
        self._threads = min(threads, cores())
        self._held_out = data.validation_inputs is not None
        self._kernel = kernel_of(shape.dtype)
        self._spaces = Workspaces(shape, data)
        self._space = self._spaces[0]
        self._epoch_seconds = epoch_seconds(shape, len(data.inputs))
        self.capacity = CAPACITY if self._space.packs else self._alone_capacity()
        self._prepared: PreparedLanes | None = None
        self._counter = UnitCounter(shape, data.in_dtype(shape.dtype)[1])
        self._compile()

    def begin(self, lanes: Lanes) -> LaneState:
        return fit(begin(lanes, self.numerics_version), lanes.lanes, self._data)

    def chunk_epochs(self, lanes: int) -> int:
        seconds = self._epoch_seconds * max(2, lanes)
        return min(MOST_CHUNK_EPOCHS, max(1, round(CHUNK_SECONDS / seconds)))

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        """Train as the contract says; a lane one of whose trials stops waits for the next call.

        So the kernel leaves the lane's state as it was at that epoch.
        """
        assert epochs > 0, epochs
        reasons = np.zeros(state.live.shape, np.int8)
        rows = np.flatnonzero(state.live.any(axis=1))
        nothing = self._empty_evaluations(0)
        self._run(lanes, state, rows, reasons=reasons, evaluations=nothing, epochs=epochs)
        return [
            Stop(row, watch, reason, state.take([row]))
            for row, watch in np.argwhere(reasons).tolist()
            if (reason := REASONS[reasons[row, watch]]) is not None
        ]

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        most = max(1, MOST_CODES // max(1, self._counter.codes))
        if len(lanes) <= most:
            return self._evaluate(lanes, state)
        parts = [np.arange(i, min(i + most, len(lanes))) for i in range(0, len(lanes), most)]
        return [e for rows in parts for e in self._evaluate(lanes.take(rows), state.take(rows))]

    def hidden(
        self, lanes: Lanes, state: LaneState, layer: int
    ) -> Float[np.ndarray, "samples units"]:
        evaluations = self._empty_evaluations(1, layer=layer)
        self._fill(evaluations, lanes, state)
        activations: np.ndarray = evaluations.hidden
        return activations

    def _evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        counts = self._counter.counts_of(self._prepare(lanes).hyper)
        evaluations = self._empty_evaluations(len(lanes), counts=counts)
        self._fill(evaluations, lanes, state)
        diagnoses = self._counter.diagnoses(counts, state.parameters)
        return [self._evaluation(evaluations, row, seen) for row, seen in enumerate(diagnoses)]

    def _fill(self, evaluations: Evaluations, lanes: Lanes, state: LaneState) -> None:
        reasons = np.zeros(state.live.shape, np.int8)
        rows = np.arange(len(lanes))
        self._run(lanes, state, rows, reasons=reasons, evaluations=evaluations, epochs=0)

    def _alone_capacity(self) -> int:
        """Return as many lanes as train for an epoch in a chunk's time, or one for each thread."""
        soon = min(ALONE_CAPACITY, int(CHUNK_SECONDS / self._epoch_seconds))
        return max(self._threads, soon)

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
        dtype, prepared = self._shape.dtype, self._prepare(lanes)
        slots = [state.slots[name] for name in self._space.slots]
        stacked = np.stack([state.parameters, *slots])
        buffers = np.concatenate([np.zeros((len(state), 0)), *state.buffers.values()], axis=1)
        arrays = (stacked, buffers.astype(dtype))
        scalars = np.stack([np.zeros(len(state)), *state.scalars.values()])[1:]
        record = LaneRecords.of(state, reasons)
        shared = [pack(r, dtype) for r in (record, prepared.rules, evaluations)]

        def work(part: Part) -> None:
            chosen = prepared.pack(*arrays, scalars, state, part.rows, evaluating=epochs == 0)
            own = (*part.records, pack(chosen, dtype), *shared, pack(part.team, dtype))
            self._kernel(*(record.address for record in own), epochs, self._space.few)

        run_parts(work, self._parts(rows, epochs))
        _put_back(state, slots, *arrays, scalars, record)

    def _prepare(self, lanes: Lanes) -> PreparedLanes:
        if self._prepared is None or self._prepared.lanes is not lanes:
            schedule = Schedule.of(lanes, self._data, self._validation_every)
            self._prepared = PreparedLanes.of(lanes, schedule)
        return self._prepared

    def _parts(self, rows: Int64[np.ndarray, " rows"], epochs: int) -> list[Part]:
        """Return what each thread does: lanes of its own, or a share of a wide network alone."""
        space, threads = self._space, self._threads
        alone = len(rows) <= space.few
        groups = min(threads, len(rows) if alone else len(rows) // space.width)
        if threads == 1 or epochs == 0 or (groups < 2 and not (alone and space.shares_tiles)):
            return [Part(space.records, rows, team_of(1)[0])]
        if groups > 1:
            spaces = [self._spaces[place] for place in range(groups)]
            cuts = np.array_split(rows, groups)
            pairs = zip(spaces, cuts, strict=True)
            return [Part(own.records, cut, team_of(1)[0]) for own, cut in pairs]
        return [Part(space.member(m.rank), rows, m) for m in team_of(threads)]

    def _empty_evaluations(
        self, lanes: int, *, layer: int = 0, counts: Counts | None = None
    ) -> Evaluations:
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
            counts=counts or self._counter.none(),
        )

    def _evaluation(self, v: Evaluations, row: int, diagnosis: Diagnosis | None) -> Evaluation:
        return Evaluation(
            loss=float(v.loss[row]),
            objective=float(v.objective[row]),
            gradient_norm=float(v.norm[row]),
            samples_reconstructed=int(v.reconstructed[row]),
            argmax_correct=int(v.argmax[row]) if self._data.one_hot else None,
            validation_loss=float(v.held_out[row]) if self._held_out else None,
            diagnosis=diagnosis,
        )


def _put_back(
    state: LaneState,
    slots: Sequence[np.ndarray],
    stacked: np.ndarray,
    buffers: np.ndarray,
    scalars: np.ndarray,
    record: LaneRecords,
) -> None:
    """Copy what the kernel has changed into a state."""
    for array, trained in zip((state.parameters, *slots), stacked, strict=True):
        array[:] = trained
    for array, trained in zip(state.scalars.values(), scalars, strict=True):
        array[:] = trained
    ends = np.cumsum([array.shape[1] for array in state.buffers.values()])
    for array, end in zip(state.buffers.values(), ends, strict=True):
        array[:] = buffers[:, end - array.shape[1] : end]
    for place, name in enumerate(COUNTERS):
        state.counters[name][:] = record.counters[:, :, place]
