"""Trials and packs for tests: a small default, of which a test names what matters to it."""

from dataclasses import replace
from typing import Any

import numpy as np

from sweep.components.columns import column_of
from sweep.components.registry import FAMILIES
from sweep.components.spec import REQUIRED, Option
from sweep.datasets.data import Data, DatasetSpec
from sweep.datasets.registry import load_data
from sweep.engines.state import Lane, Lanes
from sweep.pack import Pack
from sweep.training.work import Work
from sweep.trial import Trial


def sample(spec: Option) -> Any:
    """Return an option's default, or some value that it may have where it must be given."""
    if spec.default is not REQUIRED:
        return spec.default
    if spec.kind is not float:
        return spec.choices[0] if spec.choices else spec.kind(7)
    low = next((end for end in (spec.least, spec.above) if end is not None), 0.0)
    high = next((end for end in (spec.most, spec.below) if end is not None), low + 1.0)
    return (low + high) / 2


def columns_of(family: str, name: str, **options: Any) -> dict[str, Any]:
    """Return the columns of a built-in component, options that are left out as they may be."""
    specs = FAMILIES[family][name].options
    given = {option: sample(spec) for option, spec in specs.items()} | options
    return {family: name} | {column_of(family, option): given[option] for option in given}


OPTIMIZERS: dict[str, dict[str, Any]] = {
    name: columns_of("optimizer", name) for name in FAMILIES["optimizer"]
}
OPTIMIZERS["sgd"] |= {"optimizer_momentum": 0.9}
OPTIMIZERS["rmsprop"] |= {"optimizer_rho": 0.9}


def one_hot(size: int) -> Data:
    return load_data(DatasetSpec("one-hot", (("size", size),)))


def make_trial(**changes: Any) -> Trial:
    """Return 4-3-4, sigmoid, binary cross-entropy, RMSprop on one-hot data, with changes."""
    topology = changes.pop("topology", (4, 3, 4))
    optimizer = changes.pop("optimizer", "rmsprop")
    trial = Trial(
        dataset=f"one-hot-{topology[0]}",
        data_fingerprint=one_hot(topology[0]).fingerprint,
        topology=topology,
        activation="sigmoid",
        output_activation="sigmoid",
        initialiser="uniform",
        initialiser_constant=1.0,
        seed=0,
        loss="binary_cross_entropy",
        loss_semantics="keras",
        learning_rate=0.01,
        dtype="float64",
        max_epochs=100,
        **OPTIMIZERS[optimizer],
    )
    return replace(trial, **changes)


def lanes_of_trials(*trials: Trial) -> Lanes:
    """Return a lane for each trial."""
    return Lanes(tuple(Lane((trial,)) for trial in trials))


def make_work(*trials: Trial, engine: str = "torch", **changes: Any) -> Work:
    """Return the work of one pack of one-hot trials."""
    sizes = {trial.data_fingerprint: trial.topology[0] for trial in trials}
    specs = tuple((f, DatasetSpec("one-hot", (("size", n),))) for f, n in sizes.items())
    pack = Pack(
        pack_id="0" * 16,
        trials=trials,
        datasets=specs,
        engine=engine,
        device="cpu",
        cpus=1.0,
        gpus=0.0,
    )
    return Work(pack=pack, **changes)


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference relative to the largest magnitude."""
    scale = max(float(np.abs(b).max()), 1e-300)
    return float(np.abs(a - b).max()) / scale
