"""Claims: a user's own network is checked before it is trained, and trained as any other is."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import sweep
from sweep.config import parse_config
from sweep.datasets.data import Data
from sweep.datasets.registry import load_data
from sweep.engines.contract import Engine
from sweep.engines.evaluation import evaluate
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import Lanes, LaneState
from sweep.engines.torch.engine import TorchEngine
from sweep.engines.torch.own_network import OwnModule, OwnNetworks, most_lanes
from sweep.errors import ConfigError
from sweep.nets.autoencoder import network_at
from sweep.nets.initialisers import initial_parameters
from sweep.nets.layout import decay_shares, layout_of
from sweep.pack import Pack
from sweep.planning import expand
from sweep.planning.engines import unfused
from sweep.planning.plan import make_plan
from sweep.plugins.networks import facts_of
from sweep.reports.recorded import NotKnown, asked_for
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.encoding import table_set_of
from sweep.training.pool import train_pack
from sweep.training.work import Finished, Work, freeze, thaw
from sweep.trial import Trial
from tests.trials import lanes_of_trials, relative_difference

EXAMPLE = Path(__file__).parent.parent / "examples/own_network.yaml"
MODULE = '''
import random
from typing import Literal

import torch
from torch import nn


class Plain(nn.Module):
    """Two layers, with an option of each kind."""

    def __init__(
        self, features, outputs, code: int = 2, scale: float = 1.0, bias=True,
        form: Literal["relu", "tanh"] = "tanh", cut: float | None = None,
    ):
        super().__init__()
        self.there, self.back = nn.Linear(features, code, bias=bias), nn.Linear(code, outputs)
        self.scale, self.form, self.cut = scale, getattr(torch, form), cut

    def encode(self, x):
        return self.form(self.scale * self.there(x))

    def decode(self, code):
        return torch.sigmoid(self.back(code))


def convolutional(features, channels: int = 3):
    """Codes of several axes, and batch normalisation, which counts its batches."""
    return Convolutional(channels, momentum=0.1)


def cumulative(features):
    """Looks at how many batches there were, for the mean over all of them."""
    return Convolutional(3, momentum=None)


class Convolutional(nn.Module):
    def __init__(self, channels, momentum):
        super().__init__()
        self.there = nn.Conv1d(1, channels, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(channels, momentum=momentum)
        self.back = nn.ConvTranspose1d(channels, 1, 4, stride=2, padding=1)

    def encode(self, x):
        return torch.tanh(self.norm(self.there(x.reshape(len(x), 1, -1))))

    def decode(self, code):
        return self.back(code).flatten(1)


class Tied(Plain):
    """Decodes by the transposed weights, and never uses the layer back."""

    def decode(self, code):
        return code @ self.there.weight


class Dropout(Plain):
    def encode(self, x):
        return nn.functional.dropout(super().encode(x), 0.4, self.training)


class Branching(Plain):
    """Looks at its values, which vmap cannot."""

    def encode(self, x):
        code = super().encode(x)
        return code if code.sum() > 0 else 2 * code


class Norm(Plain):
    def __init__(self, features):
        super().__init__(features, features, code=3)
        self.norm = nn.BatchNorm1d(3)

    def encode(self, x):
        return self.norm(super().encode(x))


class NoDecode(nn.Module):
    def encode(self, x):
        return x


class WrongShape(Plain):
    def decode(self, code):
        return super().decode(code)[:, None]


class OneCode(Plain):
    def encode(self, x):
        return super().encode(x).sum(dim=0)


class Raising(Plain):
    def encode(self, x):
        raise ZeroDivisionError("of mine")


class Counting(Plain):
    calls = 0

    def encode(self, x):
        self.calls += 1
        return super().encode(x) + self.calls


class PythonDraws(Plain):
    def encode(self, x):
        return super().encode(x) + random.random()


class AlwaysDrawing(Plain):
    def encode(self, x):
        return super().encode(x) + torch.randn(len(x), 1)


class PythonStart(Plain):
    def __init__(self, features, outputs):
        super().__init__(features, outputs)
        nn.init.constant_(self.back.weight, random.random())


class Frozen(Plain):
    def __init__(self, features, outputs):
        super().__init__(features, outputs)
        self.back.weight.requires_grad_(False)


class Lazy(Plain):
    def __init__(self, features, outputs):
        super().__init__(features, outputs)
        self.back = nn.LazyLinear(outputs)


class Late(Plain):
    """Raises once it is trained a little."""

    def __init__(self, features, outputs, late=False):
        super().__init__(features, outputs)
        self.late = late
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def encode(self, x):
        if self.training:
            self.calls += 1
        if self.late and self.calls > 5:
            raise ArithmeticError("too late")
        return super().encode(x)


class Infinite(Plain):
    def encode(self, x):
        return super().encode(x) / 0


def empty(features):
    return nn.Identity()


def listed(features, widths=(3, 2)):
    return Plain(features, features)


def build(build):
    return Plain(4, 4)


def choosy(features, code: int):
    if code > 3:
        raise ValueError("code must be at most 3")
    return Plain(features, features, code)
'''
TASK: dict[str, Any] = {
    "loss": "mean_squared_error",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "dtype": "float64",
}
DATA = {"name": "uniform", "samples": 12, "features": 8}
KINDS = {
    "Plain": "vmap",
    "convolutional": "vmap",
    "cumulative": "loop",
    "Tied": "vmap",
    "Dropout": "loop",
    "Branching": "loop",
}


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_here.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])


def own(network: str | dict[str, Any], **fixed: Any) -> dict[str, Any]:
    """Return a sweep of a network of this file's module."""
    given = {"name": network} if isinstance(network, str) else network
    named = given | {"name": f"nets_here:{given['name']}"}
    return {
        "name": "own",
        "dataset": DATA,
        "fixed": {**TASK, "network": named, **fixed},
        "convergence": {"max_epochs": 20},
    }


