"""What in a sweep is likely not meant, though it can be trained. Knows nothing of training."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log, log2
from typing import Any

import numpy as np

from sweep.config.gridblock import GridBlock
from sweep.config.values import Value
from sweep.datasets import Data, DatasetSpec, load_data
from sweep.trial import format_topology

SUBJECTS_NAMED = 4
FLATTENED = {"sigmoid", "tanh"}
UNDRAWN = {"constant", "identity"}
_RANGES: dict[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "softplus": (0.0, np.inf),
    "selu": (-1.7580993408473766, np.inf),  # -scale * alpha of Klambauer et al. 2017
    "gelu": (-0.16997120747990369, np.inf),  # at -0.7517915
    "silu": (-0.27846454276107379, np.inf),  # at -1.2784645
}


@dataclass(frozen=True)
class Caution:
    """A warning at planning; it stops nothing."""

    text: str


def cautions_of(
    blocks: Iterable[GridBlock], datasets: Mapping[str, DatasetSpec]
) -> tuple[Caution, ...]:
    """Return the warnings about values that meet in some trial, those of a kind as one.

    Args:
        blocks: the grids.
        datasets: how to load the data of each fingerprint.
    """
    subjects: dict[str, dict[str, None]] = {}
    for block in blocks:
        for subject, text in _found(block, datasets):
            subjects.setdefault(text, {})[subject] = None
    return tuple(Caution(f"{_listed(list(who))}: {text}") for text, who in subjects.items())


def _found(block: GridBlock, datasets: Mapping[str, DatasetSpec]) -> Iterator[tuple[str, str]]:
    """Yield what each warning is about, and what it says."""

    def data(value: Value) -> Data:
        return load_data(datasets[str(value.columns["data_fingerprint"])])

    for value in block.combinations("initialiser", "initialiser_jitter", "topology"):
        yield from _symmetric(value.columns)
    seeds = _seeds(block)
    drawn = ("initialiser", "initialiser_jitter", "sample_order", "input_noise")
    for value in block.combinations(*drawn) if seeds > 1 else ():
        yield from _repeated(value.columns, seeds)
    outputs = ("data_fingerprint", "output_activation", "output_activation_alpha")
    for value in block.combinations(*outputs):
        yield from _out_of_range(value.columns, data(value))
    for value in block.combinations("data_fingerprint", "topology"):
        yield from _narrow(value.columns, data(value))
    names = ("delta_tolerance", "early_stopping_min_delta", "dtype", "data_fingerprint")
    for value in block.combinations(*names, "loss", "loss_reduction"):
        yield from _unresolved(value.columns, data(value))
    settings = (
        "optimizer_momentum",
        "optimizer_dampening",
        "learning_rate_schedule",
        "weight_decay",
        "decay_biases",
    )
    for value in block.combinations("optimizer", *settings):
        yield from _ineffective(value.columns)
    starts = ("initialiser", "initialiser_draw_biases", "bias_constant")
    for value in block.combinations("biases", *starts):
        yield from _biasless(value.columns)
    units = ("activation", "output_activation", "loss_semantics")
    for value in block.combinations("flat_spot", *units):
        yield from _flat(value.columns)


def _flat(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    units = {columns["activation"]}
    if columns.get("loss_semantics") != "logits":  # such a loss takes no derivative of the outputs
        units.add(columns["output_activation"])
    if columns["flat_spot"] and not FLATTENED & units:
        yield (
            f"flat_spot {columns['flat_spot']:g}",
            "has no effect without sigmoid or tanh units",
        )


def _listed(subjects: Sequence[str]) -> str:
    more = len(subjects) - SUBJECTS_NAMED
    return ", ".join(subjects[:SUBJECTS_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _symmetric(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    hidden = columns["topology"][1:-1]
    constant = columns["initialiser"] == "constant" and columns["initialiser_jitter"] == 0.0
    if constant and hidden and max(hidden) > 1:
        yield (
            format_topology(columns["topology"]),
            "constant initial weights keep the units of a hidden layer identical in exact "
            "arithmetic; what breaks the tie is the engine's rounding, or jitter above 0",
        )


def _seeds(block: GridBlock) -> int:
    axis = next(axis for axis in block.axes if "seed" in axis.columns)
    return len({value.columns["seed"] for value in axis.values})


def _repeated(columns: Mapping[str, Any], seeds: int) -> Iterator[tuple[str, str]]:
    start = columns["initialiser"] in UNDRAWN and columns["initialiser_jitter"] == 0.0
    if start and columns["sample_order"] != "shuffled" and columns["input_noise"] == "none":
        yield (
            f"initialiser {columns['initialiser']}",
            f"nothing is drawn at random, so that all {seeds:,} seeds give the same training; "
            "intervals over them mean nothing",
        )


def _out_of_range(columns: Mapping[str, Any], data: Data) -> Iterator[tuple[str, str]]:
    output = columns["output_activation"]
    low, high = _RANGES.get(output, (-np.inf, np.inf))
    if output == "elu":
        low = min(0.0, -columns["output_activation_alpha"])
    least, most = float(data.targets.min()), float(data.targets.max())
    if least < low or most > high:
        yield data.name, f"targets span {least:g} to {most:g}, {output} outputs {low:g} to {high:g}"


def _narrow(columns: Mapping[str, Any], data: Data) -> Iterator[tuple[str, str]]:
    hidden = columns["topology"][1:-1]
    needed = log2(data.distinct)
    if hidden and data.one_hot and min(hidden) < needed:  # other data need not be binary codes
        yield (
            format_topology(columns["topology"]),
            f"the bottleneck is below {needed:.3g}, the log2 of the number of distinct samples of "
            f"{data.name}",
        )


def _unresolved(columns: Mapping[str, Any], data: Data) -> Iterator[tuple[str, str]]:
    start, dtype = _starting_loss(columns["loss"], data), columns["dtype"]
    if columns.get("loss_reduction") == "sum":
        categorical = columns["loss"] == "categorical_cross_entropy"
        start *= len(data.targets) if categorical else data.targets.size
    step = float(np.spacing(np.dtype(dtype).type(start))) if start else 0.0
    for name in ("delta_tolerance", "early_stopping_min_delta"):
        tolerance = columns.get(name)
        if tolerance and tolerance < step:
            yield (
                f"{name} {tolerance:g}",
                f"below {step:.2g}, the spacing of {dtype} numbers at a starting loss of about "
                f"{start:.3g}; the loss is accumulated in float64, but from outputs computed in "
                f"{dtype}, so that such a change may be rounding",
            )


def _ineffective(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    schedule = columns["learning_rate_schedule"]
    if columns["optimizer"] == "rprop" and schedule != "constant":
        yield (
            f"rprop with {schedule}",
            "a learning_rate_schedule has no effect on rprop, whose learning_rate is the first "
            "step alone",
        )
    if columns.get("optimizer_dampening") and not columns["optimizer_momentum"]:
        yield (
            f"sgd with dampening {columns['optimizer_dampening']:g}",
            "dampening has no effect without momentum",
        )
    if not columns["decay_biases"] and not columns["weight_decay"]:
        yield "decay_biases false", "has no effect without weight_decay"


def _biasless(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if columns["biases"]:
        return
    if columns["bias_constant"]:
        yield f"bias_constant {columns['bias_constant']:g}", "has no effect without biases"
    if columns.get("initialiser_draw_biases") and columns["initialiser"] != "torch_linear":
        yield f"initialiser {columns['initialiser']}", "draw_biases has no effect without biases"


def _starting_loss(loss: str, data: Data) -> float:
    """Return the order of the loss at untrained outputs; 0 where it cannot be told."""
    match loss:
        case "binary_cross_entropy":
            return log(2.0)
        case "categorical_cross_entropy":
            return log(data.targets.shape[1])
        case "mean_squared_error":
            return float((data.targets**2).mean())
    return 0.0
