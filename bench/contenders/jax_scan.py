"""JAX: networks under vmap, with the loops over epochs and batches inside one jit.

With random numbers from XLA's generator (`rbg`) in place of JAX's own it took three times as long.
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

from bench.works import BETAS, EPSILON, LEARNING_RATE, MOMENTUM, NORM_EPSILON, ORDERS, Work

# for the float64 sum of an epoch's losses; all else is float32
jax.config.update("jax_enable_x64", True)

Arrays = dict[str, jax.Array]
OUTPUTS = {"sigmoid": jax.nn.sigmoid, "identity": lambda x: x}


class JaxScan:
    """Networks under vmap; one alone without it."""

    name = "JAX"

    def __init__(self, work: Work, lanes: int) -> None:
        """Begin with the networks of the first seeds."""
        parameters = _stacked([work.start(seed) for seed in range(lanes)])
        moments = tuple(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        hidden = work.topology[1:-1] if work.normalised else ()
        running = {f"{i}": jnp.ones((lanes, 2, n), jnp.float32) for i, n in enumerate(hidden)}
        running = {name: pair.at[:, 0].set(0.0) for name, pair in running.items()}
        keys = jax.vmap(lambda seed: jax.random.key_data(jax.random.key(seed)))(jnp.arange(lanes))
        self._carry = (parameters, moments, running, jnp.zeros(lanes), keys)
        self._inputs = jnp.asarray(work.inputs)
        self._orders = jnp.asarray(np.stack([work.orders(s) for s in range(lanes)]), jnp.int32)
        train: Any = partial(_train, work)
        if lanes == 1:
            self._carry, self._orders = jax.tree.map(lambda a: a[0], (self._carry, self._orders))
        else:
            train = jax.vmap(train, in_axes=(0, 0, None, None, None))
        self._train = jax.jit(train, donate_argnums=0)
        self._epoch = 0

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        self._carry, losses = self._train(
            self._carry, self._orders, self._inputs, self._epoch, epochs
        )
        self._epoch += epochs
        return np.atleast_1d(np.asarray(losses))


def _stacked(networks: list[dict[str, np.ndarray]]) -> Arrays:
    return {name: jnp.asarray(np.stack([n[name] for n in networks])) for name in networks[0]}


def _train(work: Work, carry: Any, orders: Any, inputs: Any, first: Any, epochs: Any) -> Any:
    """Train one network; return what it carries on and the loss of the last epoch."""
    samples = len(work.samples)
    whole = samples // work.batch * work.batch

    def step(carry: Any, indices: Any) -> Any:
        carry, loss = _update(work, carry, inputs[indices])
        return carry, loss.astype(jnp.float64) * len(indices)

    def epoch(i: Any, state: Any) -> Any:
        carry, _ = state
        order = orders[(first + i) % ORDERS]
        carry, losses = jax.lax.scan(step, carry, order[:whole].reshape(-1, work.batch))
        total = losses.sum()
        if whole < samples:
            carry, last = step(carry, order[whole:])
            total += last
        return carry, total / samples

    return jax.lax.fori_loop(0, epochs, epoch, (carry, jnp.float64(0.0)))


def _update(work: Work, carry: Any, batch: Any) -> Any:
    parameters, (means, squares), running, count, key = carry
    if work.draws:
        key, drawn = jax.random.split(jax.random.wrap_key_data(key))
        key = jax.random.key_data(key)
    else:
        drawn = None
    gradient = jax.value_and_grad(partial(_loss, work), has_aux=True)
    (loss, running), slopes = gradient(parameters, running, batch, drawn)
    beta1, beta2 = BETAS
    means = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, means, slopes)
    squares = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, squares, slopes)
    count = count + 1.0
    rate = (LEARNING_RATE / (1.0 - beta1**count)).astype(jnp.float32)
    root = jnp.sqrt(1.0 - beta2**count).astype(jnp.float32)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + EPSILON), parameters, means, squares
    )
    return (parameters, (means, squares), running, count, key), loss


def _loss(work: Work, parameters: Arrays, running: Arrays, batch: Any, key: Any) -> Any:
    values, kept = batch, dict(running)
    if work.noise:
        key, own = jax.random.split(key)
        values = values + work.noise * jax.random.normal(own, batch.shape, jnp.float32)
    last = len(work.topology) - 2
    for i in range(last + 1):
        values = values @ parameters[f"{i}.weight"].T
        if work.normalised and i < last:
            values, kept[f"{i}"] = _normalised(values, running[f"{i}"])
            values = values * parameters[f"{i}.norm.weight"] + parameters[f"{i}.norm.bias"]
        else:
            values = values + parameters[f"{i}.bias"]
        values = OUTPUTS[work.output](values) if i == last else jax.nn.relu(values)
        if work.dropout and i < last:
            key, own = jax.random.split(key)
            stays = jax.random.bits(own, values.shape, jnp.uint32) >= np.uint32(
                work.dropout * 2**32
            )
            values = jnp.where(stays, values / np.float32(1.0 - work.dropout), np.float32(0.0))
    return jnp.mean((values - batch) ** 2), kept


def _normalised(values: Any, running: Any) -> Any:
    """Return normalised values, and running mean and variance after this batch."""
    mean, variance = values.mean(axis=0), values.var(axis=0)
    unbiased = variance * (len(values) / (len(values) - 1))
    found = jax.lax.stop_gradient(jnp.stack([mean, unbiased]))
    moved = running + MOMENTUM * (found - running)
    return (values - mean) * jax.lax.rsqrt(variance + NORM_EPSILON), moved
