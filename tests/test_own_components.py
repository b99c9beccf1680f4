"""Claims: a user's own component is checked, identified and resolved as a built-in one is."""

import sys
from pathlib import Path
from typing import Any

import pytest

from sweep.plugins.components import component_of
from sweep.trial import Trial
from sweep.trust import refusing_plugins
from tests.sweepfiles import faults_of, small, trials_of

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
    (tmp_path / "own_parts.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])


def options(trial: Trial, family: str) -> dict[str, Any]:
    return component_of(trial, family)[1]


def test_each_option_is_an_axis() -> None:
    activation = {"name": "own_parts:Swish", "beta": [1, 1.5], "form": ["soft", "hard"]}
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
        "initialiser": {"name": "own_parts:Signs", "size": 0.5, "jitter": 0.1},
        "optimizer": {"name": "own_parts:Plain", "warmup": None, "decay": 0.2},
    }
    (trial,) = trials_of(fixed=fixed)
    assert (trial.initialiser_options, trial.initialiser_jitter) == ("size=0.5", 0.1)
    assert (trial.optimizer_options, trial.optimizer_decay) == ("sign=false", 0.2)
    assert options(trial, "optimizer") == {"warmup": None, "sign": False, "decay": 0.2}


def test_a_neutral_option_leaves_the_identity_as_it_is() -> None:
    plain, said = (
        trials_of(fixed={"activation": {"name": "own_parts:Swish"} | given})[0]
        for given in ({}, {"shift": 0})
    )
    assert plain.trial_id == said.trial_id


def test_a_function_goes_by_its_name_alone() -> None:
    (trial,) = trials_of(fixed={"activation": "own_parts:swish"})
    assert trial.activation_options is None
    assert options(trial, "activation") == {}


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (
            {"activation": {"name": "own_parts:Swish", "beta": -1}},
            "sweep: fixed.activation.beta must be > 0 (got -1)",
        ),
        (
            {"activation": {"name": "own_parts:Swish", "bta": 1}},
            "sweep: fixed.activation.bta must be one of name, beta, shift, form (got 'bta'; did "
            "you mean 'beta'?)",
        ),
        (
            {"activation": {"name": "own_parts:Swish", "form": "sft"}},
            "sweep: fixed.activation.form must be one of soft, hard (got 'sft'; did you mean "
            "'soft'?)",
        ),
        (
            {"initialiser": "own_parts:Signs"},
            "sweep: fixed.initialiser.size must be given",
        ),
        (
            {"optimizer": {"name": "own_parts:Plain", "sign": True, "warmup": None}},
            "sweep: fixed.optimizer must have a warmup with sign (got none)",
        ),
        (
            {"activation": "own_parts:OnlyOutputs"},
            "sweep: fixed.activation must be an activation that hidden layers can have (got",
        ),
        (
            {"loss": "own_parts:Swish"},
            "sweep: fixed.loss must be a subclass of sweep.components.losses.Loss (got",
        ),
        (
            {"optimizer": "own_parts:swish"},
            "sweep: fixed.optimizer must be a subclass of sweep.components.optimizers.Optimizer",
        ),
        (
            {"activation": "own_parts:Unfinished"},
            "sweep: fixed.activation must be made without arguments (Can't instantiate",
        ),
        (
            {"activation": "own_parts:Unwritable"},
            "sweep: fixed.activation must have choices of letters, digits and '_' (got",
        ),
        (
            {"activation": {"name": "own_parts:swish", "beta": 1}},
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
    name: own_parts:Swish
    beta: 0
  output_activation: own_parts:OnlyOutputs
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
    for name in [name for name in sys.modules if name.startswith("own_parts")]:
        del sys.modules[name]
    with refusing_plugins():
        (fault,) = faults_of(small(fixed={"activation": "own_parts:Swish"}))
    assert "as --no-plugins is given" in str(fault)
    assert not any(name.startswith("own_parts") for name in sys.modules)
