"""Claims: a user's own component is checked, identified and resolved as a built-in one is."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sweep
from sweep.plugins.components import component_of
from sweep.trial import Trial
from sweep.trust import refusing_plugins
from tests.sweepfiles import faults_of, small, trials_of

EXAMPLE = Path(__file__).parent.parent / "examples/own_components.yaml"
MODULE = '''
from sweep.components.activations import Activation
from sweep.components.initialisers import Initialiser
from sweep.components.losses import Loss
from sweep.components.optimizers import Optimizer
from sweep.components.spec import count, flag, one_of, positive, real


class Swish(Activation):
    """x * sigmoid(beta x)."""

    beta = positive("sharpness", default=1.0)
    shift = real("added", default=0.0, neutral=0.0)
    form = one_of("soft", "hard", doc="which", default="soft")

    def torch(self, x, options):
        return x * (options["beta"] * x).sigmoid() + options["shift"]


class Step(Swish):
    """From 0 to 1."""

    def bounds(self, options):
        return (0.0, 1.0)


class Shares(Swish):
    """Of the sum of all units."""

    elementwise = False


class OnlyOutputs(Swish):
    """Not for hidden layers."""

    hidden = False


class Signs(Initialiser):
    """Either sign."""

    size = real("the magnitude")

    def weights(self, draw, *, fan_in, fan_out, options):
        return options["size"] * draw.generator().choice([-1.0, 1.0], size=draw.shape)


class Plain(Optimizer):
    """Gradient descent."""

    warmup = count("updates", default=3, optional=True)
    sign = flag("whether by the sign alone", default=False)

    def torch(self, s):
        s.parameters.sub_(s.learning_rate * s.gradient)

    def reference(self, groups, *, lr, options):
        raise NotImplementedError

    def faults(self, options):
        if options["sign"] and options["warmup"] is None:
            yield "have a warmup with sign", "none"


class Unfinished(Activation):
    """Lacks its form in PyTorch."""


class Unwritable(Activation):
    """Has a word that cannot be written."""

    form = one_of("a,b", doc="which", default="a,b")

    def torch(self, x, options):
        return x


def swish(x):
    return x * x.sigmoid()
'''


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts_here.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])


def options(trial: Trial, family: str) -> dict[str, Any]:
    return component_of(trial, family)[1]


def test_each_option_is_an_axis() -> None:
    activation = {"name": "parts_here:Swish", "beta": [1, 1.5], "form": ["soft", "hard"]}
    trials = trials_of(grid={"activation": activation})
    assert [t.activation_options for t in trials] == [
        "beta=1.0,form=soft",
        "beta=1.0,form=hard",
        "beta=1.5,form=soft",
        "beta=1.5,form=hard",
    ]
    assert options(trials[3], "activation") == {"beta": 1.5, "shift": 0.0, "form": "hard"}
    assert len({trial.path_id for trial in trials}) == 4
    assert len({trial.pack_key for trial in trials}) == 2


def test_options_that_all_of_a_kind_have_keep_their_columns() -> None:
    fixed = {
        "initialiser": {"name": "parts_here:Signs", "size": 0.5, "jitter": 0.1},
        "optimizer": {"name": "parts_here:Plain", "warmup": None, "decay": 0.2},
    }
    (trial,) = trials_of(fixed=fixed)
    assert (trial.initialiser_options, trial.initialiser_jitter) == ("size=0.5", 0.1)
    assert (trial.optimizer_options, trial.optimizer_decay) == ("sign=false", 0.2)
    assert options(trial, "optimizer") == {"warmup": None, "sign": False, "decay": 0.2}


def test_a_neutral_option_leaves_the_identity_as_it_is() -> None:
    plain, said = (
        trials_of(fixed={"activation": {"name": "parts_here:Swish"} | given})[0]
        for given in ({}, {"shift": 0})
    )
    assert plain.trial_id == said.trial_id


def test_a_function_goes_by_its_name_alone() -> None:
    (trial,) = trials_of(fixed={"activation": "parts_here:swish"})
    assert trial.activation_options is None
    assert options(trial, "activation") == {}


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (
            {"activation": {"name": "parts_here:Swish", "beta": -1}},
            "sweep: fixed.activation.beta must be > 0 (got -1)",
        ),
        (
            {"activation": {"name": "parts_here:Swish", "bta": 1}},
            "sweep: fixed.activation.bta must be one of name, beta, shift, form (got 'bta'; did "
            "you mean 'beta'?)",
        ),
        (
            {"activation": {"name": "parts_here:Swish", "form": "sft"}},
            "sweep: fixed.activation.form must be one of soft, hard (got 'sft'; did you mean "
            "'soft'?)",
        ),
        (
            {"initialiser": "parts_here:Signs"},
            "sweep: fixed.initialiser.size must be given",
        ),
        (
            {"optimizer": {"name": "parts_here:Plain", "sign": True, "warmup": None}},
            "sweep: fixed.optimizer must have a warmup with sign (got none)",
        ),
        (
            {"activation": "parts_here:OnlyOutputs"},
            "sweep: fixed.activation must be an activation that hidden layers can have (got",
        ),
        (
            {"loss": "parts_here:Swish"},
            "sweep: fixed.loss must be a subclass of sweep.components.losses.Loss (got",
        ),
        (
            {"optimizer": "parts_here:swish"},
            "sweep: fixed.optimizer must be a subclass of sweep.components.optimizers.Optimizer",
        ),
        (
            {"activation": "parts_here:Unfinished"},
            "sweep: fixed.activation must be made without arguments (Can't instantiate",
        ),
        (
            {"activation": "parts_here:Unwritable"},
            "sweep: fixed.activation must have choices of letters, digits and '_' (got",
        ),
        (
            {"activation": {"name": "parts_here:swish", "beta": 1}},
            "sweep: fixed.activation.beta must be one of name (got 'beta'",
        ),
    ],
)
def test_a_wrong_option_is_said_as_that_of_a_built_in_component(
    fixed: dict[str, Any], said: str
) -> None:
    (fault,) = faults_of(small(fixed=fixed))
    assert str(fault).startswith(said)


def test_lines_of_wrong_options_are_said() -> None:
    text = """name: a
