"""What follows where parameters meet: data and topology, batch and order. Knows no grids."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sweep.config.values import Problem, Value
from sweep.datasets import Data, DatasetError, DatasetSpec, load_data

Combinations = Callable[..., Iterator[Value]]


def interacting(values: Mapping[str, Sequence[Value]]) -> list[tuple[str, ...]]:
    """Return the groups of parameters to be settled together, of those given."""
    names = ["dataset", "topology"]
    batches = values.get("batch_size", ())
    if any(value.columns["batch_size"] is not None for value in batches):
        return [tuple(n for n in (*names, "batch_size", "sample_order") if n in values)]
    groups = [tuple(names), ("batch_size", "sample_order")]
    return [group for group in groups if all(name in values for name in group)]


class Bindings:
    """Settles values that meet, and remembers the data sets by fingerprint."""

    def __init__(self) -> None:
        self.datasets: dict[str, DatasetSpec] = {}

    def bind(
        self, values: Iterable[Value], names: Sequence[str], problems: list[Problem]
    ) -> Iterator[Value]:
        """Yield the values that can be, each once, with what follows settled."""
        seen: set[tuple[object, ...]] = set()
        pending = list(values)
        problems.extend(_order_problems(pending))
        for value in pending:
            columns = dict(value.columns)
            found = self._settle(columns, value, names)
            problems.extend(found)
            key = tuple(sorted(columns.items(), key=lambda item: item[0]))
            if not found and key not in seen:
                seen.add(key)
                yield Value(columns, value.paths)

    def _settle(self, columns: dict[str, Any], value: Value, names: Sequence[str]) -> list[Problem]:
        samples = None
        if "dataset" in names and "topology" in names:
            data, problems = self._load(columns, value)
            if problems or data is None:
                return problems
            samples = len(data.inputs)
        if "batch_size" in names and "sample_order" in names:
            _settle_order(columns, samples)
        return []

    def _load(self, columns: dict[str, Any], value: Value) -> tuple[Data | None, list[Problem]]:
        spec, topology = columns["dataset"], columns["topology"]
        if spec == DatasetSpec("one-hot"):
            spec = DatasetSpec("one-hot", (("size", topology[0]),))
        try:
            data = load_data(spec)
        except DatasetError as error:
            return None, [Problem(path=value.paths["dataset"], must=str(error), got=spec.name)]
        ends = (data.features, int(data.targets.shape[1]))
        if (topology[0], topology[-1]) != ends:
            return None, [_mismatch(data.name, ends, topology, value)]
        self.datasets.setdefault(data.fingerprint, spec)
        columns |= {"dataset": data.name, "data_fingerprint": data.fingerprint}
        return data, []

    def clashes(self, combinations: Combinations) -> Iterator[Problem]:
        """Yield what is wrong with pairs of values that meet in some trial."""
        for value in combinations("initialiser", "topology"):
            widths = value.columns.get("topology")
            identity = value.columns.get("initialiser") == "identity"
            if identity and isinstance(widths, tuple) and min(widths) < widths[0]:
                yield Problem(
                    path=value.paths["topology"],
                    must=f"have no width below the input's {widths[0]} with initialiser identity",
                    got="-".join(map(str, widths)),
                )
        for value in combinations("loss", "loss_semantics", "output_activation"):
            yield from _outside_unit(value)


def _outside_unit(value: Value) -> Iterator[Problem]:
    columns = value.columns
    strict = columns.get("loss") == "binary_cross_entropy" and (
        columns.get("loss_semantics") == "torch"
    )
    output = columns.get("output_activation")
    if strict and output is not None and output not in ("sigmoid", "softmax"):
        yield Problem(
            path=value.paths["loss"],
            must="meet outputs in [0, 1], of sigmoid or softmax, with torch's semantics",
            got=f"output_activation {output}",
            hint="give {name: binary_cross_entropy, semantics: keras}, which clips",
        )


def _mismatch(name: str, ends: tuple[int, int], topology: tuple[int, ...], value: Value) -> Problem:
    first, last = ends
    return Problem(
        path=value.paths["topology"],
        must=f"begin with {first} and end with {last} for data set {name}",
        got="-".join(map(str, topology)),
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
