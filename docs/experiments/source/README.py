"""The numbers of the first page of the experiments."""

from typing import Any

from docs.experiments.source.page import EXAMPLES
from sweep.store.tables.reader import read_trials

RUN = (
    "denoising",
    "encoder",
    "identity",
    "keras_autoencoders",
    "stacked",
    "stacked_full_batch",
    "vanishing",
    "vanishing_full",
    "variants",
    "zhang2017",
    "zhang2017_epochs",
    "zhang2017_readings",
)


def numbers() -> dict[str, Any]:
    """Return what it took to train the results that lie here."""
    tables = [read_trials(EXAMPLES / name) for name in RUN]
    return {
        "n_trials": sum(len(trials) for trials in tables),
        "seconds": sum(float(trials["seconds_share"].sum()) for trials in tables),
    }