def varied(network: dict[str, Any], **grid: Any) -> dict[str, Any]:
    """Return the same with the options of the network as axes."""
    tree = own(network)
    for name in grid.keys() & tree["fixed"].keys():
        del tree["fixed"][name]
    return tree | {"grid": {"network": tree["fixed"].pop("network"), **grid}}


def trials_of(sweep_file: Mapping[str, Any]) -> list[Trial]:
    return list(expand(parse_config(sweep_file)))


def trial_of(network: str | dict[str, Any], **fixed: Any) -> Trial:
    (trial,) = trials_of(own(network, **fixed))
    return trial


def data() -> Data:
    (spec,) = expand(parse_config(own("Plain"))).datasets.values()
    return load_data(spec)


def faults(sweep_file: Mapping[str, Any] | str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_config(sweep_file)
    return [str(fault) for fault in raised.value.faults]


def test_each_argument_is_an_option_and_an_axis() -> None:
    network = {"name": "Plain", "code": [2, 3], "scale": 0.5, "form": "relu", "cut": None}
    two, three = trials_of(varied(network))
    assert two.network_options == "bias=true,code=2,form=relu,scale=0.5"
    assert (two.topology, three.topology) == ((8, 2, 8), (8, 3, 8))
    assert (two.activation, two.output_activation, two.initialiser) == ("own", "own", "own")
    assert two.path_id != three.path_id
    assert two.pack_key != three.pack_key
    assert layout_of(two).n_parameters == 8 * 2 + 2 + 2 * 8 + 8


def test_the_code_is_part_of_the_identity(tmp_path: Path) -> None:
    before = trial_of("Plain")
    (tmp_path / "nets_here.py").write_text(f"{MODULE}\n# edited\n")
    after = trial_of("Plain")
    assert before.path_id != after.path_id


def test_networks_and_perceptrons_share_a_sweep() -> None:
    perceptron = {
        "topology": "8-2-8",
        "activation": "tanh",
        "output_activation": "sigmoid",
        "initialiser": "torch_linear",
    }
    tree = own("Plain") | {"grid": [{"network": "nets_here:Plain"}, perceptron]}
    del tree["fixed"]["network"]
    mine, plain = trials_of(tree)
    assert (mine.activation, plain.activation) == ("own", "tanh")
    assert plain.network is None
    assert plain.path_id == trials_of(tree | {"grid": perceptron})[0].path_id


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("NoDecode", "make a torch.nn.Module with the methods encode and decode (got NoDecode"),
        ("empty", "make a torch.nn.Module with the methods encode and decode (got Identity"),
        ("WrongShape", "decode codes to outputs of shape (samples, outputs) = (3, 8) (got (3, 1"),
        ("OneCode", "encode (samples, features) = (3, 8) to a code for each sample (got shape (2"),
        ("Raising", "encode and decode samples of shape (3, 8), dtype float64 (it raised ZeroDiv"),
        ("Counting", "keep what changes in buffers, and draw from PyTorch's generator alone (two"),
        ("PythonDraws", "keep what changes in buffers, and draw from PyTorch's generator alone"),
        ("PythonStart", "draw its initial weights from PyTorch's generator alone (made twice"),
        ("AlwaysDrawing", "draw nothing in evaluation mode (two seeds gave two outputs)"),
        ("Frozen", "train every parameter; what stays is a buffer (got back.weight, which is"),
        ("Lazy", "have no lazy layers (got back.weight, whose shape is not known)"),
        ("listed", "have arguments whose defaults or annotations say that they are numbers, true"),
        ("build", "have another argument in place of build (got 'nets_here:build')"),
        ("absent", "name something defined at the top of module nets_here"),
        ({"name": "choosy", "code": 4}, "make a network (it raised ValueError: code must be at"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_training(network: Any, said: str) -> None:
    (fault,) = faults(own(network))
    assert fault.replace(".name", "").startswith(f"sweep: fixed.network must {said}"), fault


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (own("Plain", topology="8-2-8"), "stand in place of topology, not beside it"),
        (
            own("Plain", activation="tanh", skip="none"),
            "stand without what is said of perceptrons alone (got activation, skip; its own code "
            "decides them; of other grids' networks say them there, not in fixed)",
        ),
        (own("Norm", batch_size=11), "meet batches of two samples or more, the last included: it"),
    ],
)
def test_what_a_network_cannot_meet_is_one_fault(tree: dict[str, Any], said: str) -> None:
    (fault,) = faults(tree)
    assert fault.startswith(f"sweep: fixed.network must {said}"), fault


