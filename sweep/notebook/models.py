"""Rebuilds trained networks."""

from typing import TYPE_CHECKING

from sweep.store.places.remote import AnyPath
from sweep.store.tables import reader

if TYPE_CHECKING:
    from torch import nn

    from sweep.nets.autoencoder import Autoencoder


def load_model(path: str | AnyPath, trial_id: str) -> "Autoencoder | nn.Module":
    """Rebuild a trial's trained network, as `sweep.load_model` says.

    Raises:
        StoreError: there is no such trial, or its weights were not kept.
    """
    from sweep.nets.autoencoder import network_at
    from sweep.nets.modules import OwnNetwork

    trial = reader.read_trial(path, trial_id)
    network = network_at(trial, reader.read_weights(path, trial.trial_id).flat)
    return network.module if isinstance(network, OwnNetwork) else network
