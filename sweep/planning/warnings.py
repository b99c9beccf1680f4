"""Warnings of a plan: combinations that can be trained but are probably mistakes."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log2
from typing import Any

import numpy as np

from sweep.components.registry import ACTIVATIONS
from sweep.config.grids.constraints import is_any
from sweep.config.grids.product import AxisProduct, Wanted
from sweep.config.grids.values import AxisValue, Seeds
from sweep.config.parameters.columns import COLUMNS
from sweep.datasets import Data, DatasetSpec, load_data
from sweep.ladder import BY_RUNG, RULES
from sweep.plugins.components import declared_in
from sweep.trial import format_topology

SUBJECTS_NAMED = 4
MANY_TRIALS = 500_000
EPOCHS_PER_SECOND = 1e6  # docs/performance.md
MAX_JUDGED = 100_000
"""Combinations that a kind of warning looks at, of each grid; any of more shows in these."""
_CHANGES = tuple(BY_RUNG[name].columns[BY_RUNG[name].threshold] for name in RULES)
"""Columns that say which change of the loss is one."""
FLATTENING = [name for name, activation in ACTIVATIONS.items() if activation.flattens]


@dataclass(frozen=True)
class PlanWarning:
    """A warning at planning; it stops nothing."""

    text: str


def find_warnings(
    products: Iterable[AxisProduct], datasets: Mapping[str, DatasetSpec]
) -> tuple[PlanWarning, ...]:
    """Return the warnings about values that meet in some trial, those of a kind as one.

    Args:
        products: the grids.
        datasets: how to load the data of each fingerprint.
    """
    facts = Facts(datasets)
    subjects: dict[str, dict[str, None]] = {}
    for product in products:
        for subject, text in _found(product, facts):
            subjects.setdefault(text, {})[subject] = None
    return tuple(PlanWarning(f"{_listed(list(who))}: {text}") for text, who in subjects.items())


class Facts:
    """The facts about each data set that warnings need, found once."""

    def __init__(self, datasets: Mapping[str, DatasetSpec]) -> None:
        self._datasets = datasets
        self._held: dict[str, Fact] = {}

    def of(self, value: AxisValue) -> "Fact":
        """Return the facts about the data set of a combination."""
        name = str(value.columns["data_fingerprint"])
        if name not in self._held:
            self._held[name] = _fact(load_data(self._datasets[name]))
        return self._held[name]


@dataclass(frozen=True)
class Fact:
    """The facts about a data set that warnings need; `distinct` is of one-hot data only."""

    name: str
    least: float
    most: float
    mean_square: float
    samples: int
    outputs: int
    distinct: int | None
    left_out: tuple[str, ...]


def _fact(data: Data) -> Fact:
    return Fact(
        name=data.name,
        least=float(data.targets.min()),
        most=float(data.targets.max()),
        mean_square=float((data.targets**2).mean()),
        samples=data.targets.shape[0],
        outputs=data.targets.shape[1],
        distinct=data.distinct if data.one_hot else None,
        left_out=data.left_out,
    )


def _found(product: AxisProduct, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each warning, for the combinations that are checked."""

    def meeting(*columns: str, **wanted: Wanted) -> Iterator[AxisValue]:
        return islice(product.combinations(*columns, **wanted), MAX_JUDGED)

    constant = meeting(
        initialiser=is_any("constant"), initialiser_jitter=is_zero, topology=_is_deep
    )
    for value in constant:
        yield from _symmetric(value.columns)
    if (seeds := _seeds(product)) > 1:
        same = {"initialiser": _draws_nothing, "input_noise": is_any("none")}
        same |= dict.fromkeys(("initialiser_jitter", "input_dropout", "hidden_dropout"), is_zero)
        for value in meeting("sample_order", **same):
            yield from _repeated(value.columns, seeds)
    for value in meeting("data_fingerprint", *COLUMNS["output_activation"]):
        yield from _out_of_range(value.columns, facts.of(value))
    for value in meeting("data_fingerprint"):
        yield from _left_out(facts.of(value))
    for value in meeting("data_fingerprint", "topology"):
        yield from _narrow(value.columns, facts.of(value))
    for value in meeting(*_CHANGES, "dtype", "data_fingerprint", *COLUMNS["loss"]):
        yield from _unresolved(value.columns, facts.of(value))
    settings = ("learning_rate_schedule", "weight_decay", "weight_l1", "decay_biases")
    for value in meeting(*COLUMNS["optimizer"], *settings):
        yield from _ineffective(value.columns)
    for value in meeting("max_epochs", fixed_epochs=bool):
        yield from _cut_short(value.columns)
    starts = ("initialiser", "initialiser_draw_biases", "bias_constant")
    for value in meeting(*starts, biases=operator.not_):
        yield from _biasless(value.columns)
    units = ("activation", "output_activation", *COLUMNS["loss"])
    for value in meeting(*units, flat_spot=bool):
        yield from _flat(value.columns)


def _left_out(data: Fact) -> Iterator[tuple[str, str]]:
    if data.left_out:
        text = f"not of numbers and so left out: {_listed(list(map(repr, data.left_out)))}"
        yield data.name, f"{text}; name the inputs in columns"


