"""A plan counts what a sweep comes to, warns of what is likely not meant, and stays light."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sweep.cli.commands.plan import plan_command, schema_command
from sweep.cli.plan_page import describe_plan
from sweep.config import load_config, parse_config
from sweep.errors import ConfigError
from sweep.nets.phases import phases_of
from sweep.planning import make_plan
from sweep.planning.warnings import many_trials
from tests.sweepfiles import small

CONFIGS = Path(__file__).parents[1] / "configs"


def warnings_of(**changes: Any) -> list[str]:
    plan = make_plan(parse_config(small(**changes)))
    return [warning.text for warning in plan.warnings]


def test_a_plan_counts() -> None:
    rules = [{"max_epochs": 10}, {"epochs": 30}]
    grid = {"activation": ["relu", "tanh"], "convergence": rules, "replicates": 5}
    plan = make_plan(parse_config(small(grid=grid)), workers=2)
    assert (plan.trials, plan.done, plan.missing, plan.paths, plan.keys) == (20, 0, 20, 10, 2)
    assert len(plan.planned_packs) == 2
    assert plan.max_epochs == 10 * 30
    assert plan.engines == {"fused on cpu": 20}


MIXED = {
    "contractive_penalty": [0, 0.1],
    "sparsity": ["none", {"name": "kl", "target": 0.1, "weight": 1}],
    "replicates": 3,
}


def test_fused_is_refused_with_what_it_does_not_take() -> None:
    config = parse_config(small(grid=MIXED, resources={"engine": "fused"}))
    with pytest.raises(ConfigError) as caught:
        make_plan(config)
    assert [fault.must for fault in caught.value.faults] == [
        "not meet contractive_penalty",
        "not meet sparsity kl",
    ]
    assert str(caught.value.faults[0]) == (
        "sweep small: engine fused must not meet contractive_penalty (got 6 such trials; "
        "auto trains these with torch, the others with fused)"
    )


def test_fused_is_refused_on_a_gpu() -> None:
    resources = {"engine": "fused", "gpus_per_pack": 0.5}
    with pytest.raises(ConfigError, match="engine fused must not meet a GPU"):
        make_plan(parse_config(small(resources=resources)))


def test_fused_trains_what_is_left_when_the_rest_is_done() -> None:
    config = parse_config(small(grid=MIXED))
    done = [
        t.trial_id for t in make_plan(config).grid if t.contractive_penalty or t.sparsity != "none"
    ]
    fused = parse_config(small(grid=MIXED, resources={"engine": "fused"}))
    assert make_plan(fused, done).engines == {"fused on cpu": 3}


def test_the_plan_says_why_torch_trains(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(json.dumps(small(grid=MIXED)))
    result = CliRunner().invoke(plan_command, [str(file), "--output", str(tmp_path / "none")])
    assert "  engines     fused on cpu 3, torch on cpu 9\n" in result.stdout
    why = "              fused does not take contractive_penalty 6, sparsity kl 6\n"
    assert why in result.stdout
    result = CliRunner().invoke(
        plan_command, [str(file), "resources.engine=torch", "--output", str(tmp_path / "none")]
    )
    assert "              as resources asks: engine torch\n" in result.stdout


def test_a_sweep_all_done_has_no_packs() -> None:
    config = parse_config(small())
    plan = make_plan(config, [trial.trial_id for trial in make_plan(config).grid])
    assert (plan.trials, plan.done, plan.missing, plan.max_epochs) == (1, 1, 0, 0)
    assert list(plan.packs()) == []


def test_a_plain_sweep_has_no_warning() -> None:
    assert warnings_of() == []


CONSTANT = {"name": "constant", "constant": 1}
BELOW = {"name": "vectors", "values": [[-2, 0, 0, 1], [0, 1, 0, 0]]}
SHIFTED = {"name": "vectors", "values": [[-1, 0, 0, 2], [0, 1, 0, 0]]}


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"fixed": {"initialiser": CONSTANT}}, "4-2-4: constant initial weights keep the units"),
        ({"dataset": SHIFTED}, "vectors-2x4: targets span -1 to 2, sigmoid outputs 0 to 1"),
        (
            {"dataset": SHIFTED, "fixed": {"output_activation": "relu"}},
            "vectors-2x4: targets span -1 to 2, relu outputs 0 to inf",
        ),
        (
            {"dataset": SHIFTED, "fixed": {"output_activation": {"name": "elu", "alpha": 0.5}}},
            "vectors-2x4: targets span -1 to 2, elu outputs -0.5 to inf",
        ),
        (
            {"dataset": SHIFTED, "fixed": {"output_activation": "gelu"}},
            "vectors-2x4: targets span -1 to 2, gelu outputs -0.169971 to inf",
        ),
        (
            {"dataset": SHIFTED, "fixed": {"output_activation": "silu"}},
            "vectors-2x4: targets span -1 to 2, silu outputs -0.278465 to inf",
        ),
        (
            {"dataset": BELOW, "fixed": {"output_activation": "selu"}},
            "vectors-2x4: targets span -2 to 1, selu outputs -1.7581 to inf",
        ),
        (
            {
                "fixed": {
                    "optimizer": "rprop",
                    "learning_rate_schedule": {"name": "step", "factor": 0.5, "period": 9},
                }
            },
            "rprop with step: a learning_rate_schedule has no effect on rprop",
        ),
        (
            {"grid": {"optimizer": {"name": "sgd", "momentum": [0, 0.9], "dampening": 0.5}}},
            "sgd with dampening 0.5: dampening has no effect without momentum",
        ),
        (
            {"fixed": {"activation": "relu", "output_activation": "selu", "flat_spot": 0.1}},
            "flat_spot 0.1: has no effect without sigmoid or tanh units",
        ),
        (
            {
                "fixed": {
                    "activation": "relu",
                    "loss": {"name": "binary_cross_entropy", "semantics": "logits"},
                    "flat_spot": 0.1,
                }
            },
            "flat_spot 0.1: has no effect without sigmoid or tanh units",
        ),
        (
            {"fixed": {"bias_constant": 0.5}, "grid": {"biases": [True, False]}},
            "bias_constant 0.5: has no effect without biases",
        ),
        (
            {"grid": {"weight_decay": [0, 0.1], "decay_biases": [True, False]}},
            "decay_biases false: has no effect without weight_decay",
        ),
        (
            {"fixed": {"initialiser": CONSTANT, "topology": "2-1-2"}, "grid": {"replicates": 3}},
            "initialiser constant: nothing is drawn at random, so that all 3 seeds give the same",
        ),
        (
            {"fixed": {"initialiser": "identity", "topology": "4-4"}, "grid": {"replicates": 3}},
            "initialiser identity: nothing is drawn at random, so that all 3 seeds give the same",
        ),
        ({"fixed": {"topology": "5-2-5"}}, "5-2-5: the bottleneck is below 2.32"),
        (
            {"convergence": {"epochs": 30, "max_epochs": 10}},
            "epochs 30: max_epochs 10 ends training before; give the one or the other",
        ),
        (
            {"convergence": {"delta": {"tolerance": 1e-9}, "max_epochs": 9}},
            "delta_tolerance 1e-09: below 3e-08, the spacing of float32 numbers",
        ),
        (
            {"convergence": {"early_stopping": {"min_delta": 1e-9, "patience": 1}, "epochs": 9}},
            "early_stopping_min_delta 1e-09: below 3e-08",
        ),
    ],
)
def test_what_is_likely_not_meant_is_warned_of(changes: dict[str, Any], start: str) -> None:
    (text,) = warnings_of(**changes)
    assert text.startswith(start)


@pytest.mark.parametrize(
    "changes",
    [
        {"fixed": {"initialiser": {**CONSTANT, "jitter": 0.1}}},
        {"fixed": {"initialiser": CONSTANT, "topology": "2-1-2"}},
        *(
            {
                "fixed": {"initialiser": CONSTANT, "topology": "2-1-2", name: 0.1},
                "grid": {"replicates": 3},
            }
            for name in ("input_dropout", "hidden_dropout")
        ),
        {"fixed": {"weight_l1": 0.1, "decay_biases": False}},
        {"dataset": SHIFTED, "fixed": {"output_activation": "identity"}},
        {"dataset": SHIFTED, "fixed": {"output_activation": "elu"}},
        {"dataset": SHIFTED, "fixed": {"output_activation": "selu"}},
        {"fixed": {"optimizer": {"name": "sgd", "momentum": 0.9, "dampening": 0.5}}},
        {
            "fixed": {"dtype": "float64"},
            "convergence": {"delta": {"tolerance": 1e-9}, "max_epochs": 9},
        },
    ],
)
def test_what_is_meant_is_not(changes: dict[str, Any]) -> None:
    assert warnings_of(**changes) == []


def test_warnings_of_a_kind_are_one() -> None:
    topologies = [f"4-{width}-4" for width in range(2, 9)]
    (text,) = warnings_of(fixed={"initialiser": CONSTANT}, grid={"topology": topologies})
    assert text.startswith("4-2-4, 4-3-4, 4-4-4, 4-5-4 and 3 more: constant initial weights")


@pytest.mark.parametrize(
    ("name", "trials"), [("quickstart", 10), ("zhang2017", 25), ("zhang2017_constant", 25)]
)
def test_the_configurations_that_come_with_sweep_are_valid(name: str, trials: int) -> None:
    config = load_config(CONFIGS / f"{name}.yaml")
    assert config.name == name
    assert make_plan(config).trials == trials


def test_the_plan_is_printed_and_warnings_go_to_stderr(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(json.dumps(small(fixed={"initialiser": CONSTANT})))
    output = ["--output", str(tmp_path / "none"), "--workers", "2"]
    result = CliRunner().invoke(plan_command, [str(file), "grid.replicates=4", *output])
    assert result.exit_code == 0
    assert "trials      4" in result.stdout
    assert "packs       2 for 2 workers" in result.stdout
    assert result.stderr.startswith("warning: 4-2-4: constant initial weights")
    result = CliRunner().invoke(plan_command, [str(file), "--json", *output])
    found = json.loads(result.stdout)
    assert (found["trials"], found["missing"], found["paths"], found["packs"]) == (1, 1, 1, 1)
    assert len(found["warnings"]) == 1


def test_the_schema_is_printed_as_json() -> None:
    schema = json.loads(CliRunner().invoke(schema_command, []).stdout)
    assert schema["title"] == "Sweep file"
    assert set(schema["properties"]) >= {"name", "dataset", "fixed", "grid", "convergence"}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPUs cannot be chosen here")
def test_a_plan_counts_the_cpus_that_this_process_may_use() -> None:
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert make_plan(parse_config(small())).workers == 1
    finally:
        os.sched_setaffinity(0, mine)


@pytest.mark.slow
def test_a_plan_needs_neither_torch_nor_ray_nor_data_that_it_does_not_name(tmp_path: Path) -> None:
    code = (
        "import sys; from sweep.cli.commands.plan import plan_command; "
        f"plan_command([{str(CONFIGS / 'quickstart.yaml')!r}, '--output', {str(tmp_path / 'x')!r}],"
        " standalone_mode=False); "
        "print([name for name in ('torch', 'numba', 'ray', 'sklearn') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_very_many_trials_get_a_word_on_what_they_come_to() -> None:
    (word,) = many_trials(9_000_000, 3_600_000_000_000, 4_500_000_000, 10)
    assert word.text.startswith(
        "9,000,000 trials: up to 3,600,000,000,000 epochs, 100.0 hours at a microsecond each (a "
        "tiny network's, full batch) on 10 workers, and up to 4.5 GB on disk"
    )
    (word,) = many_trials(9_000_000, 90_000_000, 4_500_000_000, 1)
    assert "up to 90,000,000 epochs, 1.5 minutes at" in word.text
    assert list(many_trials(499_999, 10**12, 10**9, 1)) == []


@pytest.mark.parametrize("name", ["identity", "stacked", "vanishing"])
def test_the_most_epochs_of_a_plan_count_those_of_pretraining(name: str) -> None:
    plan = make_plan(load_config(CONFIGS / f"{name}.yaml"))
    most: dict[str, int] = {}
    for trial in plan.grid:
        phases = len(phases_of(trial)) * (trial.pretraining_max_epochs or 0)
        last = min(trial.fixed_epochs or trial.max_epochs, trial.max_epochs)
        most[trial.path_id] = max(most.get(trial.path_id, 0), last + phases)
    assert plan.max_epochs == sum(most.values())
    lines = describe_plan(plan, Path("results")).splitlines()
    assert f"  epochs      at most {plan.max_epochs:,}" in lines
