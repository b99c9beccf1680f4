"""Checks what a row claims by training its trial again, alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from sweep.datasets.data import Data, DatasetSpec
from sweep.datasets.registry import load_data
from sweep.engines.contract import Engine
from sweep.engines.evaluation import evaluate
from sweep.engines.factory import load_checked, make_engine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.errors import SweepError
from sweep.pack import Pack
from sweep.result import TrialResult, machine
from sweep.training.verification.retraining import retrain, step
from sweep.training.verification.rounding import loss_rounding, state_differences, step_rounding
from sweep.training.verification.verdicts import Check, Claim, Verdict
from sweep.trial import StopReason, Trial

TOLERANCES = {"float64": 1e-12, "float32": 1e-5}
BITWISE_ENGINES = frozenset({"fused", "reference"})


def verify_trial(claim: Claim, spec: DatasetSpec | None) -> Verdict:
    """Check a claim.

    Args:
        claim: what the row says.
        spec: how to load the data that its fingerprint names; None if nothing says.
    """
    torch.set_num_threads(1)  # as in a worker
    if spec is None:
        absent = Check("no recorded sweep file gives its data here")
        solo, steps, outcome = absent, Check("-"), Check("-")
    else:
        outcome = _attempt(lambda: (_check_outcome(claim, load_data(spec)),))[0]
        solo, steps = _attempt(lambda: _check_retraining(claim, spec), count=2)
    return Verdict(
        trial_id=claim.trial.trial_id,
        engine=claim.engine,
        epochs=claim.epochs,
        solo=solo,
        steps=steps,
        outcome=outcome,
    )


def _attempt(check: Callable[[], tuple[Check, ...]], *, count: int = 1) -> tuple[Check, ...]:
    """Return the checks; missing code leaves them undecided, and code that raises fails them."""
    try:
        return check()
    except (SweepError, ImportError) as error:
        found = Check(f"not comparable: {error}")
    except Exception as error:
        found = Check(f"raised {type(error).__name__}: {error}", holds=False)
    return (found, *[Check("-")] * (count - 1))


def _check_retraining(claim: Claim, spec: DatasetSpec) -> tuple[Check, Check]:
    if claim.device != "cpu" and not torch.cuda.is_available():
        return Check(f"trained on {claim.device}, which this machine does not have"), Check("-")
    pack = _pack_of(claim, spec)
    engine = make_engine(pack, pack.trials[0], load_checked(pack, pack.trials[0]))
    retraining = retrain(pack, engine)
    solo = _check_result(claim, retraining.result, since=_changed(claim, engine))
    if solo.since:
        return solo, Check("-")  # its steps were others
    return solo, _check_steps(engine, pack.trials[0], retraining.states, load_data(spec))


def _pack_of(claim: Claim, spec: DatasetSpec) -> Pack:
    """Return the trial as a pack of its own; one that the clock ended is given its epochs."""
    trial = claim.trial
    if claim.stop_reason is StopReason.TIME:
        trial = replace(trial, max_epochs=claim.epochs, max_seconds=None)
    return Pack(
        pack_id=trial.trial_id,
        trials=(trial,),
        datasets=((trial.data_fingerprint, spec),),
        engine=claim.engine,
        device=claim.device,
        cpus=1.0,
        gpus=0.0,
    )


def _changed(claim: Claim, engine: Engine) -> str | None:
    """Return what may give a row other bits here than where it was written, None for nothing."""
    if engine.numerics_version != claim.numerics_version:
        return f"numerics version {claim.numerics_version}, here {engine.numerics_version}"
    if claim.engine != ReferenceEngine.name:
        return None
    here = machine()
    if claim.torch_version != here["torch_version"]:
        return f"PyTorch {claim.torch_version}, here {here['torch_version']}"
    return None if claim.host == here["host"] else "another machine"


def _check_result(claim: Claim, result: TrialResult, *, since: str | None) -> Check:
    differences = list(_differences(claim, result))
    if not differences:
        return Check("same bits", holds=True)
    if since:
        return Check(f"other bits, as may be: {since}", since=since)
    if claim.engine in BITWISE_ENGINES:
        return Check(f"differs: {', '.join(differences)}", holds=False)
    return Check("other bits, as may be")


def _differences(claim: Claim, result: TrialResult) -> Iterator[str]:
    outcome = result.outcome
    if outcome.error:
        yield f"failed with {outcome.error}"
    if outcome.epochs != claim.epochs:
        yield f"{outcome.epochs:,} epochs here"
    if outcome.stop_reason != claim.stop_reason and claim.stop_reason is not StopReason.TIME:
        yield f"{outcome.stop_reason} here, not {claim.stop_reason}"
    if outcome.final_loss != claim.final_loss:
        yield f"final loss {outcome.final_loss!r} here"
    kept, made = claim.parameters, result.parameters
    if kept is not None and made is not None and kept.tobytes() != made.tobytes():
        yield "weights"


def _check_steps(engine: Engine, trial: Trial, states: tuple[LaneState, ...], data: Data) -> Check:
    if engine.name == ReferenceEngine.name:
        return Check("is the reference")
    if trial.initialiser == "constant" and not trial.initialiser_jitter:
        return Check("symmetric start")  # rounding breaks the symmetry, so engines may part
    lanes, reference = Lanes((Lane((trial,)),)), ReferenceEngine(trial, data)
    worst, noisy, holds = 0.0, 0, True
    for state in states:
        found = state_differences(step(engine, lanes, state), step(reference, lanes, state))
        worst = max(worst, float(found.max()))
        if found.max() > TOLERANCES[trial.dtype]:
            allowed = np.maximum(step_rounding(lanes, state, data), TOLERANCES[trial.dtype])
            noisy += 1
            holds &= bool((found <= allowed).all())
    note = f", {noisy} rounding" if noisy and holds else ""
    return Check(f"{worst:.1e} in {len(states)}{note}", holds=holds, difference=worst)


def _check_outcome(claim: Claim, data: Data) -> Check:
    if claim.parameters is None:
        return Check("no weights kept")
    loss = evaluate(claim.trial, claim.parameters, data).loss
    found = abs(loss - claim.final_loss)
    relative = found / max(abs(loss), 1e-300)
    holds = relative <= TOLERANCES[claim.trial.dtype] or found <= loss_rounding(
        claim.trial, claim.parameters, data
    )
    text = "same loss" if holds else f"final loss {loss!r} by the reference"
    return Check(text, holds=holds, difference=relative)