def test_dropout_of_inputs_is_that_of_perceptrons() -> None:
    trial = trial_of("Plain", input_dropout=0.3, weight_l1=0.01, batch_size=5)
    mine, reference = engines(trial)
    lanes = pack_beside(trial)
    found, expected = mine.begin(lanes), reference.begin(lanes)
    mine.advance(lanes, found, 3)
    reference.advance(lanes, expected, 3)
    assert relative_difference(numbers(found), numbers(expected)) < 1e-12
    whole = replace(trial, input_dropout=0.0)
    other = engines(whole)[0]
    without = other.begin(pack_beside(whole))
    other.advance(pack_beside(whole), without, 3)
    assert relative_difference(numbers(found), numbers(without)) > 1e-3


@pytest.mark.parametrize(
    "given",
    [
        {"hidden_dropout": 0.1},
        {"contractive_penalty": 0.1},
        {"sparsity": {"name": "kl", "target": 0.1, "weight": 0.1}},
    ],
)
def test_what_regularises_units_of_perceptrons_is_refused(given: dict[str, Any]) -> None:
    (fault,) = faults(own("Plain", **given))
    assert f"what is said of perceptrons alone (got {next(iter(given))};" in fault


def test_a_loss_of_what_outputs_are_made_of_is_refused() -> None:
    loss = {"name": "binary_cross_entropy", "semantics": "logits"}
    (fault,) = faults(own("Plain", loss=loss))
    assert "fixed.loss must be of outputs with a network of your own" in fault


