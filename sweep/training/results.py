"""Builds the result that is kept from the state in which a trial ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from sweep.components.stopping import VALIDATION_LOSS
from sweep.engines.contract import Engine, Evaluation, Stop
from sweep.engines.pretraining import phase_table, phased_curve, pretraining_epochs
from sweep.engines.state import Lane, Lanes, LaneState, one_watch
from sweep.engines.stop_rules import recorded_curve, recorded_ladder
from sweep.ladder import restored_by
from sweep.nets.initialisers import initial_parameters
from sweep.result import Curve, Outcome, Provenance, TrialResult, machine
from sweep.training.isolation import Failure
from sweep.training.probes.probe import FinalMeasurements, Prober
from sweep.training.work import KeepState, Work
from sweep.trial import LIMITED, Status, StopReason, Trial


@dataclass(frozen=True)
class _Findings:
    """The measurements of a network whose trial has ended.

    Attributes:
        state: one lane wide, with the network that the trial stands for.
    """

    state: LaneState
    evaluation: Evaluation
    measured: FinalMeasurements = FinalMeasurements()


class Reporter:
    """Writes results for the trials of one pack key."""

    def __init__(self, work: Work, engine: Engine | None, prober: Prober | None = None) -> None:
        """Prepare for trials of `work`.

        Args:
            work: what they are part of.
            engine: what trains them; None if it could not be made.
            prober: measures their networks; None to leave that out.
        """
        self._work, self._engine, self._prober = work, engine, prober

    def results(self, lanes: Lanes, stops: Sequence[Stop]) -> list[TrialResult]:
        """Return a result for each stop; a failed one where its evaluation raises."""
        if not stops:
            return []
        try:
            found = self._evaluate(lanes, stops)
        except Exception as error:
            if len(stops) > 1:
                return [result for stop in stops for result in self.results(lanes, [stop])]
            return [self._failed_evaluation(lanes, stops[0], error)]
        pairs = zip(stops, found, strict=True)
        return [self._result(lanes, stop, findings) for stop, findings in pairs]

    def failures(self, failures: Sequence[Failure]) -> list[TrialResult]:
        """Return a failed result for each trial of lanes that raised."""
        return [self._failed(trial, failure) for failure in failures for trial in failure.trials]

    def _failed(self, trial: Trial, failure: Failure) -> TrialResult:
        state = failure.state
        return TrialResult(
            trial=trial,
            outcome=Outcome(
                status=Status.FAILED,
                stop_reason=StopReason.FAILED,
                **(_course(state) if state else {"epochs": 0, "updates": 0}),
                error=failure.error,
                traceback=failure.trace,
            ),
            provenance=self._provenance(state, lanes=1),
            curve=self._curve(state) if state else Curve.empty(),
        )

    def _curve(self, state: LaneState, validation_loss: float | None = None) -> Curve:
        if not self._work.record.curves:
            return Curve.empty()
        epochs, losses = recorded_curve(state, 0)
        held_out = _validation_curve(state, epochs, validation_loss)
        curve = replace(Curve.of_losses(epochs, losses), validation_loss=held_out)
        return phased_curve(state, curve)

    def _details(self, state: LaneState) -> dict[str, dict[str, np.ndarray]]:
        return {"ladder": recorded_ladder(state, 0)} if self._work.record.ladder else {}

    def _evaluate(self, lanes: Lanes, stops: Sequence[Stop]) -> list[_Findings]:
        assert self._engine is not None
        ended = lanes.take([stop.row for stop in stops])
        states = LaneState.join([stop.state for stop in stops])
        shown = [_shown(lanes.lanes[stop.row].trials[stop.watch], stop.state) for stop in stops]
        last = all(one is stop.state for one, stop in zip(shown, stops, strict=True))
        joined = states if last else LaneState.join(shown)
        evaluations = self._engine.evaluate(ended, joined)
        if self._prober is None:
            return [_Findings(*parts) for parts in zip(shown, evaluations, strict=True)]
        seen = self._prober.measure_last(ended, joined, states, evaluations)
        return [_Findings(*parts) for parts in zip(shown, evaluations, seen, strict=True)]

    def _failed_evaluation(self, lanes: Lanes, stop: Stop, error: Exception) -> TrialResult:
        trial = lanes.lanes[stop.row].trials[stop.watch]
        return self._failed(trial, Failure.of(error, (trial,), stop.state))

    def _result(self, lanes: Lanes, stop: Stop, findings: _Findings) -> TrialResult:
        lane = lanes.lanes[stop.row]
        record, trial = self._work.record, lane.trials[stop.watch]
        outcome = _outcome(trial, stop, findings)
        at_end = outcome.weights_epoch == outcome.epochs
        return TrialResult(
            trial=trial,
            outcome=outcome,
            provenance=self._provenance(stop.state, lanes=len(lanes), start=lane.start),
            curve=self._curve(stop.state, outcome.validation_loss if at_end else None),
            details={
                **self._details(stop.state),
                **phase_table(trial, stop.state, stop.reason),
                **findings.measured.details,
            },
            parameters=findings.state.network(0) if record.weights else None,
            state=_saved(lane, stop) if _keeps(record.state, stop.reason) else None,
        )

    def _provenance(
        self, state: LaneState | None, *, lanes: int, start: LaneState | None = None
    ) -> Provenance:
        seconds = float(state.seconds[0]) if state else 0.0
        before = float(start.seconds[0]) if start else 0.0
        now = datetime.now(UTC)
        return Provenance(
            seconds=seconds,
            seconds_share=float(state.share[0]) if state else 0.0,
            device=self._engine.device if self._engine else self._work.pack.device,
            engine=self._engine.name if self._engine else self._work.pack.engine,
            numerics_version=int(state.numerics[0]) if state else 0,
            pack=self._work.pack.pack_id,
            lanes=lanes,
            lanes_by=self._engine.lanes_by if self._engine else None,
            attempt=self._work.attempt,
            resumed_from=int(start.epoch[0]) if start else 0,
            ray_version=self._work.ray_version,
            git_revision=self._work.git_revision,
            started=now - timedelta(seconds=seconds - before),
            finished=now,
            **machine(),
        )


def _validation_curve(
    state: LaneState, epochs: Int64[np.ndarray, " points"], final: float | None
) -> Float64[np.ndarray, " points"]:
    """Return the held-out loss after each recorded epoch of a lane, nan where it was not taken.

    Args:
        state: one lane wide.
        epochs: recorded, ascending.
        final: the loss at the last weights, if those were evaluated.
    """
    losses = np.full(len(epochs), np.nan)
    if state.validation:
        _, losses = recorded_curve(state, 0, VALIDATION_LOSS)
        final = final if np.isnan(losses[-1:]).any() else None
    if final is not None and len(losses):
        losses[-1] = final
    return losses


def _outcome(trial: Trial, stop: Stop, findings: _Findings) -> Outcome:
    evaluation, diagnosis = findings.evaluation, findings.measured.diagnosis
    finite = bool(np.isfinite(stop.state.parameters).all()) and np.isfinite(evaluation.loss)
    reason = stop.reason if finite else StopReason.DIVERGED
    # math's, not NumPy's, whose order of summation follows the instruction set.
    shown = findings.state.parameters[0].tolist()
    distance = math.dist(shown, initial_parameters(trial).tolist())
    return Outcome(
        status=reason.status,
        stop_reason=reason,
        weights_epoch=_weights_epoch(trial, stop.state),
        final_loss=evaluation.loss,
        final_objective=evaluation.objective,
        gradient_norm=evaluation.gradient_norm,
        weight_distance=distance,
        samples_reconstructed=evaluation.samples_reconstructed,
        argmax_correct=evaluation.argmax_correct,
        validation_loss=evaluation.validation_loss,
        **_course(stop.state),
        **({} if diagnosis is None else vars(diagnosis)),
    )


def _course(state: LaneState) -> dict[str, Any]:
    """Return a trial's course in its last phase; losses of parts are not its own."""
    pretrained = pretraining_epochs(state)
    if not state.in_last_phase[0]:
        return {"epochs": 0, "updates": 0, "pretraining_epochs": pretrained}
    return {
        "epochs": int(state.epoch[0]),
        "updates": int(state.updates[0]),
        "best_loss": _known(state.best_loss[0]),
        "best_epoch": int(state.best_epoch[0]) or None,
        **_best_validation(state),
        "last_delta": _known(state.last_delta[0]),
        "pretraining_epochs": pretrained,
    }


