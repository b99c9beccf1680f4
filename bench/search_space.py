"""The space of the comparison of searches: denoising digits, eight hyperparameters.

Says what is trained; trains nothing.
"""

from collections.abc import Mapping
from typing import Any

NAME = "searched"
EPOCHS = 40
"""Epochs of every trial."""
TRAINED_ON = 500
"""Digits trained on."""
DATASET = {"name": "digits", "validation": 0.2, "train_samples": TRAINED_ON}
FIXED = {
    "output_activation": "sigmoid",
    "initialiser": {"name": "xavier_uniform"},
    "loss": "mean_squared_error",
}
CHOICES: Mapping[str, list[Any]] = {
    "topology": ["64-16-64", "64-32-64", "64-32-16-32-64"],
    "activation": ["relu", "tanh"],
    "batch_size": [16, 32, 64, 128, 256],
}
INTERVALS: Mapping[str, dict[str, Any]] = {
    "noise": {"from": 0.01, "to": 0.5, "log": True},
    "hidden_dropout": {"from": 0.0, "to": 0.3},
    "weight_decay": {"from": 1e-7, "to": 1e-3, "log": True},
    "learning_rate": {"from": 1e-4, "to": 3e-2, "log": True},
    "beta1": {"from": 0.8, "to": 0.99},
}
LEVELS = {"noise": 3, "hidden_dropout": 3, "weight_decay": 3, "learning_rate": 6, "beta1": 3}
"""Of the reference grid, evenly from end to end of each interval."""
BARE = {"curves": False, "weights": False, "state": "none", "ladder": False}


def searching(search: Mapping[str, Any], **blocks: Any) -> dict[str, Any]:
    """Return the sweep of a search through the space; `blocks` are more of its file."""
    record = {"record": {**BARE, "validation_every": None}}
    return _sweep(INTERVALS) | record | {"search": dict(search)} | blocks


def reference() -> dict[str, Any]:
    """Return the sweep of the grid that searches are held to."""
    levels = {name: _levels(name) for name in INTERVALS}
    return _sweep(levels) | {"record": {**BARE, "validation_every": None}}


def _levels(name: str) -> dict[str, Any]:
    interval = INTERVALS[name]
    scale = "log" if interval.get("log") else "linear"
    return {scale: {"from": interval["from"], "to": interval["to"], "count": LEVELS[name]}}


def _sweep(ranges: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    nested = {"noise", "beta1"}
    grid = {
        **CHOICES,
        **{name: values for name, values in ranges.items() if name not in nested},
        "input_noise": [{"name": "gaussian", "scale": ranges["noise"]}],
        "optimizer": [{"name": "adam", "beta1": ranges["beta1"]}],
    }
    return {
        "name": NAME,
        "dataset": DATASET,
        "fixed": FIXED,
        "grid": grid,
        "convergence": {"epochs": EPOCHS},
    }
