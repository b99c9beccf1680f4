"""Digits that everybody has: a linear autoencoder learns what principal components say of them.

Baldi and Hornik (1989), "Neural networks and principal component analysis": no linear autoencoder
does better than the projection on the leading eigenvectors of the covariance, and its squared error
has no other minima than that.
"""

from pathlib import Path

import numpy as np
import pytest

import sweep
from sweep.datasets import Data, DatasetError, DatasetSpec, load_data


def optimum(data: Data, width: int) -> float:
    """Return the least mean squared error through `width` linear units; biases centre."""
    variances = np.linalg.eigvalsh(np.cov(data.inputs.T, bias=True))
    return float(variances[:-width].sum() / data.features)


def test_digits_are_the_pictures_of_scikit_learn() -> None:
    data = load_data(DatasetSpec("digits"))
    assert data.name == "digits-1797"
    assert data.inputs.shape == (1797, 64)
    assert (data.inputs.min(), data.inputs.max()) == (0.0, 1.0)
    assert (data.inputs[0, :8] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert data.fingerprint == "9a4af74ba5de5195"


def test_fewer_digits_are_the_first_ones() -> None:
    data = load_data(DatasetSpec("digits", (("samples", 500),)))
    assert data.name == "digits-500"
    assert np.array_equal(data.inputs, load_data(DatasetSpec("digits")).inputs[:500])


def test_there_are_no_more_digits_than_there_are() -> None:
    with pytest.raises(DatasetError, match="have at most its 1,797 samples, not 1,798"):
        load_data(DatasetSpec("digits", (("samples", 1798),)))


@pytest.mark.slow
def test_a_linear_autoencoder_reaches_the_principal_components(tmp_path: Path) -> None:
    config = {
        "name": "linear",
        "dataset": {"name": "digits", "samples": 500},
        "fixed": {
            "topology": "64-8-64",
            "activation": "identity",
            "output_activation": "identity",
            "initialiser": "xavier_uniform",
            "loss": "mean_squared_error",
            "optimizer": "adam",
            "learning_rate": 0.01,
        },
        "grid": {"replicates": 3},
        "convergence": {"max_epochs": 2000},
    }
    sweep.run(config, output=tmp_path, use_ray=False)
    trials = sweep.read_trials(tmp_path, columns="all")
    best = optimum(load_data(DatasetSpec("digits", (("samples", 500),))), 8)
    assert best == pytest.approx(0.0203923, rel=1e-5)
    assert trials["engine"].unique().tolist() == ["fused"]
    assert trials["dataset"].unique().tolist() == ["digits-500"]
    assert (trials["final_loss"] > best).all()
    assert (trials["final_loss"] < 1.01 * best).all()
