"""Rebuilds trained networks from the results that hold their weights."""

from typing import TYPE_CHECKING

from sweep.store.places.remote import AnyPath
from sweep.store.tables import reader

if TYPE_CHECKING:
    from sweep.nets.autoencoder import Autoencoder


def load_network(path: str | AnyPath, trial_id: str) -> "Autoencoder":
    """Return a trial's trained network in evaluation mode; imports PyTorch.

    Args:
        path: the results directory.
        trial_id: 16 hex digits, or as many of the first as make it unique.

    Raises:
        StoreError: there is no such trial, or its weights were not kept.
    """
    from sweep.nets.autoencoder import network_at

    trial = reader.read_trial(path, trial_id)
    return network_at(trial, reader.read_weights(path, trial.trial_id).flat)
