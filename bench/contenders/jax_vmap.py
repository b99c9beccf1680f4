"""JAX: one network's update under vmap, with the loop over epochs inside one jit.

With the lanes innermost and sums in place of matrix products it took two to four times as long.
"""

import os

# before JAX is imported: one thread, as for every other contender
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from bench.contenders.contender import Weights
from bench.problem import CLIP, EPSILON, LEARNING_RATE, RHO
from sweep.nets.topology import layers_of

# for the float64 sum; all else is float32
jax.config.update("jax_enable_x64", True)

Params = list[tuple[jax.Array, jax.Array]]


class JaxVmap:
    """Networks under vmap; one alone without it."""

    name = "JAX"

    def __init__(self, weights: Weights, topology: tuple[int, ...]) -> None:
        """Begin at `weights`."""
        alone = len(weights) == 1
        params = [
            (
                jnp.asarray(weights[:, layer.weights].reshape(-1, layer.fan_out, layer.fan_in)),
                jnp.asarray(weights[:, layer.biases]),
            )
            for layer in layers_of(topology)
        ]
        if alone:
            params = jax.tree.map(lambda leaf: leaf[0], params)
        self._carry = (params, jax.tree.map(jnp.zeros_like, params))
        self._inputs = jnp.eye(topology[0], dtype=jnp.float32)
        self._train = partial(jax.jit(_train, static_argnames="alone"), alone=alone)

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        self._carry, losses = self._train(self._carry, self._inputs, epochs)
        return np.atleast_1d(np.asarray(losses))


def _loss(params: Params, inputs: jax.Array) -> jax.Array:
    activations = inputs
    for weights, biases in params:
        activations = jax.nn.sigmoid(activations @ weights.T + biases)
    outputs = jnp.clip(activations, CLIP, 1 - CLIP)
    terms = inputs * jnp.log(outputs) + (1 - inputs) * jnp.log(1 - outputs)
    return -terms.sum(dtype=jnp.float64) / inputs.size


def _update(params: Params, squares: Params, inputs: jax.Array) -> tuple[Params, Params, jax.Array]:
    loss, gradients = jax.value_and_grad(_loss)(params, inputs)
    squares = jax.tree.map(lambda a, g: RHO * a + (1 - RHO) * g * g, squares, gradients)
    params = jax.tree.map(
        lambda p, a, g: p - LEARNING_RATE * g / (jnp.sqrt(a) + EPSILON), params, squares, gradients
    )
    return params, squares, loss


def _train(carry: Any, inputs: jax.Array, epochs: Any, *, alone: bool) -> Any:
    update: Any = _update if alone else jax.vmap(_update, in_axes=(0, 0, None))

    def body(_: Any, state: Any) -> Any:
        (params, squares), _losses = state
        params, squares, losses = update(params, squares, inputs)
        return (params, squares), losses

    shape = () if alone else carry[0][0][0].shape[:1]
    return jax.lax.fori_loop(0, epochs, body, (carry, jnp.zeros(shape, jnp.float64)))
