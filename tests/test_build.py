"""Claims: a sweep made in Python is that of the file, is completed by editors, and cannot drift."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

import sweep
from sweep import build
from sweep.build import (
    Block,
    Convergence,
    Family,
    Fixed,
    Grid,
    Sweep,
    dataset,
    interval,
    linear_range,
    log_range,
    optimizer,
    rule,
)
from sweep.components.registry import FAMILIES, STOP_RULES
from sweep.config import load_config, parse_config
from sweep.config.parameters.data_sets import Dataset
from sweep.config.sweepfile import SweepConfig
from sweep.errors import ConfigError
from sweep.planning import expand

MADE = Sweep(
    name="made",
    dataset=dataset.one_hot(size=8),
    fixed=Fixed(
        topology="8-3-8",
        output_activation="sigmoid",
        loss="mean_squared_error",
        initialiser="xavier_uniform",
    ),
    grid=Grid(
        activation=["tanh", "sigmoid"],
        optimizer=optimizer.adam(beta1=[0.8, 0.9]),
        learning_rate=log_range(1e-3, 1e-1, 3),
        replicates=2,
    ),
    convergence=Convergence(delta=rule.delta(tolerance=1e-4, patience=5), max_epochs=100),
)
WRITTEN = """
name: made
dataset: {name: one-hot, size: 8}
fixed:
  topology: 8-3-8
  output_activation: sigmoid
  loss: mean_squared_error
  initialiser: xavier_uniform
grid:
  activation: [tanh, sigmoid]
  optimizer: {name: adam, beta1: [0.8, 0.9]}
  learning_rate: {log: {from: 0.001, to: 0.1, count: 3}}
  replicates: 2
convergence: {delta: {tolerance: 1e-4, patience: 5}, max_epochs: 100}
"""


def ids(config: SweepConfig) -> list[str]:
    return [trial.trial_id for trial in expand(config)]


def test_a_sweep_made_in_python_has_the_trials_of_the_file(tmp_path: Path) -> None:
    of_file = ids(parse_config(WRITTEN))
    assert len(of_file) == 24
    assert ids(MADE.config()) == of_file
    path = MADE.save(tmp_path / "made.yaml")
    assert ids(load_config(path)) == of_file
    assert path.read_text().startswith(f"# sweep run {path}\n")


def test_a_saved_sweep_holds_what_numpy_and_pandas_gave(tmp_path: Path) -> None:
    made = {
        "name": "arrays",
        "dataset": np.eye(4),
        "fixed": {**MADE["fixed"], "topology": "4-2-4"},
        "grid": {**MADE["grid"], "learning_rate": np.logspace(-3, -1, 3)},
        "convergence": {"epochs": np.int64(5)},
    }
    path = sweep.save(made, tmp_path / "arrays.yaml")
    (file,) = (tmp_path / "data").iterdir()
    np.testing.assert_array_equal(np.load(file), np.eye(4))
    assert len(ids(load_config(path))) == 24
    frame = pd.DataFrame(np.eye(4), columns=list("abcd"))
    table = Sweep(**made | {"dataset": dataset.table(path=frame, scale="unit")})
    sweep.save(table, path)
    assert len(ids(load_config(path))) == 24


def test_what_is_wrong_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    wrong = Sweep(**{**MADE, "fixed": Fixed(activation="rleu")})
    with pytest.raises(ConfigError, match="did you mean 'relu'"):
        wrong.save(tmp_path / "wrong.yaml")
    with pytest.raises(ConfigError, match=r"path must end in \.yaml or \.yml"):
        MADE.save(tmp_path / "made.txt")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_keyword_is_told_at_once_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"got 'learning_rte'; did you mean 'learning_rate'\?"):
        Grid(learning_rte=0.1)
    with pytest.raises(ConfigError, match="must be left out: there are no options"):
        build.activation.tanh(slope=1)
    with pytest.raises(ConfigError, match="name"):
        optimizer.adam(name="sgd")
    with pytest.raises(AttributeError, match=r"got 'adm'; did you mean 'adam'\?"):
        _ = optimizer.adm


def test_parts_are_mappings_of_what_was_given() -> None:
    assert dict(optimizer.adam(beta1=0.8)) == {"name": "adam", "beta1": 0.8}
    assert dict(dataset.digits_28x28()) == {"name": "digits-28x28"}
    assert dict(rule.target(loss=0.1)) == {"loss": 0.1}
    assert repr(Grid(seed=[1], skip="none")) == "Grid(seed=[1], skip='none')"
    assert linear_range(0, 1, 3) == {"linear": {"from": 0, "to": 1, "count": 3}}
    assert interval(0.1, 1.0, log=True) == {"from": 0.1, "to": 1.0, "log": True}


def blocks() -> Iterator[type[Block]]:
    for found in vars(build).values():
        if isinstance(found, type) and issubclass(found, Block) and found is not Block:
            yield found
        elif isinstance(found, Family):
            yield from (getattr(found, name) for name in dir(found))


def test_the_classes_have_the_keys_of_the_schema() -> None:
    found = list(blocks())
    assert len(found) > 60
    for block in found:
        keys = set(block.model.model_fields) - set(block.keys_given)
        assert set(inspect.signature(block).parameters) == keys
        assert all(f"    {key}: " in (block.__doc__ or "") for key in keys)


def test_every_component_data_set_and_rule_can_be_called() -> None:
    for key in set(FAMILIES) - {"network"}:
        named = {name.replace("_", "-") for name in dir(getattr(build, key))}
        fit = {n for n, c in FAMILIES[key].items() if key != "activation" or c.hidden}  # type: ignore[attr-defined]
        assert {name.replace("_", "-") for name in fit} <= named, key
    assert set(dir(rule)) == set(STOP_RULES)
    sources = {m.__name__ for m in get_args(get_args(Dataset)[0])} - {"PluginDataset"}
    assert {getattr(dataset, name).model.__name__ for name in dir(dataset)} == sources


def test_every_block_of_a_sweep_has_a_class() -> None:
    models = {block.model for block in blocks()}
    for field in SweepConfig.model_fields.values():
        kinds = [field.annotation, *get_args(field.annotation)]
        named = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        assert set(named) <= models


@pytest.fixture(scope="module")
def completed() -> Iterator[Any]:
    """What IPython, which asks jedi, offers for the end of a line."""
    from IPython.core.completer import provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_cell("import sweep; from sweep.build import *")
    shell.Completer.use_jedi = True

    def complete(line: str) -> list[str]:
        with provisionalcompleter():
            return [found.text for found in shell.Completer.completions(line, len(line))]

    yield complete
    InteractiveShell.clear_instance()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sweep.Sweep(na", ["name="]),
        ("Grid(learning_", ["learning_rate=", "learning_rate_schedule="]),
        ("optimizer.rm", ["rmsprop"]),
        ("optimizer.adam(be", ["beta1=", "beta2="]),
        ("dataset.table(targ", ["targets="]),
        ("rule.del", ["delta"]),
        ("sweep.resul", ["results"]),
    ],
)
def test_a_notebook_completes_it(completed: Any, line: str, offered: list[str]) -> None:
    assert set(offered) <= set(completed(line))
