"""What the kernel reads of lanes, besides their state."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from sweep.components.stopping import LOSS, VALIDATION_LOSS
from sweep.engines.fused.hyperparameters import (
    WEIGHT_DECAY,
    WEIGHT_L1,
    given_numbers,
    hyper_numbers,
    rates_move,
)
from sweep.engines.fused.kernel import LaneArrays
from sweep.engines.fused.rules import RuleTable
from sweep.engines.state import Lanes, LaneState
from sweep.engines.stop_rules import Rules
from sweep.engines.validation import Schedule


@dataclass(frozen=True)
class PreparedLanes:
    """What the kernel reads of lanes, and what does not change between calls."""

    lanes: Lanes
    seeds: np.ndarray
    every: np.ndarray
    given: np.ndarray
    hyper: np.ndarray
    rules: RuleTable
    need_outputs: bool
    moves: bool

    @classmethod
    def of(cls, lanes: Lanes, schedule: Schedule) -> "PreparedLanes":
        given, rules = given_numbers(lanes), Rules.of(lanes)
        return cls(
            lanes=lanes,
            seeds=np.array([lane.path.seed for lane in lanes.lanes], np.int64),
            every=schedule.every,
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
        state: LaneState,
        rows: Int64[np.ndarray, " rows"],
        *,
        evaluating: bool,
    ) -> LaneArrays:
        """Return the lanes at `rows` for a call, arrays of their state changed in place."""
        empty = np.zeros(0, stacked.dtype)
        return LaneArrays(
            parameters=stacked[0],
            slots=stacked[1:],
            buffers=buffers,
            seeds=self.seeds,
            scalars=scalars,
            given=self.given,
            hyper=self.hyper,
            best=state.best.get(LOSS, empty),
            held_out_best=state.best.get(VALIDATION_LOSS, empty),
            every=self.every,
            rows=rows,
            n_rows=len(rows),
            n_lanes=len(self.lanes),
            n_slots=len(stacked) - 1,
            n_scalars=len(scalars),
            n_given=self.given.shape[1],
            n_hyper=self.hyper.shape[1],
            keeps_best=LOSS in state.best,
            keeps_held_out_best=VALIDATION_LOSS in state.best,
            decays=bool(self.hyper[:, [WEIGHT_DECAY, WEIGHT_L1]].any()),
            moves=self.moves,
            partly=not self.lanes.shape.decay_biases,
            want_errors=evaluating or self.need_outputs,
        )
