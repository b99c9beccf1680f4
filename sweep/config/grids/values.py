"""Spreads parameters with options into the columns they fill."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from sweep.components.columns import column_of, options_column
from sweep.config.parameters.axis import Block
from sweep.config.parameters.choice import Choice
from sweep.config.parameters.components import Convergence, OwnChoice
from sweep.config.parameters.data_sets import PluginDataset, Source
from sweep.config.parameters.interval import Interval
from sweep.datasets.arrays import locate
from sweep.datasets.data import DatasetSpec, freeze
from sweep.errors import Fault
from sweep.plugins.components import component_in, declared_in, with_columns, write_options
from sweep.plugins.sources import digest_of

_COMMON = tuple(Source.model_fields)
Paths = Mapping[str, tuple[str | int, ...]]
Places = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A fault that shows only when values are combined; `path` is as pydantic would locate it."""

    path: tuple[str | int, ...]
    must: str
    key: str | None = None
    got: str | None = None
    hint: str | None = None

    def fault(self, where: str, key: str = "") -> Fault:
        """Return it at a place; `key` names what is at fault where the problem does not."""
        return Fault(where=where, key=self.key or key, must=self.must, got=self.got, hint=self.hint)


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis of the grid.

    Attributes:
        columns: what it puts into the columns of a trial.
        paths: where each of its parameters was given.
        places: of a search, the place of each of its parameters' values among all of them.
    """

    columns: Mapping[str, Any]
    paths: Paths = field(default_factory=dict)
    places: Places | None = None

    def joined(self, other: "AxisValue") -> "AxisValue":
        """Return the two values as one."""
        places = {**(self.places or {}), **(other.places or {})} or None
        return AxisValue({**self.columns, **other.columns}, {**self.paths, **other.paths}, places)

    def with_columns(self, columns: Mapping[str, Any]) -> "AxisValue":
        """Return it with more or other columns."""
        return AxisValue({**self.columns, **columns}, self.paths, self.places)


@dataclass(frozen=True)
class Seeds(Sequence[AxisValue]):
    """Values that are seeds counted from one, each made when it is asked for.

    A million of them, of which little is asked, would otherwise be half a gigabyte.
    """

    seeds: range
    paths: Paths

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Seeds(self.seeds[index], self.paths)
        return AxisValue({"seed": self.seeds[index]}, self.paths)

    def __iter__(self) -> Iterator[AxisValue]:
        return (AxisValue({"seed": seed}, self.paths) for seed in self.seeds)


def spread(parameter: str, value: object) -> list[dict[str, object]]:
    """Return the columns of a parameter's value, once for every combination of its options."""
    if isinstance(value, Source):
        return [{"dataset": spec} for spec in _dataset_specs(value)]
    if isinstance(value, Convergence):
        return list(_stop_rules(value))
    if isinstance(value, OwnChoice):
        return [_own_columns(parameter, value, given) for given in _combined(_options(value))]
    if isinstance(value, Choice):
        options = {column_of(parameter, name): axis for name, axis in _options(value).items()}
        return [{parameter: value.name, **combined} for combined in _combined(options)]
    return [{parameter: value}]


def problems_of(columns: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield the problems of one parameter with its options."""
    if "optimizer" in columns:
        found = (component_in(ends, "optimizer") for ends in corners(columns))
        for must, got in dict.fromkeys(f for rule, given in found for f in rule.faults(given)):
            yield Problem(path=path, must=must, got=got)
    if "activation" in columns:
        activation, _ = declared_in(columns, "activation")
        if activation and not activation.hidden:
            must, got = "be an activation that hidden layers can have", columns["activation"]
            yield Problem(path=path, must=must, got=got)
    if "max_epochs" in columns and columns["max_epochs"] is None:
        hint = "a rule that is never met would train for ever"
        yield Problem(path=path, must="hold max_epochs (or epochs)", hint=hint)


def corners(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield columns with every combination of the ends of their intervals."""
    held = {name: value for name, value in columns.items() if isinstance(value, Interval)}
    for ends in product(*((value.low, value.high) for value in held.values())):
        yield {**columns, **dict(zip(held, ends, strict=True))}


def _own_columns(parameter: str, value: OwnChoice, options: Mapping[str, Any]) -> dict[str, object]:
    """Return the columns of a user's own component, most of its options in one."""
    apart = {column_of(parameter, n): options[n] for n in with_columns(value.component)}
    text = write_options(value.component, options)
    return {parameter: value.name, **apart, options_column(parameter): text}


def _options(block: Block) -> dict[str, Any]:
    """Return the options of a block that have values."""
    names = [name for name in type(block).model_fields if name != "name"]
    given = {name: getattr(block, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def _combined(options: Mapping[str, Sequence[object]]) -> Iterator[dict[str, object]]:
    for values in product(*options.values()):
        yield dict(zip(options, values, strict=True))


def _stop_rules(convergence: Convergence) -> Iterator[dict[str, object]]:
    options: dict[str, Sequence[object]] = {"max_epochs": [None]}
    for name, value in _options(convergence).items():
        if isinstance(value, Block):
            options |= {column_of(name, option): axis for option, axis in _options(value).items()}
        else:
            options["fixed_epochs" if name == "epochs" else name] = value
    for columns in _combined(options):
        limit = columns["max_epochs"] or columns.get("fixed_epochs")
        yield {**columns, "max_epochs": limit}


def _dataset_specs(source: Source) -> Iterator[DatasetSpec]:
    options = _options(source)
    common = {name: options.pop(name) for name in _COMMON if name in options}
    if isinstance(source, PluginDataset):
        options = {name: [value] for name, value in source.options.items()}
    options = {name: [axis] if name in source.lists else axis for name, axis in options.items()}
    for combination in _combined(options):
        for asked in _combined(common):
            yield _dataset_spec(source.name, combination, asked)


def _dataset_spec(
    name: str, options: Mapping[str, object], asked: Mapping[str, Any]
) -> DatasetSpec:
    """Return a spec that is equal for equal data, with absolute paths.

    A user's function is named with the digest of its source, so that it is called anew once edited.
    """
    if isinstance(path := options.get("path"), str) and ":" not in name:
        options = {**options, "path": str(locate(path))}
    if ":" in name and (digest := digest_of(name.partition(":")[0])):
        name = f"{name}@{digest}"
    frozen = tuple((n, freeze(v)) for n, v in sorted(options.items()))
    spec = DatasetSpec(name, frozen, **asked)
    return spec if spec.is_drawn else replace(spec, split_seed=0)
