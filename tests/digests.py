"""Prints digests of what must be the same bits everywhere: `python -m tests.digests GROUP`.

Each is of one kind of thing, so that a difference names its cause.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from sweep.components.registry import INITIALISERS
from sweep.config.parameters.axis import as_values
from sweep.datasets.data import DatasetSpec
from sweep.datasets.registry import load_data
from sweep.engines.epochs import corrupted, scheduled_rate
from sweep.engines.state import curve_epochs
from sweep.ladder import LEVELS
from sweep.nets.initialisers import initial_parameters
from sweep.nets.randomness import Purpose, normal, permutation
from sweep.training.pool import train_pack
from sweep.training.probes.probe import probe_epochs
from sweep.training.work import Finished
from tests.trials import make_trial, make_work

UNIFORM = (("features", 7), ("low", -3.0), ("samples", 200), ("seed", 5))


def draws() -> Iterator[np.ndarray]:
    for seed in range(40):
        yield normal(5001, seed=seed, purpose=Purpose.WEIGHTS, index=seed)
        yield permutation(100, seed=seed, epoch=3)


def initial_weights() -> Iterator[np.ndarray]:
    for name, dtype, seed in product(INITIALISERS, ("float32", "float64"), range(20)):
        yield initial_parameters(
            make_trial(
                topology=(16, 5, 16),
                initialiser=name,
                initialiser_constant=0.3,
                initialiser_jitter=0.01,
                dtype=dtype,
                seed=seed,
            )
        )


def noise() -> Iterator[np.ndarray]:
    trial = make_trial(input_noise="gaussian", input_noise_scale=0.3)
    for epoch in range(20):
        yield corrupted(trial, np.eye(50), epoch=epoch)


def rates() -> Iterator[np.ndarray]:
    for schedule in ("exponential", "step", "cosine"):
        trial = make_trial(
            learning_rate_schedule=schedule, learning_rate_factor=0.93, learning_rate_period=77
        )
        yield np.array([scheduled_rate(trial, epoch) for epoch in range(2000)])


def data() -> Iterator[bytes]:
    for scale, validation in product(("none", "unit", "standard"), (0.0, 0.3)):
        spec = DatasetSpec("uniform", UNIFORM, validation=validation, scale=scale)
        yield load_data(spec).fingerprint.encode()
    spec = DatasetSpec("uniform", UNIFORM, 0.3, 2, "standard", train_samples=90, noise=0.7)
    yield load_data(spec).fingerprint.encode()
    yield load_data(DatasetSpec("digits-28x28", (("samples", 500),))).fingerprint.encode()
    zeros = ((0.0, 1.0), (-0.0, -0.0), (-0.0, 0.0)) * 7
    spec = DatasetSpec("vectors", (("values", zeros),), scale="unit")
    yield load_data(spec).fingerprint.encode()


def identities() -> Iterator[bytes]:
    for end, count in product((1e-5, 0.3, 2e3), (5, 50, 2000)):
        yield np.array(as_values({"log": {"from": 0.07, "to": end, "count": count}})).tobytes()
        yield make_trial(learning_rate=end).trial_id.encode()


def epochs() -> Iterator[np.ndarray]:
    yield from (curve_epochs(), probe_epochs(), np.array(LEVELS))


def training(dtype: str) -> Iterator[bytes]:
    """Train networks by the fused engine, from normal draws, with pretraining on codes too."""
    drawn = {"initialiser": "xavier_normal", "topology": (4, 3, 2, 3, 4), "dtype": dtype}
    plain = make_trial(max_epochs=60, **drawn)
    deep = {"pretraining": "greedy", "pretraining_max_epochs": 20}
    for trial in (plain, replace(plain, seed=1), replace(plain, **deep)):
        for event in train_pack(make_work(trial, engine="fused"), should_stop=lambda: False):
            for result in event.results if isinstance(event, Finished) else ():
                assert result.parameters is not None
                outcome = result.outcome
                numbers = (outcome.final_loss, outcome.gradient_norm, outcome.weight_distance)
                yield result.parameters.tobytes() + repr(numbers).encode()


CHEAP = (draws, initial_weights, noise, rates, data, identities, epochs)
GROUPS: dict[str, dict[str, Callable[[], Iterator[bytes | np.ndarray]]]] = {
    "cheap": {function.__name__: function for function in CHEAP},
    "float32": {"training": lambda: training("float32")},
    "float64": {"training": lambda: training("float64")},
}


def digests_of(group: str) -> dict[str, str]:
    """Return the digest of each kind of thing in a group."""
    found = {}
    for name, parts in GROUPS[group].items():
        digest = hashlib.sha256()
        for part in parts():
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else part)
        found[name] = digest.hexdigest()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(digests_of(sys.argv[1])))