def test_data_whose_size_would_follow_from_the_topology_must_say_it() -> None:
    (fault,) = faults(own("Plain") | {"dataset": "one-hot"})
    assert "dataset must have a size where a network of your own learns it" in fault


def test_lines_of_wrong_options_are_said() -> None:
    text = """name: a
dataset: {name: one-hot, size: 8}
fixed:
  network:
    name: nets_here:Plain
    code: 1.5
    frm: relu
  loss: mean_squared_error
  optimizer: adam
  learning_rate: 0.1
convergence: {epochs: 3}
"""
    assert faults(text) == [
        "sweep:6: fixed.network.code must be a whole number (got 1.5)",
        "sweep:7: fixed.network.frm must be one of name, code, scale, bias, form, cut (got 'frm'; "
        "did you mean 'form'?)",
    ]


def test_the_fused_engine_is_refused_by_the_name_of_the_network() -> None:
    assert unfused(trial_of("Plain")) == ("network nets_here:Plain",)
    with pytest.raises(ConfigError, match="engine fused must not meet network nets_here:Plain"):
        make_plan(parse_config(own("Plain") | {"resources": {"engine": "fused"}}))


def engines(trial: Trial) -> tuple[TorchEngine, ReferenceEngine]:
    return TorchEngine(trial, data()), ReferenceEngine(trial, data())


def pack_beside(trial: Trial) -> Lanes:
    others = replace(trial, seed=1, learning_rate=0.02), replace(trial, seed=2)
    return lanes_of_trials(trial, *others)


