"""Constraints between parameters: data and topology, batch and order, and pairs that clash."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import compress, product
from math import inf
from typing import Any

from sweep.components.networks import OWN
from sweep.components.registry import STOP_RULES
from sweep.components.stopping import VALIDATION_LOSS
from sweep.config.grids.conditions import Rule
from sweep.config.grids.matching import matching_rules
from sweep.config.grids.product import AxisProduct, GridAxis
from sweep.config.grids.values import AxisValue, Paths, Problem, corners
from sweep.config.parameters.columns import COLUMNS
from sweep.config.parameters.interval import Interval
from sweep.datasets import DatasetError, DatasetSpec, load_data
from sweep.plugins.components import declared_in
from sweep.plugins.networks import find_facts
from sweep.plugins.sources import PluginError
from sweep.trial import format_topology

DATA = ("dataset", "topology")
BATCHES = ("batch_size", "sample_order")
OWN_DATA = (*DATA, "network", "dtype")
MEETING = frozenset((*DATA, *BATCHES, "network"))


def interacting(values: Mapping[str, Sequence[AxisValue]]) -> list[tuple[str, ...]]:
    """Return which of these parameters must be settled together."""
    batches, networks = values.get("batch_size", ()), values.get("network", ())
    data = OWN_DATA if any(value.columns["network"] for value in networks) else DATA
    if any(value.columns["batch_size"] is not None for value in batches):
        return [tuple(n for n in (*data, *BATCHES) if n in values)]
    groups = [data, BATCHES]
    return [group for group in groups if all(name in values for name in group)]


PLAIN = ("normalisation", "skip", "tied_weights")
"""Parameters that pretraining cannot be combined with."""


@dataclass(frozen=True)
class Shape:
    """What a data set asks of the networks that learn it."""

    name: str
    fingerprint: str
    features: int
    outputs: int
    samples: int
    held_out: int
    train_samples: int | None
    noise: float
    scale: str
    split_seed: int | None


class Constraints:
    """Checks and settles values that are combined, and remembers the data sets by fingerprint."""

    def __init__(self) -> None:
        self.datasets: dict[str, DatasetSpec] = {}
        self._shapes: dict[str, Shape] = {}
        self._named: dict[tuple[int, int | None], tuple[DatasetSpec, Shape]] = {}

    def bind(
        self, axes: Sequence[GridAxis], rules: Collection[Rule], problems: list[Problem]
    ) -> Iterator[AxisValue]:
        """Yield the valid combinations that no rule drops, each once, with all columns settled."""
        seen: set[tuple[object, ...]] = set()
        pending = self._kept(axes, rules, problems)
        problems.extend(_order_problems(pending))
        for value in pending:
            columns = dict(value.columns)
            found = list(self._settle(columns, value.paths))
            problems.extend(found)
            key = tuple(sorted(columns.items(), key=lambda item: item[0]))
            if not found and key not in seen:
                seen.add(key)
                yield replace(value, columns=columns)

    def _kept(
        self, axes: Sequence[GridAxis], rules: Collection[Rule], problems: list[Problem]
    ) -> list[AxisValue]:
        """Return the values that no rule drops; only their data are loaded."""
        early = [rule for rule in rules if not rule.columns & set(COLUMNS["dataset"])]
        dropped = matching_rules(early, axes)
        rows = compress(product(*(axis.values for axis in axes)), ~dropped)
        named = []
        for value in (reduce(AxisValue.joined, row) for row in rows):
            try:
                named.append(value.with_columns(self._name_data(value.columns)))
            except DatasetError as error:
                got = error.got or value.columns["dataset"].name.partition("@")[0]
                problems.append(Problem(path=value.paths["dataset"], must=error.must, got=got))
        joint = GridAxis(tuple(name for axis in axes for name in axis.names), named)
        return list(compress(named, ~matching_rules(rules, [joint])))

    def _name_data(self, columns: Mapping[str, Any]) -> dict[str, object]:
        """Return the columns of the data set, whose size may follow from the topology."""
        if "dataset" not in columns or "topology" not in columns:
            return {}
        spec: DatasetSpec = columns["dataset"]
        size = None
        if spec.name == "one-hot" and not spec.options:
            if not columns["topology"]:
                raise DatasetError("have a size where a network of your own learns it")
            size = columns["topology"][0]
        if (id(spec), size) not in self._named:
            self._named[id(spec), size] = spec, self._load(spec, size)
        _, shape = self._named[id(spec), size]
        return {
            "dataset": shape.name,
            "data_fingerprint": shape.fingerprint,
            "dataset_train_samples": shape.train_samples,
            "dataset_noise": shape.noise,
            "dataset_scale": shape.scale,
            "dataset_split_seed": shape.split_seed,
        }

    def _load(self, spec: DatasetSpec, size: int | None) -> Shape:
        sized = spec if size is None else replace(spec, options=(("size", size),))
        data = load_data(sized)
        shape = Shape(
            name=data.name.removesuffix(spec.split_suffix),
            fingerprint=data.fingerprint,
            features=data.features,
            outputs=int(data.targets.shape[1]),
            samples=len(data.inputs),
            held_out=0 if data.validation_inputs is None else len(data.validation_inputs),
            train_samples=spec.train_samples,
            noise=spec.noise,
            scale=spec.scale,
            split_seed=spec.split_seed if spec.is_drawn else None,
        )
        self.datasets.setdefault(shape.fingerprint, sized)
        return self._shapes.setdefault(shape.fingerprint, shape)

    def _settle(self, columns: dict[str, Any], paths: Paths) -> Iterator[Problem]:
        """Settle the order of the samples, unless the data do not go with the topology."""
        samples, size = None, columns.get("batch_size")
        if "data_fingerprint" in columns:
            shape = self._shapes[columns["data_fingerprint"]]
            if columns.get("network"):
                yield from _settle_network(columns, shape, paths)
            ends, topology = (shape.features, shape.outputs), columns["topology"]
            if not topology:
                return
            if (topology[0], topology[-1]) != ends:
                yield _mismatch(shape.name, ends, topology, paths)
                return
            samples = shape.samples
            if size is not None and _most(size) > samples:
                must = f"be at most {samples}, the samples that {shape.name} trains on"
                hint = "null for all of them"
                yield Problem(path=paths["batch_size"], must=must, got=str(size), hint=hint)
                return
            if isinstance(size, Interval) and _most(size) == samples:
                must = f"end below the {samples} samples of {shape.name}"
                hint = "null in a list with it is all of them"
                yield Problem(path=paths["batch_size"], must=must, got=str(size), hint=hint)
                return
        if "batch_size" in columns and "sample_order" in columns:
            _settle_order(columns, samples)

    def clashes(self, axes: AxisProduct) -> Iterator[Problem]:
        """Yield the problems of pairs of values that are combined in some trial."""
        meeting = axes.combinations
        for value in meeting(initialiser=is_any("identity"), topology=_narrows):
            widths = value.columns["topology"]
            yield Problem(
                path=value.paths["topology"],
                must=f"have no width below the input's {widths[0]} with initialiser identity",
                got=format_topology(widths),
            )
        for value in meeting(hidden_dropout=bool, topology=_has_no_code):
            yield _unfit(value, "hidden_dropout", "be 0 where there is no hidden layer")
        yield from _unfit_penalties(meeting)
        for value in meeting(tied_weights=bool, topology=_has_no_mirror):
            must = "be false unless the widths are the same backwards, with a hidden layer"
            yield _unfit(value, "tied_weights", must)
        for value in meeting("batch_size", "data_fingerprint", normalisation=is_any("batch")):
            yield from self._lone_samples(value)
        for name in PLAIN:
            for value in meeting(**{name: is_chosen, "pretraining": is_chosen}):
                must = f"be none where {name} is not: it takes plain dense layers apart"
                got = str(value.columns["pretraining"])
                yield Problem(path=value.paths["pretraining"], must=must, got=got)
        for value in meeting("pretraining_layers", "topology", pretraining=is_chosen):
            yield from _unfit_pretraining(value)
        for value in meeting("network_options", *COLUMNS["loss"], network=is_chosen):
            yield from _unfit_loss(value)
        for rule in STOP_RULES.values():
            if (column := rule.columns.get("monitor")) is not None:
                wanted = {column: is_any(VALIDATION_LOSS)}
                for value in meeting("data_fingerprint", **wanted):
                    yield from self._unmonitored(value, (rule.name, "monitor"))
        binary = is_any("binary_cross_entropy")
        for value in meeting(loss=binary, loss_semantics=is_chosen, output_activation=is_chosen):
            yield from _unfit_outputs(value)

    def _lone_samples(self, value: AxisValue) -> Iterator[Problem]:
        shape = self._shapes.get(value.columns.get("data_fingerprint", ""))
        if shape is None:
            return
        size = value.columns.get("batch_size") or shape.samples
        if _leaves_one(size, shape.samples):
            yield Problem(
                path=value.paths["normalisation"],
                must="meet batches of two samples or more, the last included",
                got=f"batch_size {size} of {shape.samples} samples",
                hint="one sample has no variance; choose another batch_size",
            )

    def _unmonitored(self, value: AxisValue, key: tuple[str, str]) -> Iterator[Problem]:
        shape = self._shapes.get(value.columns.get("data_fingerprint", ""))
        if shape is not None and not shape.held_out:
            yield Problem(
                path=(*value.paths["convergence"], *key),
                must="be loss where the data hold no samples out of training",
                got=f"{VALIDATION_LOSS} of {shape.name}",
                hint="give dataset.validation, a share such as 0.2",
            )


def is_any(*names: object) -> Callable[[object], bool]:
    """Return a test of whether a value is one of these."""
    return lambda value: value in names


def is_chosen(value: object) -> bool:
    """Return whether an optional part of a network or its training is used; 0 is not."""
    return value not in (None, False, "none")


def _widths(test: Callable[[tuple[int, ...]], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, tuple) and test(value)


_narrows = _widths(lambda widths: min(widths) < widths[0])
_has_no_code = _widths(lambda widths: len(widths) == 2)
_has_no_mirror = _widths(lambda widths: len(widths) == 2 or widths != widths[::-1])


def _unfit(value: AxisValue, parameter: str, must: str) -> Problem:
    got = f"topology {format_topology(value.columns['topology'])}"
    return Problem(path=value.paths[parameter], must=must, got=got)


def _unfit_penalties(meeting: Callable[..., Iterator[AxisValue]]) -> Iterator[Problem]:
    """Yield the problems of penalties on codes that need more of a network than others."""
    for value in meeting(sparsity=is_chosen, topology=_has_no_code):
        yield _unfit(value, "sparsity", "be none where there is no hidden layer to hold a code")
    for value in meeting(sparsity=is_chosen, skip=is_chosen):
        must = "be none where skip is not: what is carried around leaves [0, 1]"
        yield Problem(path=value.paths["sparsity"], must=must, got=value.columns["sparsity"])
    for value in meeting(*COLUMNS["activation"], sparsity=is_chosen):
        yield from _unfit_activation(value)
    for name in ("code_penalty", "contractive_penalty"):
        for value in meeting(**{name: bool, "topology": _has_no_code}):
            must = "be 0 where there is no hidden layer to hold a code"
            yield _unfit(value, name, must)
    for name in ("normalisation", "skip", "flat_spot"):
        for value in meeting(**{"contractive_penalty": bool, name: is_chosen}):
            yield Problem(
                path=value.paths["contractive_penalty"],
                must=f"be 0 with {name}: it takes plain dense layers",
                got=str(value.columns["contractive_penalty"]),
            )
    for value in meeting(*COLUMNS["activation"], contractive_penalty=bool):
        activation, _ = declared_in(value.columns, "activation")
        if activation and not activation.elementwise:
            yield Problem(
                path=value.paths["contractive_penalty"],
                must="meet an activation that is elementwise",
                got=f"activation {value.columns['activation'].partition('@')[0]}",
            )


def _unfit_activation(value: AxisValue) -> Iterator[Problem]:
    """Yield the problem of sparsity with activations that are no probabilities."""
    found = (declared_in(columns, "activation") for columns in corners(value.columns))
    bounds = [kind.bounds(options) if kind else (-inf, inf) for kind, options in found]
    if any(low < 0.0 or high > 1.0 for low, high in bounds):
        yield Problem(
            path=value.paths["sparsity"],
            must="meet activations from 0 to 1, such as sigmoid's",
            got=f"activation {value.columns['activation'].partition('@')[0]}",
            hint="code_penalty takes any; one of your own says its bounds",
        )


def _unfit_pretraining(value: AxisValue) -> Iterator[Problem]:
    columns, widths = value.columns, value.columns.get("topology")
    path, kind = value.paths["pretraining"], columns["pretraining"]
    if not isinstance(widths, tuple):
        return
    depth, link = len(widths) - 1, columns.get("pretraining_layers") or 1
    got = f"{kind} of {format_topology(widths)}"
    if kind in ("greedy", "grow") and (depth < 4 or widths != widths[::-1] or depth % 2):
        must = "meet widths that are the same backwards, with three hidden layers or five or more"
        yield Problem(path=path, must=must, got=got)
    if kind == "chain" and (depth % link or depth == link or len(set(widths[::link])) > 1):
        must = "cut the layers into two links or more, each with as many outputs as inputs"
        yield Problem(path=path, must=must, got=f"{got}, {link} layers each")


def _unfit_loss(value: AxisValue) -> Iterator[Problem]:
    loss, options = declared_in(value.columns, "loss")
    if loss and loss.takes_logits(options.get("semantics")):
        must = "be of outputs with a network of your own: what they are made of is not known"
        got = f"{value.columns['loss']} with semantics {options.get('semantics')}"
        yield Problem(path=value.paths["loss"], must=must, got=got)


def _settle_network(columns: dict[str, Any], shape: Shape, paths: Paths) -> Iterator[Problem]:
    """Write the widths of a user's network, which is tried on a few samples."""
    path = paths["network"]
    try:
        facts = find_facts(
            columns["network"],
            columns["network_options"],
            features=shape.features,
            outputs=shape.outputs,
            dtype=columns["dtype"],
        )
    except PluginError as error:
        yield Problem(path=path, must=str(error).partition(": must ")[2])
        return
    columns["topology"] = (shape.features, facts.code_width, shape.outputs)
    size = columns.get("batch_size") or shape.samples
    if not facts.takes_one and _leaves_one(size, shape.samples):
        got = f"batch_size {size} of {shape.samples} samples"
        must = "meet batches of two samples or more, the last included: it cannot train on one"
        yield Problem(path=path, must=must, got=got, hint="choose another batch_size")