dataset: one-hot
fixed:
  topology: 4-2-4
  activation:
    name: parts_here:Swish
    beta: 0
  output_activation: parts_here:OnlyOutputs
  initialiser: torch_linear
  loss: mean_squared_error
  optimizer: adam
  learning_rate: 0.1
convergence: {epochs: 3}
"""
    assert [str(fault) for fault in faults_of(text)] == [
        "sweep:7: fixed.activation.beta must be > 0 (got 0)"
    ]


def test_no_class_is_loaded_where_plugins_are_refused() -> None:
    for name in [name for name in sys.modules if name.startswith("parts_here")]:
        del sys.modules[name]
    with refusing_plugins():
        (fault,) = faults_of(small(fixed={"activation": "parts_here:Swish"}))
    assert "as --no-plugins is given" in str(fault)
    assert not any(name.startswith("parts_here") for name in sys.modules)


def test_the_examples_train_to_the_same_end_in_every_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = {}
    for engine in ("fused", "torch", "reference"):
        overrides = [f"resources.engine={engine}"]
        output = tmp_path / engine
        summary = sweep.run(EXAMPLE, overrides=overrides, output=output, use_ray=False)
        trials = sweep.read_trials(summary.output, columns="all").set_index("trial_id").sort_index()
        assert set(trials["status"]) == {"finished"}, set(trials["traceback"])
        assert set(trials["engine"]) == {engine}
        found[engine] = trials["final_loss"]
    assert len(found["reference"]) == 12
    for engine in ("fused", "torch"):
        np.testing.assert_allclose(found[engine], found["reference"], rtol=1e-9)


def test_the_component_of_the_document_is_that_of_the_examples() -> None:
    page = (EXAMPLE.parent.parent / "docs/plugins.md").read_text("utf-8")
    shown = page.rpartition("```python\n")[2].partition("```")[0]
    assert shown in EXAMPLE.with_name("own_parts.py").read_text("utf-8")


def penalised(activation: str) -> dict[str, Any]:
    sparsity = {"name": "kl", "target": 0.05, "weight": 3}
    fixed = {"activation": activation, "sparsity": sparsity, "contractive_penalty": 0.1}
    return small(fixed=fixed)


@pytest.mark.parametrize(
    ("activation", "keys"),
    [
        ("parts_here:Step", []),
        ("parts_here:swish", ["fixed.sparsity"]),
        ("parts_here:Swish", ["fixed.sparsity"]),
        ("parts_here:Shares", ["fixed.sparsity", "fixed.contractive_penalty"]),
    ],
)
def test_penalties_on_codes_go_by_what_an_activation_declares(
    activation: str, keys: list[str]
) -> None:
    faults = faults_of(penalised(activation))
    assert [fault.key for fault in faults] == keys
    assert all(fault.got == f"activation {activation}" for fault in faults)
