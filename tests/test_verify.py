"""Claims: verification passes what was trained, and names what was changed since."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result

from sweep.cli.commands.verify import conclude
from sweep.cli.main import main
from sweep.datasets.data import DatasetSpec
from sweep.engines.evaluation import evaluate
from sweep.engines.factory import make_engine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.errors import ConfigError
from sweep.reports.verification import choose_sample, sample_of
from sweep.result import TrialResult
from sweep.training.pool import train_pack
from sweep.training.verification.retraining import SAMPLED_EPOCHS, retrain, step
from sweep.training.verification.rounding import loss_rounding, state_differences, step_rounding
from sweep.training.verification.verdicts import Claim
from sweep.training.verification.verify import verify_trial
from sweep.training.work import Finished
from sweep.trial import PACK_KEY, StopReason, Trial
from tests.cluster_sweeps import small_sweep
from tests.trials import lanes_of_trials, make_trial, make_work, one_hot

SPEC = DatasetSpec("one-hot", (("size", 4),))
ENGINES = ["fused", "torch", "reference"]


def results_of(trial: Trial, engine: str) -> TrialResult:
    events = train_pack(make_work(trial, engine=engine), should_stop=lambda: False)
    (result,) = (r for event in events if isinstance(event, Finished) for r in event.results)
    return result


def claim_of(result: TrialResult) -> Claim:
    assert result.outcome.final_loss is not None
    return Claim(
        trial=result.trial,
        engine=result.provenance.engine,
        device=result.provenance.device,
        numerics_version=result.provenance.numerics_version,
        torch_version=result.provenance.torch_version,
        host=result.provenance.host,
        epochs=result.outcome.epochs,
        stop_reason=result.outcome.stop_reason,
        final_loss=result.outcome.final_loss,
        parameters=result.parameters,
    )


@pytest.fixture(params=ENGINES)
def claim(request: pytest.FixtureRequest) -> Claim:
    """What an engine says of a trial of 150 epochs."""
    return claim_of(results_of(make_trial(max_epochs=150), request.param))


def sweep_file(folder: Path, engine: str, **blocks: object) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(small_sweep(resources={"engine": engine}, **blocks)))
    return str(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def damage_weights(results: Path) -> str:
    """Change one weight of the first trial by a millionth; return the trial."""
    (path,) = (results / "weights").glob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    rows[0]["values"][0] += 1e-6
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    return str(rows[0]["trial_id"])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_healthy_results_verify_and_changed_ones_are_named(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("run", sweep_file(tmp_path, engine), "--no-ray", "--quiet").exit_code == 0
    healthy = call("verify", "small")
    assert healthy.exit_code == 0, healthy.output
    assert healthy.stdout.splitlines()[-1] == "verified 4 trials: no difference"
    assert "verifying 4 of 4 finished trials, 1 of 1 kinds" in healthy.stderr

    changed = damage_weights(tmp_path / "results" / "small")
    result = call("verify", "small", "--sample", "4")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == f"1 of 4 trials differ: {changed}"


@pytest.mark.slow
def test_overrides_of_a_run_say_which_data_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wide = ["dataset.size=5", "fixed.topology=5-2-5"]
    for overrides in (wide, []):  # the file kept last is that of the second run
        call("run", sweep_file(tmp_path, "torch"), *overrides, "--no-ray", "--quiet")
    result = call("verify", "small", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert [trial["holds"] for trial in record["trials"]] == [True] * 8
    assert (record["sample"]["kinds"], record["sample"]["kinds_reached"]) == (2, 2)


@pytest.mark.slow
def test_results_without_their_sweep_file_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("run", sweep_file(tmp_path, "torch"), "--no-ray", "--quiet")
    results = tmp_path / "results" / "small"
    for path in (results / "sweep.yaml", *(results / "runs").iterdir()):
        path.unlink()
    result = call("verify", "small")
    assert result.exit_code == 2
    assert "no recorded sweep file gives its data here" in result.stdout
    assert "must hold a trial that can be compared (got none)" in result.stderr


def test_verify_refuses_what_is_no_results() -> None:
    assert call("verify", "nowhere").exit_code == 2


def test_a_true_claim_holds_to_the_bit(claim: Claim) -> None:
    verdict = verify_trial(claim, SPEC)
    assert verdict.holds
    assert (verdict.solo.text, verdict.solo.holds) == ("same bits", True)
    assert verdict.outcome.holds
    assert verdict.steps.holds or claim.engine == "reference"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"epochs": 149}, "150 epochs here"),
        ({"stop_reason": StopReason.CONVERGED}, "max_epochs here, not converged"),
        ({"final_loss": 0.5}, "final loss "),
    ],
)
@pytest.mark.parametrize("claim", ["fused", "reference"], indirect=True)
def test_a_false_claim_is_found(claim: Claim, changes: dict[str, object], text: str) -> None:
    verdict = verify_trial(replace(claim, **changes), SPEC)
    assert verdict.holds is False
    assert text in verdict.solo.text


@pytest.mark.slow
def test_torch_is_judged_by_its_outcome_where_bits_differ() -> None:
    claim = claim_of(results_of(make_trial(), "torch"))
    assert claim.parameters is not None
    lucky = replace(claim, final_loss=float(np.nextafter(claim.final_loss, 1.0)))
    verdict = verify_trial(lucky, SPEC)
    assert (verdict.solo.text, verdict.solo.holds) == ("other bits, as may be", None)
    assert verdict.holds
    assert verify_trial(replace(claim, final_loss=claim.final_loss + 1e-9), SPEC).holds is False


def test_a_trial_that_the_clock_ended_is_given_its_epochs() -> None:
    claim = claim_of(results_of(make_trial(max_epochs=60), "reference"))
    timed = replace(
        claim,
        trial=replace(claim.trial, max_epochs=10_000, max_seconds=0.1),
        stop_reason=StopReason.TIME,
    )
    assert verify_trial(timed, SPEC).solo.text == "same bits"


def test_other_bits_of_another_numerics_version_are_no_difference(claim: Claim) -> None:
    verdict = verify_trial(replace(claim, numerics_version=1, epochs=claim.epochs + 1), SPEC)
    assert verdict.solo.text == "other bits, as may be: numerics version 1, here 2"
    assert (verdict.solo.holds, verdict.steps.holds, verdict.outcome.holds) == (None, None, True)
    assert conclude([verdict]) == (
        "verified 1 trials: no difference\n1 cannot be compared bit by bit "
        "(numerics version 1, here 2): checked by their weights alone"
    )


def test_the_same_bits_of_another_numerics_version_are_the_same(claim: Claim) -> None:
    verdict = verify_trial(replace(claim, numerics_version=1), SPEC)
    assert (verdict.solo.text, verdict.solo.holds) == ("same bits", True)


@pytest.mark.slow
def test_the_reference_need_not_have_the_bits_of_another_machine() -> None:
    claim = claim_of(results_of(make_trial(), "reference"))
    wrong = replace(claim, epochs=claim.epochs + 1)
    assert verify_trial(wrong, SPEC).holds is False
    elsewhere = verify_trial(replace(wrong, host="elsewhere"), SPEC)
    assert elsewhere.solo.text == "other bits, as may be: another machine"
    assert elsewhere.holds


def test_symmetric_starts_are_compared_within_their_engine_only() -> None:
    trial = make_trial(initialiser="constant", initialiser_constant=0.1)
    verdict = verify_trial(claim_of(results_of(trial, "fused")), SPEC)
    assert (verdict.steps.text, verdict.steps.holds) == ("symmetric start", None)
    assert verdict.holds


def test_code_that_raises_is_a_difference_and_code_that_is_gone_is_not() -> None:
    claim = claim_of(results_of(make_trial(), "reference"))
    gone = replace(claim, trial=replace(claim.trial, activation="no_such_module:f@0"))
    assert verify_trial(gone, SPEC).holds is None
    wrong = replace(claim, trial=replace(claim.trial, topology=(5, 3, 5)))
    assert verify_trial(wrong, SPEC).holds is False


def test_retraining_keeps_the_states_along_the_way() -> None:
    work = make_work(make_trial(max_epochs=101))
    engine = make_engine(work.pack, work.pack.trials[0], one_hot(4))
    retraining = retrain(work.pack, engine)
    assert [int(state.epoch[0]) for state in retraining.states] == [0, 1, 10, 100]
    assert retraining.result.outcome.epochs == 101
    assert SAMPLED_EPOCHS[:4] == (0, 1, 10, 100)


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-12), ("float32", 1e-4)])
def test_noise_is_far_below_any_real_difference(dtype: str, bound: float) -> None:
    trial, data = make_trial(dtype=dtype), one_hot(4)
    lanes, engine = lanes_of_trials(trial), ReferenceEngine(trial, data)
    state = engine.begin(lanes)
    noise = step_rounding(lanes, state, data)
    assert 0 < noise.max() < bound
    other = lanes_of_trials(replace(trial, learning_rate=trial.learning_rate * 1.01))
    found = state_differences(step(engine, other, state), step(engine, lanes, state))
    assert found[0] > 10 * noise[0]
    assert 0 < loss_rounding(trial, state.parameters[0], data) < bound


def test_outputs_that_saturate_on_the_wrong_side_are_noisy() -> None:
    trial, data = make_trial(topology=(4, 4), dtype="float32"), one_hot(4)
    parameters = np.zeros(20, np.float32)
    parameters[16:] = 14.0  # sigmoid(14) = 1 - 8e-7: one minus it has three digits left
    loss = evaluate(trial, parameters, data).loss
    assert loss_rounding(trial, parameters, data) > 1e-2 * loss


def table(rows: Iterable[tuple[str, str, int]]) -> pd.DataFrame:
    """Return a table of trials of these engines, activations and epochs."""
    records = [
        vars(make_trial(seed=seed, activation=activation))
        | {"engine": engine, "epochs": epochs, "status": "finished", "trial_id": f"{seed}"}
        for seed, (engine, activation, epochs) in enumerate(rows)
    ]
    return pd.DataFrame(records)


def test_the_cheapest_of_each_kind_are_taken_in_turn() -> None:
    rows = [("torch", "tanh", epochs) for epochs in (300, 100, 200)]
    rows += [("torch", "relu", 900), ("reference", "tanh", 800)]
    sample = choose_sample(table(rows), None)
    assert sample.trial_ids == ("1", "2", "0", "3", "4")
    many = table([*rows, *(("torch", "tanh", 50) for _ in range(20))])
    chosen = choose_sample(many, None)
    assert len(chosen.trial_ids) == 10
    assert {"3", "4"} < set(chosen.trial_ids)
    assert (chosen.kinds, chosen.kinds_reached) == (3, 3)


def test_long_trials_are_left_out_unless_a_number_is_given() -> None:
    rows = [("torch", "tanh", 10**7), ("torch", "tanh", 100), ("torch", "relu", 10**8)]
    sample = choose_sample(table(rows), None)
    assert (sample.trial_ids, sample.too_long, sample.finished) == (("1",), 2, 3)
    assert set(choose_sample(table(rows), 3).trial_ids) == {"0", "1", "2"}
    assert choose_sample(table(rows[:1]), None).trial_ids == ("0",)


def test_a_draw_is_repeated_by_its_seed_and_reaches_every_kind() -> None:
    rows = [("torch", activation, 100) for activation in ("tanh", "relu", "elu") for _ in range(9)]
    draws = [choose_sample(table(rows), 3, seed=seed) for seed in range(8)]
    assert draws[0] == choose_sample(table(rows), 3, seed=0)
    assert len({draw.trial_ids for draw in draws}) > 1
    assert all(draw.kinds_reached == 3 for draw in draws)


def test_only_finished_trials_are_taken() -> None:
    trials = table([("torch", "tanh", 100)] * 2)
    trials.loc[0, "status"] = "diverged"
    assert choose_sample(trials, None).trial_ids == ("1",)


def test_trials_are_taken_by_the_first_digits_of_their_identities() -> None:
    trials = pd.DataFrame(
        {
            "trial_id": ["ab01", "ab02", "cd03"],
            "status": ["finished", "finished", "failed"],
            "engine": "fused",
            **dict.fromkeys(PACK_KEY, 1),
        }
    )
    assert sample_of(trials, ["ab02", "ab01", "ab02"]).trial_ids == ("ab02", "ab01")
    for prefix in ("ab", "cd", "ef"):
        with pytest.raises(ConfigError, match=f"--trial must .* one finished trial.*'{prefix}'"):
            sample_of(trials, [prefix])