def _leaves_one(size: int | Interval, samples: int) -> bool:
    """Return whether any batch of an epoch is of one sample, or may be."""
    if isinstance(size, Interval):
        return any(_leaves_one(each, samples) for each in range(int(size.low), _most(size) + 1))
    return size == 1 or samples % size == 1


def _most(size: int | Interval) -> int:
    return int(size.high) if isinstance(size, Interval) else size


def _unfit_outputs(value: AxisValue) -> Iterator[Problem]:
    columns = value.columns
    output = columns["output_activation"]
    if output == OWN:
        return
    path, got = value.paths["loss"], f"output_activation {output}"
    if columns.get("loss_semantics") == "torch" and output not in ("sigmoid", "softmax"):
        yield Problem(
            path=path,
            must="meet outputs in [0, 1], of sigmoid or softmax, with torch's semantics",
            got=got,
            hint="give {name: binary_cross_entropy, semantics: keras}, which clips",
        )
    if columns.get("loss_semantics") == "logits" and output != "sigmoid":
        yield Problem(
            path=path,
            must="meet output_activation sigmoid with semantics logits",
            got=got,
            hint="the loss takes what the sigmoid is applied to",
        )


def _mismatch(name: str, ends: tuple[int, int], topology: tuple[int, ...], paths: Paths) -> Problem:
    first, last = ends
    return Problem(
        path=paths["topology"],
        must=f"begin with {first} and end with {last} for data set {name}",
        got=format_topology(topology),
    )


def _settle_order(columns: dict[str, Any], samples: int | None) -> None:
    """Write every setting that means one update with all samples as full batch."""
    size, order = columns["batch_size"], columns["sample_order"]
    all_samples = size is None or (samples is not None and _most(size) >= samples)
    full = all_samples or order == "full_batch"
    columns["batch_size"] = None if full else size
    columns["sample_order"] = "full_batch" if full else order or "shuffled"


def _order_problems(values: Sequence[AxisValue]) -> Iterator[Problem]:
    """Yield the problems of orders that no batch size allows."""
    meeting = [v for v in values if "batch_size" in v.columns and "sample_order" in v.columns]
    sizes = {value.columns["batch_size"] for value in meeting}
    orders = {value.columns["sample_order"]: value for value in meeting}
    for order, value in orders.items():
        path = value.paths["sample_order"]
        if order in ("fixed", "shuffled") and sizes == {None}:
            must = "be full_batch where no batch_size is given"
            yield Problem(path=path, must=must, got=str(order), hint="give a batch_size")
        if order == "full_batch" and None not in sizes:
            must = "be fixed or shuffled where batch_size is given"
            yield Problem(path=path, must=must, got=str(order))
