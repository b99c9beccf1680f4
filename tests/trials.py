"""Trials and packs for tests: a small default, of which a test names what matters to it."""

from dataclasses import replace
from typing import Any

import numpy as np

from sweep.datasets.data import Data, DatasetSpec
from sweep.datasets.registry import load_data
from sweep.engines.state import Lane, Lanes
from sweep.planning.packs import Pack
from sweep.training.work import Work
from sweep.trial import Trial

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer_momentum": 0.9, "optimizer_dampening": 0.0, "optimizer_nesterov": False},
    "rmsprop": {"optimizer_rho": 0.9, "optimizer_epsilon": 1e-8, "optimizer_momentum": 0.0},
    "adagrad": {"optimizer_epsilon": 1e-10, "optimizer_initial_accumulator": 0.0},
    "adadelta": {"optimizer_rho": 0.9, "optimizer_epsilon": 1e-6},
    "adam": {"optimizer_beta1": 0.9, "optimizer_beta2": 0.999, "optimizer_epsilon": 1e-8},
    "adamw": {"optimizer_beta1": 0.9, "optimizer_beta2": 0.999, "optimizer_epsilon": 1e-8},
    "nadam": {
        "optimizer_beta1": 0.9,
        "optimizer_beta2": 0.999,
        "optimizer_epsilon": 1e-8,
        "optimizer_momentum_decay": 0.004,
    },
    "adamax": {"optimizer_beta1": 0.9, "optimizer_beta2": 0.999, "optimizer_epsilon": 1e-8},
    "rprop": {
        "optimizer_eta_minus": 0.5,
        "optimizer_eta_plus": 1.2,
        "optimizer_step_min": 1e-6,
        "optimizer_step_max": 50.0,
    },
    "quickprop": {"optimizer_max_growth": 1.75},
}


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
        optimizer=optimizer,
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