def _cut_short(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    most, asked = columns["max_epochs"], columns["fixed_epochs"]
    if most is not None and most < asked:
        yield (
            f"epochs {asked:,}",
            f"max_epochs {most:,} ends training before; give the one or the other",
        )


def is_zero(value: object) -> bool:
    return value == 0.0


def _is_deep(topology: object) -> bool:
    return isinstance(topology, tuple) and max(topology[1:-1], default=1) > 1


def _draws_nothing(initialiser: object) -> bool:
    found, _ = declared_in({"initialiser": initialiser}, "initialiser")
    return found is not None and not found.draws


def _flat(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    units, (loss, options) = ["activation"], declared_in(columns, "loss")
    if not (loss and loss.takes_logits(options.get("semantics"))):
        units.append("output_activation")  # else no derivative of the outputs is taken
    found = [declared_in(columns, family)[0] for family in units]
    if not any(unit and unit.flattens for unit in found):
        yield (
            f"flat_spot {columns['flat_spot']:g}",
            f"has no effect without {' or '.join(FLATTENING)} units",
        )


def _listed(subjects: Sequence[str]) -> str:
    more = len(subjects) - SUBJECTS_NAMED
    return ", ".join(subjects[:SUBJECTS_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _symmetric(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        format_topology(columns["topology"]),
        "constant initial weights keep the units of a hidden layer identical in exact "
        "arithmetic; what breaks the tie is the engine's rounding, or jitter above 0",
    )


def _seeds(product: AxisProduct) -> int:
    axis = next(axis for axis in product.axes if "seed" in axis.columns)
    if isinstance(axis.values, Seeds):
        return len(axis.values)
    return len({value.columns["seed"] for value in axis.values})


def _repeated(columns: Mapping[str, Any], seeds: int) -> Iterator[tuple[str, str]]:
    if columns["sample_order"] != "shuffled":
        yield (
            f"initialiser {columns['initialiser']}",
            f"nothing is drawn at random, so that all {seeds:,} seeds give the same training; "
            "intervals over them mean nothing",
        )


def _out_of_range(columns: Mapping[str, Any], data: Fact) -> Iterator[tuple[str, str]]:
    output, options = declared_in(columns, "output_activation")
    low, high = output.bounds(options) if output else (-np.inf, np.inf)
    if data.least < low or data.most > high:
        span = f"targets span {data.least:g} to {data.most:g}"
        yield data.name, f"{span}, {columns['output_activation']} outputs {low:g} to {high:g}"


def _narrow(columns: Mapping[str, Any], data: Fact) -> Iterator[tuple[str, str]]:
    hidden = columns["topology"][1:-1]
    needed = log2(data.distinct or 1)
    if hidden and min(hidden) < needed:  # other data need not be binary codes
        yield (
            format_topology(columns["topology"]),
            f"the bottleneck is below {needed:.3g}, the log2 of the number of distinct samples of "
            f"{data.name}",
        )


def _unresolved(columns: Mapping[str, Any], data: Fact) -> Iterator[tuple[str, str]]:
    (loss, _), dtype = declared_in(columns, "loss"), columns["dtype"]
    start = loss.untrained(mean_square=data.mean_square, outputs=data.outputs) if loss else 0.0
    if loss and columns.get("loss_reduction") == "sum":
        start *= data.samples * (1 if loss.sums_outputs else data.outputs)
    step = float(np.spacing(np.dtype(dtype).type(start))) if start else 0.0
    for name in _CHANGES:
        tolerance = columns.get(name)
        if tolerance and tolerance < step:
            yield (
                f"{name} {tolerance:g}",
                f"below {step:.2g}, the spacing of {dtype} numbers at a starting loss of about "
                f"{start:.3g}; the loss is accumulated in float64, but from outputs computed in "
                f"{dtype}, so that such a change may be rounding",
            )


def _ineffective(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    schedule, name = columns["learning_rate_schedule"], columns["optimizer"]
    optimizer, options = declared_in(columns, "optimizer")
    if not optimizer.scheduled and schedule != "constant":
        yield (
            f"{name} with {schedule}",
            f"a learning_rate_schedule has no effect on {name}, whose learning_rate is the first "
            "step alone",
        )
    yield from optimizer.warnings(options)
    if not any(columns[name] for name in ("decay_biases", "weight_decay", "weight_l1")):
        yield "decay_biases false", "has no effect without weight_decay"


def _biasless(columns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if columns["bias_constant"]:
        yield f"bias_constant {columns['bias_constant']:g}", "has no effect without biases"
    initialiser, _ = declared_in(columns, "initialiser")
    asked = initialiser and not initialiser.options["draw_biases"].default
    if columns.get("initialiser_draw_biases") and asked:
        yield f"initialiser {columns['initialiser']}", "draw_biases has no effect without biases"


def many_trials(trials: int, epochs: int, size: int, workers: int) -> Iterator[PlanWarning]:
    """Yield a warning if there are very many trials.

    Args:
        trials: to train.
        epochs: the most that they take, all together.
        size: about the most bytes of their results.
        workers: packs trained at a time.
    """
    if trials < MANY_TRIALS:
        return
    hours = epochs / workers / EPOCHS_PER_SECOND / 3600
    time = f"{hours:,.1f} hours" if hours >= 1 else f"{60 * hours:,.1f} minutes"
    yield PlanWarning(
        f"{trials:,} trials: up to {epochs:,} epochs, {time} at a microsecond each "
        f"(a tiny network's, full batch) on {workers:,} workers, and up to {size / 1e9:,.1f} GB on "
        "disk; --estimate times a pilot, and a part of the grid may tell as much"
    )
