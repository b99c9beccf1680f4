"""Hidden codes: activations scaled to [0, 1] and rounded."""

import numpy as np
from jaxtyping import Float64

from sweep.plugins.components import component_of
from sweep.trial import Trial

LOW, HIGH = 0.25, 0.75
"""Below is 0, above is 1, and between is 0.5."""
ROWS = 4096  # rounded at once

Codes = Float64[np.ndarray, "samples units"]


def unit_codes(trial: Trial, activations: Codes) -> Codes:
    """Return the activations of a hidden layer of a trial's network in [0, 1]."""
    activation, options = component_of(trial, "activation")
    if activation is None:  # a user's network has its own
        return scale_by_range(activations)
    low, high = activation.bounds(options)
    within = low >= 0 and high <= 1 and trial.skip == "none"
    return activations if within else scale_by_range(activations)


def scale_by_range(activations: Codes) -> Codes:
    """Bring each unit to [0, 1] by its own least and greatest value; a constant unit is 0."""
    least = activations.min(axis=0)
    spread = activations.max(axis=0) - least
    return np.asarray((activations - least) / np.where(spread > 0, spread, 1.0))


def round_codes(codes: Codes) -> Codes:
    """Round values in [0, 1] as the study does: below 0.25 to 0, above 0.75 to 1, else to 0.5."""
    return np.where(codes < LOW, 0.0, np.where(codes > HIGH, 1.0, 0.5))


def count_distinct(codes: Codes) -> int:
    """Return how many different codes there are once values in [0, 1] are rounded."""
    found: set[bytes] = set()
    for start in range(0, len(codes), ROWS):
        rounded = (2 * round_codes(codes[start : start + ROWS])).astype(np.int8)
        found.update(row.tobytes() for row in rounded)
    return len(found)
