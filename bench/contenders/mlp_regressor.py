"""scikit-learn's MLPRegressor: one pass over the data at a time, in the order that it is given.

It has identity outputs alone, so a work that ends in a sigmoid is a little less to it. Its loss is
half the squared error summed over the outputs and its epsilon Kingma and Ba's epsilon hat: with an
epsilon too small to matter, Adam makes the same of either.
"""

import numpy as np
from jaxtyping import Float64
from sklearn.neural_network import MLPRegressor

from bench.works import BETAS, LEARNING_RATE, ORDERS, Work

TINY = 1e-14


class Regressor:
    """One network, without noise, dropout or normalisation."""

    name = "scikit-learn"

    def __init__(self, work: Work, lanes: int = 1) -> None:
        """Begin with the network of seed 0."""
        assert lanes == 1, lanes
        assert not work.draws, work
        assert not work.normalised, work
        self._inputs, self._orders, self._epoch = work.inputs, work.orders(), 0
        self._model = MLPRegressor(
            hidden_layer_sizes=work.topology[1:-1],
            activation="relu",
            solver="adam",
            alpha=0.0,
            batch_size=work.batch,
            learning_rate_init=LEARNING_RATE,
            shuffle=False,
            beta_1=BETAS[0],
            beta_2=BETAS[1],
            epsilon=TINY,
        )
        self._model.partial_fit(self._inputs[: work.batch], self._inputs[: work.batch])
        arrays = work.start()
        layers = range(len(work.topology) - 1)
        self._model.coefs_ = [np.ascontiguousarray(arrays[f"{i}.weight"].T) for i in layers]
        self._model.intercepts_ = [arrays[f"{i}.bias"].copy() for i in layers]
        del self._model._optimizer  # what the first batch moved

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        for _ in range(epochs):
            samples = self._inputs[self._orders[self._epoch % ORDERS]]
            self._model.partial_fit(samples, samples)
            self._epoch += 1
        return np.array([2.0 * float(self._model.loss_)])