def _best_validation(state: LaneState) -> dict[str, Any]:
    """Return the least loss on held-out samples and its epoch, where it was taken."""
    if not state.validation or not state.validation["best_epoch"][0]:
        return {}
    least, epoch = (state.validation[name][0] for name in ("best_loss", "best_epoch"))
    return {"best_validation_loss": float(least), "best_validation_epoch": int(epoch)}


def _restored_by(trial: Trial, state: LaneState) -> str | None:
    """Return the loss by whose least the weights are chosen; None for the last."""
    by = restored_by(vars(trial), held_out=bool(state.validation))
    begun = by is not None and state.in_last_phase[0] and state.best_epochs(by)[0]
    return by if begun else None


def _shown(trial: Trial, state: LaneState) -> LaneState:
    """Return the state, one lane wide, with the network that the trial stands for."""
    return state.restored(_restored_by(trial, state))


def _weights_epoch(trial: Trial, state: LaneState) -> int:
    by = _restored_by(trial, state)
    trained: int = _course(state)["epochs"]
    return trained if by is None else int(state.best_epochs(by)[0])


def _saved(lane: Lane, stop: Stop) -> dict[str, np.ndarray]:
    """Return the arrays from which a trial goes on, without what only its neighbours need."""
    held_out = bool(stop.state.validation)
    by = {restored_by(vars(trial), held_out=held_out) for trial in lane.trials}
    own = stop.state.fitted(validates=held_out, restores=sorted(filter(None, by)))
    return one_watch(own.arrays(), stop.watch)


def _known(value: float) -> float | None:
    """Return a number that has been observed, or None for the blank before the first epoch."""
    return float(value) if np.isfinite(value) else None


def _keeps(keep: KeepState, reason: StopReason) -> bool:
    return keep is KeepState.ALL or (keep is KeepState.RESUMABLE and reason in LIMITED)
