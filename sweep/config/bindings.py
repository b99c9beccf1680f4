"""What follows where parameters meet: data and topology, batch and order. Knows no grids."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweep.config.columns import COLUMNS
from sweep.config.conditions import Rule
from sweep.config.values import Paths, Problem, Value
from sweep.datasets import DatasetError, DatasetSpec, load_data
from sweep.trial import format_topology

Combinations = Callable[..., Iterator[Value]]


def interacting(values: Mapping[str, Sequence[Value]]) -> list[tuple[str, ...]]:
    """Return the groups of parameters to be settled together, of those given."""
    names = ["dataset", "topology"]
    batches = values.get("batch_size", ())
    if any(value.columns["batch_size"] is not None for value in batches):
        return [tuple(n for n in (*names, "batch_size", "sample_order") if n in values)]
    groups = [tuple(names), ("batch_size", "sample_order")]
    return [group for group in groups if all(name in values for name in group)]


PLAIN = ("normalisation", "skip", "tied_weights")
"""What pretraining does not go with."""


class Bindings:
    """Settles values that meet, and remembers the data sets by fingerprint."""

    def __init__(self) -> None:
        self.datasets: dict[str, DatasetSpec] = {}

    def bind(
        self, values: Iterable[Value], rules: Collection[Rule], problems: list[Problem]
    ) -> Iterator[Value]:
        """Yield the values that can be and that no rule drops, each once, with all settled."""
        seen: set[tuple[object, ...]] = set()
        pending = list(self._kept(values, rules, problems))
        problems.extend(_order_problems(pending))
        for value in pending:
            columns = dict(value.columns)
            found = list(self._settle(columns, value.paths))
            problems.extend(found)
            key = tuple(sorted(columns.items(), key=lambda item: item[0]))
            if not found and key not in seen:
                seen.add(key)
                yield Value(columns, value.paths)

    def _kept(
        self, values: Iterable[Value], rules: Collection[Rule], problems: list[Problem]
    ) -> Iterator[Value]:
        """Yield the values that no rule drops, their data loaded only where no rule saves it."""
        early = [rule for rule in rules if not rule.columns & set(COLUMNS["dataset"])]
        for value in values:
            if any(rule.holds(value.columns) for rule in early):
                continue
            try:
                named = Value({**value.columns, **self._name_data(value.columns)}, value.paths)
            except DatasetError as error:
                got = error.got or str(value.columns["dataset"].name)
                problems.append(Problem(path=value.paths["dataset"], must=error.must, got=got))
                continue
            if not any(rule.holds(named.columns) for rule in rules):
                yield named

    def _name_data(self, columns: Mapping[str, Any]) -> dict[str, str]:
        """Return the columns of the data set, once there is a topology to say its size."""
        if "dataset" not in columns or "topology" not in columns:
            return {}
        spec = columns["dataset"]
        if spec.name == "one-hot" and not spec.options:
            spec = replace(spec, options=(("size", columns["topology"][0]),))
        data = load_data(spec)
        self.datasets.setdefault(data.fingerprint, spec)
        return {"dataset": data.name, "data_fingerprint": data.fingerprint}

    def _settle(self, columns: dict[str, Any], paths: Paths) -> Iterator[Problem]:
        """Settle the order of the samples, unless the data do not go with the topology."""
        samples = None
        if "data_fingerprint" in columns:
            data = load_data(self.datasets[columns["data_fingerprint"]])
            ends, topology = (data.features, int(data.targets.shape[1])), columns["topology"]
            if (topology[0], topology[-1]) != ends:
                yield _mismatch(data.name, ends, topology, paths)
                return
            samples = len(data.inputs)
        if "batch_size" in columns and "sample_order" in columns:
            _settle_order(columns, samples)

    def clashes(self, combinations: Combinations) -> Iterator[Problem]:
        """Yield what is wrong with pairs of values that meet in some trial."""
        for value in combinations("initialiser", "topology"):
            widths = value.columns.get("topology")
            identity = value.columns.get("initialiser") == "identity"
            if identity and isinstance(widths, tuple) and min(widths) < widths[0]:
                yield Problem(
                    path=value.paths["topology"],
                    must=f"have no width below the input's {widths[0]} with initialiser identity",
                    got=format_topology(widths),
                )
        for value in combinations("code_penalty", "tied_weights", "topology"):
            yield from _unfit_topology(value)
        for value in combinations("normalisation", "batch_size", "data_fingerprint"):
            if value.columns.get("normalisation") == "batch":
                yield from self._lone_samples(value)
        for value in combinations(*PLAIN, "pretraining", "pretraining_layers", "topology"):
            if value.columns.get("pretraining", "none") != "none":
                yield from _unfit_pretraining(value)
        for value in combinations("loss", "loss_semantics", "output_activation"):
            yield from _unfit_outputs(value)

    def _lone_samples(self, value: Value) -> Iterator[Problem]:
        spec = self.datasets.get(value.columns.get("data_fingerprint", ""))
        if spec is None:
            return
        samples = len(load_data(spec).inputs)
        size = value.columns.get("batch_size") or samples
        if size == 1 or samples % size == 1:
            yield Problem(
                path=value.paths["normalisation"],
                must="meet batches of two samples or more, the last included",
                got=f"batch_size {size} of {samples} samples",
                hint="one sample has no variance; choose another batch_size",
            )


def _unfit_topology(value: Value) -> Iterator[Problem]:
    columns, widths = value.columns, value.columns.get("topology")
    if not isinstance(widths, tuple):
        return
    got = f"topology {format_topology(widths)}"
    if columns.get("code_penalty") and len(widths) == 2:
        must = "be 0 where there is no hidden layer to hold a code"
        yield Problem(path=value.paths["code_penalty"], must=must, got=got)
    if columns.get("tied_weights") and (len(widths) == 2 or widths != widths[::-1]):
        must = "be false unless the widths are the same backwards, with a hidden layer"
        yield Problem(path=value.paths["tied_weights"], must=must, got=got)


def _unfit_pretraining(value: Value) -> Iterator[Problem]:
    columns, widths = value.columns, value.columns.get("topology")
    path, kind = value.paths["pretraining"], columns["pretraining"]
    for name in (name for name in PLAIN if columns.get(name) not in (None, False, "none")):
        must = f"be none where {name} is not: it takes plain dense layers apart"
        yield Problem(path=path, must=must, got=str(kind))
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


def _unfit_outputs(value: Value) -> Iterator[Problem]:
    columns = value.columns
    output = columns.get("output_activation")
    if columns.get("loss") != "binary_cross_entropy" or output is None:
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
    """Call everything that is one update with all samples the same: full batch."""
    size, order = columns["batch_size"], columns["sample_order"]
    full = size is None or order == "full_batch" or (samples is not None and size >= samples)
    columns["batch_size"] = None if full else size
    columns["sample_order"] = "full_batch" if full else order or "shuffled"


def _order_problems(values: Sequence[Value]) -> Iterator[Problem]:
    """Yield what is wrong with an order that no batch size allows."""
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
