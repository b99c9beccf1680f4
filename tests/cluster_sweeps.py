"""Sweep files for the tests of runs, small enough to train in a second."""

from pathlib import Path
from typing import Any

from sweep.config import SweepConfig, parse_config


def small_sweep(**blocks: Any) -> dict[str, Any]:
    """Return a sweep of four trials of 40 epochs each, with these blocks in place of its own."""
    tree: dict[str, Any] = {
        "name": "small",
        "dataset": {"name": "one-hot", "size": 4},
        "fixed": {
            "activation": "tanh",
            "output_activation": "sigmoid",
            "loss": "mean_squared_error",
            "optimizer": "sgd",
            "dtype": "float64",
            "topology": "4-2-4",
        },
        "grid": {
            "initialiser": {"name": "uniform", "constant": 1},
            "learning_rate": [0.1, 0.2],
            "replicates": 2,
        },
        "convergence": {"max_epochs": 40},
    }
    return tree | blocks


def small_config(*overrides: str, **blocks: Any) -> SweepConfig:
    return parse_config(small_sweep(**blocks), overrides)


def write_module(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)