def numbers(state: LaneState) -> np.ndarray:
    """Return parameters, buffers, loss and slots side by side."""
    groups = [*state.slots.values(), *state.buffers.values()]
    return np.concatenate([state.parameters, *groups, state.previous_loss[:, None]], axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_vmap_cannot_do_is_looped(kind: str) -> None:
    assert engines(trial_of(kind))[0].lanes_by == KINDS[kind]


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_the_reference_engines(kind: str, dtype: str, close: float) -> None:
    given = {"weight_decay": 0.01, "decay_biases": False, "code_penalty": 0.1}
    trial = trial_of(kind, batch_size=5, dtype=dtype, **given)
    mine, reference = engines(trial)
    lanes = pack_beside(trial)
    state = reference.begin(lanes)
    np.testing.assert_array_equal(numbers(mine.begin(lanes)), numbers(state))
    for _ in range(3):
        found, expected = state.copy(), state.copy()
        mine.advance(lanes, found, 1)
        reference.advance(lanes, expected, 1)
        assert relative_difference(numbers(found), numbers(expected)) < close
        reference.advance(lanes, state, 4)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lane_is_the_same_alone_and_in_any_pack(kind: str, full: bool) -> None:
    trial = trial_of(kind, **({} if full else {"batch_size": 4, "sample_order": "fixed"}))
    lanes, alone = pack_beside(trial), lanes_of_trials(trial)
    engine = engines(trial)[0]
    beside, single = engine.begin(lanes), engine.begin(alone)
    engine.advance(lanes, beside, 6)
    engine.advance(alone, single, 6)
    assert relative_difference(numbers(beside)[0], numbers(single)[0]) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_lanes_in_evaluation_mode_are_the_networks_alone(kind: str) -> None:
    trial = trial_of(kind)
    engine, _ = engines(trial)
    lanes = pack_beside(trial)
    state = engine.begin(lanes)
    engine.advance(lanes, state, 3)
    inputs = torch.tensor(data().inputs)
    buffers = {name: torch.from_numpy(buffer) for name, buffer in state.buffers.items()}
    before = numbers(state)
    networks = OwnNetworks(
        OwnModule.of(trial, inputs),
        lanes,
        torch.from_numpy(state.parameters),
        buffers,
        training=False,
    )
    found = networks.forward(inputs)
    for row, lane in enumerate(lanes.lanes):
        alone = network_at(lane.path, state.network(row)).logits(inputs)
        torch.testing.assert_close(found.outputs[row], alone)
    np.testing.assert_array_equal(numbers(state), before)


@pytest.mark.parametrize("kind", ["convolutional", "cumulative", "Dropout"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_resumed_training_has_the_same_bits(kind: str, place: int) -> None:
    trial = trial_of(kind, batch_size=5)
    engine: Engine = engines(trial)[place]
    lanes = pack_beside(trial)
    whole = engine.begin(lanes)
    engine.advance(lanes, whole, 7)
    parted = engine.begin(lanes)
    engine.advance(lanes, parted, 3)
    thawed, _, _ = thaw(freeze(parted, lanes.lanes, []))
    assert thawed is not None
    engines(trial)[place].advance(lanes, thawed, 4)
    np.testing.assert_array_equal(numbers(whole), numbers(thawed))


def test_counters_are_kept_among_the_buffers() -> None:
    trial = trial_of("convolutional", batch_size=4)
    engine, _ = engines(trial)
    lanes = lanes_of_trials(trial)
    state = engine.begin(lanes)
    engine.advance(lanes, state, 2)
    assert state.buffers["norm.num_batches_tracked"].tolist() == [[6.0]]
    names = [array.name for array in layout_of(trial).buffers]
    assert names == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]


def test_initial_weights_are_the_modules_own_by_the_seed_alone() -> None:
    trial = trial_of("Plain")
    before = torch.get_rng_state()
    first = initial_parameters(trial)
    torch.rand(3)
    np.testing.assert_array_equal(initial_parameters(trial), first)
    assert not np.array_equal(initial_parameters(replace(trial, seed=1)), first)
    torch.set_rng_state(before)
    initial_parameters(trial)
    assert torch.equal(torch.get_rng_state(), before)
    weights = first[:16]
    assert np.abs(weights).max() <= 8**-0.5
    assert np.abs(weights).max() > 0.5 * 8**-0.5


def test_arrays_of_one_axis_count_as_biases_and_to_codes_what_these_depend_on() -> None:
    trial = trial_of("Plain", decay_biases=False)
    layout = layout_of(trial)
    assert [array.name for array in layout.parameters] == [
        "there.weight",
        "there.bias",
        "back.weight",
        "back.bias",
    ]
    assert [array.layer.index for array in layout.parameters] == [0, 0, 1, 1]
    shares = decay_shares(trial)
    assert [shares[array.place].mean() for array in layout.parameters] == [1, 0, 1, 0]


def test_lanes_side_by_side_are_as_many_as_memory_holds() -> None:
    assert facts_of(trial_of("convolutional")).activations == 3 * 4 + 3 * 4 + 8
    assert most_lanes(32, 64) > 10_000
    assert most_lanes(1_000_000, 1_000) == 1


def run(tree: Mapping[str, Any], output: Path) -> Path:
    summary = sweep.run(tree, output=output, use_ray=False)
    return Path(str(summary.output))


def test_a_lane_whose_code_raises_fails_alone(tmp_path: Path) -> None:
    tree = varied({"name": "Late", "late": [False, True]}, replicates=2)
    trials = sweep.read_trials(run(tree, tmp_path / "out"), columns="all")
    ends = trials.set_index("network_options").sort_index()
    assert ends["status"].tolist() == ["finished", "finished", "failed", "failed"]
    failed = ends[ends["status"] == "failed"]
    assert failed["error"].tolist() == ["ArithmeticError: too late"] * 2
    assert failed["epochs"].tolist() == [5, 5]


def test_a_start_that_is_not_finite_is_a_row(tmp_path: Path) -> None:
    (trial,) = sweep.read_trials(run(own("Infinite"), tmp_path / "out"), columns="all").to_dict(
        "records"
    )
    assert (trial["status"], trial["epochs"]) == ("diverged", 1)


@pytest.mark.slow
def test_a_model_wants_the_code_that_it_was_trained_with(tmp_path: Path) -> None:
    path = run(own("Plain"), tmp_path / "out")
    (trial_id,) = sweep.read_trials(path, columns="all")["trial_id"]
    (tmp_path / "nets_here.py").write_text(f"{MODULE}\n# edited\n")
    code = f"import sweep; sweep.load_model({str(path)!r}, {trial_id!r})"
    afresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "PluginError: nets_here:Plain: source must be the plan's, digest" in afresh.stderr


def test_a_worker_with_other_code_gives_failed_rows(tmp_path: Path) -> None:
    trial = replace(trial_of("Plain"), network="nets_here:Plain@0123456789abcdef")
    pack = Pack(
        pack_id="0" * 16,
        trials=(trial,),
        datasets=tuple(expand(parse_config(own("Plain"))).datasets.items()),
        engine="torch",
        device="cpu",
        cpus=1.0,
        gpus=0.0,
    )
    ended = [
        e for e in train_pack(Work(pack), should_stop=lambda: False) if isinstance(e, Finished)
    ]
    (row,) = table_set_of(ended[0].results, "own").tables[TableName.TRIALS].to_pylist()
    assert (row["status"], row["n_parameters"], row["topology"]) == ("failed", None, "8-2-8")
    assert "source must be the plan's, digest 0123456789abcdef" in row["error"]


def test_excluded_and_zipped_networks_are_those_of_the_grid() -> None:
    network = {"name": "Plain", "code": [2, 3, 4]}
    tree = varied(network, learning_rate=[0.1, 0.2], exclude=[{"topology": "8-3-8"}])
    kept = [(t.topology[1], t.learning_rate) for t in trials_of(tree)]
    assert sorted(kept) == [(2, 0.1), (2, 0.2), (4, 0.1), (4, 0.2)]
    named = [{"name": "nets_here:Plain"}, {"name": "nets_here:Tied", "code": 3}]
    zipped = {"network": named, "learning_rate": [0.1, 0.2], "zip": ["network", "learning_rate"]}
    tree |= {"grid": zipped}
    assert [(t.topology[1], t.learning_rate) for t in trials_of(tree)] == [(2, 0.1), (3, 0.2)]


def test_rows_weights_and_probes_are_of_the_module(tmp_path: Path) -> None:
    record = {"gradients": True, "codes": "all"}
    tree = own("convolutional", input_noise={"name": "gaussian", "scale": 0.1})
    tree |= {"record": record, "dataset": DATA | {"validation": 0.25}}
    path = run(tree, tmp_path / "out")
    (trial,) = sweep.read_trials(path, columns="all").to_dict("records")
    assert (trial["status"], trial["lanes_by"], trial["bottleneck"]) == ("finished", "vmap", 12)
    for column in ("dead_units", "saturated_share", "unit_distance"):
        assert pd.isna(trial[column]), column
    network = sweep.load_model(path, trial["trial_id"])
    assert isinstance(network, nn.Module)
    assert type(network).__name__ == "Convolutional"
    assert not network.training
    assert int(network.get_buffer("norm.num_batches_tracked")) == 20
    (spec,) = expand(parse_config(tree)).datasets.values()
    held = load_data(spec)
    inputs = torch.tensor(held.inputs)
    outputs = network.decode(network.encode(inputs))
    assert (outputs - inputs).square().mean().item() == pytest.approx(trial["final_loss"])
    layers = sweep.read_gradients(path)
    assert set(layers["layer"]) == {0, 1}
    assert (layers["gradient_norm"] > 0).all()
    codes = sweep.read_codes(path)
    assert len(codes) == 9 * 12
    torch.testing.assert_close(
        torch.tensor(codes["activation"].to_numpy().reshape(9, 12)),
        network.encode(inputs).detach().flatten(1),
    )


def test_a_checkpointed_trial_is_gone_on_with(tmp_path: Path) -> None:
    tree = own("Dropout", batch_size=5)
    more = tree | {"convergence": {"max_epochs": 30}}
    ends = [sweep.read_trials(run(more, tmp_path / "whole"), columns="all")]
    run(tree, tmp_path / "parted")
    ends.append(sweep.read_trials(run(more, tmp_path / "parted"), columns="all"))
    whole, parted = (trials[trials["max_epochs"] == 30].iloc[0] for trials in ends)
    assert (whole["resumed_from"], parted["resumed_from"]) == (0, 20)
    assert parted["final_loss"] == whole["final_loss"]


@pytest.mark.parametrize("kind", ["convolutional", "Dropout"])
def test_held_out_losses_stop_and_restore_as_in_the_reference_engine(
    kind: str, tmp_path: Path
) -> None:
    rule = {"patience": 5, "min_delta": 0.0, "monitor": "validation_loss"}
    tree = own(kind, learning_rate=0.1, batch_size=4)
    tree |= {"dataset": DATA | {"validation": 0.25}}
    tree |= {"convergence": {"early_stopping": rule, "max_epochs": 60, "restore": "best"}}
    rows = []
    for engine in ("torch", "reference"):
        path = run(tree | {"resources": {"engine": engine}}, tmp_path / engine)
        (row,) = sweep.read_trials(path, columns="all").to_dict("records")
        curve = sweep.read_curves(path)["validation_loss"].to_numpy()
        rows.append((row["stop_reason"], row["epochs"], row["weights_epoch"]))
        assert np.nanmin(curve) == pytest.approx(row["validation_loss"])
    assert rows[0] == rows[1]
    assert rows[0][2] < rows[0][1] < 60


def test_reading_results_makes_no_network(tmp_path: Path) -> None:
    path = run(own("Plain"), tmp_path / "out")
    found = asked_for(ResultsDir.at(path))
    assert isinstance(found, NotKnown)
    assert "must be run to tell, which reading results does not do" in found.reason


def test_an_evaluation_takes_parameters_that_a_pass_leaves_out() -> None:
    trial = trial_of("Tied")
    found = evaluate(trial, initial_parameters(trial), data())
    assert np.isfinite(found.gradient_norm)


def test_the_network_of_the_document_is_that_of_the_example() -> None:
    page = (EXAMPLE.parent.parent / "docs/plugins.md").read_text("utf-8")
    section = page.partition("## A network of your own\n")[2]
    shown = section.partition("```python\n")[2].partition("```")[0]
    assert shown in EXAMPLE.with_suffix(".py").read_text("utf-8")


@pytest.mark.slow
def test_the_example_trains_to_the_same_end_in_both_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = {}
    for engine in ("torch", "reference"):
        overrides = [f"resources.engine={engine}", "fixed.dtype=float64"]
        output = tmp_path / engine
        summary = sweep.run(EXAMPLE, overrides=overrides, output=output, use_ray=False)
        trials = sweep.read_trials(summary.output, columns="all").set_index("trial_id").sort_index()
        assert set(trials["status"]) == {"finished"}, set(trials["traceback"])
        found[engine] = trials
    mine = found["torch"]
    np.testing.assert_allclose(mine["final_loss"], found["reference"]["final_loss"], rtol=1e-6)
    own_rows = mine["network"].notna()
    assert set(mine.loc[own_rows, "lanes_by"]) == {"vmap"}
    assert mine.loc[~own_rows, "lanes_by"].isna().all()
    sizes = mine["n_parameters"]
    assert abs(sizes[own_rows].max() / sizes[~own_rows].max() - 1) < 0.05
    assert (mine["validation_loss"] < 0.09).all()  # the mean image alone is at 0.087
