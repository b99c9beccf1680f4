"""How long the fused engine takes for an epoch, by sizes alone: alike on every machine.

The seconds are those of a core with AVX-512, rounded. What is sized by them, chunks and lanes at a
time, must not follow the clock.
"""

from sweep.nets.layout import layout_of
from sweep.trial import Trial

FULL_BATCH_PRODUCT = 2e-10
"""Of a parameter and a sample, forward and back, s; where vectors hold few numbers, as of most
networks that train on all samples at once."""
PRODUCT = 1e-10
"""Likewise in mini-batches."""
UPDATE = 8e-10
"""Of a parameter at each update, s."""
DRAW = 6e-9
"""Of a number drawn to corrupt inputs or to drop units out, s."""


def epoch_seconds(shape: Trial, samples: int) -> float:
    """Return about how long an epoch of one lane takes among others.

    Args:
        shape: any trial of its pack key.
        samples: trained on.
    """
    parameters = layout_of(shape).n_parameters
    updates = -(-samples // min(shape.batch_size or samples, samples))
    drawn = samples * _drawn(shape) * DRAW
    if updates == 1:
        return samples * parameters * FULL_BATCH_PRODUCT + drawn
    return samples * parameters * PRODUCT + updates * parameters * UPDATE + drawn


def _drawn(shape: Trial) -> int:
    """Return how many numbers are drawn for a sample."""
    noises = (shape.input_noise != "none") + bool(shape.input_dropout)
    hidden = sum(shape.topology[1:-1]) if shape.hidden_dropout else 0
    return noises * shape.topology[0] + hidden
