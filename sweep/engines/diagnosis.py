"""What is said of a network at the end of its trial: its units, its outputs, its codes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from sweep.nets.codes import count_distinct, unit_codes
from sweep.trial import Trial

FLAT_SHARE = 0.05  # of the steepest slope: a sigmoid within 0.013 of 0 or 1
ZERO = 1e-6
SLOPES_AT = np.linspace(-10.0, 10.0, 2001)
"""Where the steepest slope of an activation is looked for."""


@dataclass(frozen=True)
class Diagnosis:
    """The state of a network at the end of its trial; the fields are columns of the results."""

    dead_units: int | None
    saturated_share: float | None
    zero_outputs: int
    output_sparsity: float
    unit_distance: float | None
    codes_distinct: bool | None


def have_distinct_codes(
    trial: Trial, activations: Float64[np.ndarray, "samples units"]
) -> bool | None:
    """Return whether every sample has a rounded code of its own; None where one is not finite."""
    if not np.isfinite(activations).all():
        return None
    return count_distinct(unit_codes(trial, activations)) == len(activations)


def least_distance(distances: Float64[np.ndarray, " layers"]) -> float | None:
    """Return the least distance of a network's layers; None if none of them has one."""
    least = float(np.fmin.reduce(distances, initial=np.inf))
    return least if np.isfinite(least) else None
