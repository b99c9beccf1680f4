"""Chooses what a first sweep of some data shall train, so that it takes about a minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2, log10

from sweep.examples.contents import Contents

SECONDS = 25.0
"""Of training on two cores, if no trial stops before its last epoch."""
WORKERS = 2
SEEDS = 3
ACTIVATIONS = ("tanh", "relu")
LEARNING_RATES = (0.001, 0.01)
EPOCHS = (20, 2000)
"""Fewest and most; where the fewest take too long, it is the samples that are limited."""
UPDATE_SECONDS = 4e-6
FLOPS = 1.5e10
"""Time of an update apart from its arithmetic, and operations of a core in a second: of small
networks in the compiled kernel, as `sweep plan --estimate` times them."""

HELD_OUT = 0.2
MOST_HELD_OUT, MOST_TRAINED = 5_000, 200_000
FEW_ROWS = 10
"""Of fewer rows none are held out."""
WIDEST_CODE = 64
TRIALS = 3 * len(ACTIVATIONS) * len(LEARNING_RATES) * SEEDS


@dataclass(frozen=True)
class Settings:
    """What a first sweep trains.

    Attributes:
        validation: share of the rows held out, 0 for none.
        train_samples: how many to train on; None for all that are not held out.
        scale: how columns are scaled, as the data set takes it.
        output_activation, loss: what fits the range of the scaled columns.
        topologies: networks, from a wide code to a narrow one.
        batch_size: samples an update; None for all of them.
        patience: epochs without an improvement until a trial stops.
        max_epochs: most epochs of a trial.
        holds_out: whether there are samples to validate on.
    """

    validation: float
    train_samples: int | None
    scale: str
    output_activation: str
    loss: str
    topologies: tuple[tuple[int, ...], ...]
    batch_size: int | None
    patience: int
    max_epochs: int
    holds_out: bool


def choose_settings(contents: Contents) -> Settings:
    """Choose settings by the size and the range of the data."""
    within = contents.low >= 0 and contents.high <= 1
    binary = within and (contents.levels <= 2 or contents.images)
    topologies = choose_topologies(contents.features)
    share = _held_out_share(contents)
    drawn = round(share * contents.rows)
    rows, held = contents.rows - drawn, drawn + contents.test_rows
    epochs = _affordable_epochs(topologies, rows, held)
    most = min(rows, MOST_TRAINED)
    if epochs < EPOCHS[0]:
        most = min(most, max(256, int(rows * epochs / EPOCHS[0]) // 100 * 100))
    epochs = int(min(max(epochs, EPOCHS[0]), EPOCHS[1]))
    return Settings(
        validation=share,
        train_samples=most if most < rows else None,
        scale="none" if within else "standard",
        output_activation="sigmoid" if within else "identity",
        loss="binary_cross_entropy" if binary else "mean_squared_error",
        topologies=topologies,
        batch_size=choose_batch_size(most),
        patience=min(max(epochs // 10, 5), 50),
        max_epochs=epochs,
        holds_out=held > 0,
    )


def choose_topologies(features: int) -> tuple[tuple[int, ...], ...]:
    """Return networks with a wide code, with a narrow one, and with a narrow one but deeper."""
    wide = min(ceil(features / 2), WIDEST_CODE)
    narrow = max(1, min(ceil(features / 4), WIDEST_CODE // 2))
    if narrow == wide:
        wide += 1
    between = max(narrow + 1, min(2 * wide, features, 128))
    return (
        (features, wide, features),
        (features, narrow, features),
        (features, between, narrow, between, features),
    )


def choose_batch_size(samples: int) -> int | None:
    """Return a power of two that gives some 30 updates an epoch; None for very few samples."""
    if samples < 32:
        return None
    return int(2 ** min(max(round(log2(samples / 30)), 3), 8))


def _held_out_share(contents: Contents) -> float:
    if contents.test_rows or contents.rows < FEW_ROWS:
        return 0.0
    return min(HELD_OUT, float(f"{MOST_HELD_OUT / contents.rows:.1g}"))


def _affordable_epochs(topologies: Sequence[tuple[int, ...]], samples: int, held: int) -> float:
    """Return how many epochs of all trials take the time there is, to two digits."""
    updates = samples / (choose_batch_size(samples) or samples)
    each = TRIALS / len(topologies)
    weights = sum(a * b for widths in topologies for a, b in pairwise(widths))
    flops = each * weights * (6 * samples + 2 * held)
    epochs = SECONDS * WORKERS / (TRIALS * updates * UPDATE_SECONDS + flops / FLOPS)
    digits = 10 ** max(0, int(log10(max(epochs, 1))) - 1)
    return epochs // digits * digits if epochs >= 1 else epochs
