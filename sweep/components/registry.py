"""Finds components: the built-in ones by their files, a user's own by their place in a module.

Families are named as the sweep file's parameters are; `convergence` holds the stop rules.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sweep.components.activations import Activation
from sweep.components.clipping import Clipping
from sweep.components.initialisers import Initialiser
from sweep.components.losses import Loss
from sweep.components.networks import Network
from sweep.components.noise import Noise
from sweep.components.normalisation import Normalisation
from sweep.components.optimizers import Optimizer
from sweep.components.pretraining import Pretraining
from sweep.components.schedules import Schedule
from sweep.components.skips import Skip
from sweep.components.sparsity import Sparsity
from sweep.components.spec import Component
from sweep.components.stopping import REASONS, StopRule


def _found(base: Any) -> Mapping[str, Any]:
    """Return the components of the modules beside their base class, by name."""
    package = importlib.import_module(base.__module__)
    found: dict[str, Any] = {}
    for item in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{item.name}")
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, base) and "name" in vars(kind):
                component: Any = kind()
                found.setdefault(component.name, component)
    return MappingProxyType(found)


ACTIVATIONS: Mapping[str, Activation] = _found(Activation)
CLIPPINGS: Mapping[str, Clipping] = _found(Clipping)
INITIALISERS: Mapping[str, Initialiser] = _found(Initialiser)
LOSSES: Mapping[str, Loss] = _found(Loss)
NOISES: Mapping[str, Noise] = _found(Noise)
NORMALISATIONS: Mapping[str, Normalisation] = _found(Normalisation)
OPTIMIZERS: Mapping[str, Optimizer] = _found(Optimizer)
PRETRAININGS: Mapping[str, Pretraining] = _found(Pretraining)
SCHEDULES: Mapping[str, Schedule] = _found(Schedule)
SKIPS: Mapping[str, Skip] = _found(Skip)
SPARSITIES: Mapping[str, Sparsity] = _found(Sparsity)
STOP_RULES: Mapping[str, StopRule] = MappingProxyType(
    dict(sorted(_found(StopRule).items(), key=lambda item: REASONS.index(item[1].reason)))
)
"""In the order of their reasons: the first that is met in an epoch ends the trial."""

BASES: Mapping[str, Any] = MappingProxyType(
    {
        "network": Network,
        "activation": Activation,
        "output_activation": Activation,
        "normalisation": Normalisation,
        "skip": Skip,
        "initialiser": Initialiser,
        "loss": Loss,
        "input_noise": Noise,
        "gradient_clip": Clipping,
        "sparsity": Sparsity,
        "optimizer": Optimizer,
        "learning_rate_schedule": Schedule,
        "pretraining": Pretraining,
    }
)
"""What the components that a parameter can name have in common."""

FAMILIES: Mapping[str, Mapping[str, Component]] = MappingProxyType(
    {
        "network": MappingProxyType({}),
        "activation": ACTIVATIONS,
        "output_activation": ACTIVATIONS,
        "normalisation": NORMALISATIONS,
        "skip": SKIPS,
        "initialiser": INITIALISERS,
        "loss": LOSSES,
        "input_noise": NOISES,
        "gradient_clip": CLIPPINGS,
        "sparsity": SPARSITIES,
        "learning_rate_schedule": SCHEDULES,
        "optimizer": OPTIMIZERS,
        "pretraining": PRETRAININGS,
    }
)
"""The components that each parameter of a trial can name."""

OPEN = ("network", "activation", "output_activation", "initialiser", "loss", "optimizer")
"""Parameters that can name a user's own component too."""


def listed(components: Mapping[str, Any], trait: str, *, value: bool = True) -> str:
    """Return the names of the components with a trait, for people."""
    return ", ".join(n for n, item in components.items() if getattr(item, trait) is value)
