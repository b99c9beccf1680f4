"""Builds a sweep in Python, with completion: `Sweep(name=…, fixed=Fixed(…), grid=Grid(…))`.

Every class stands for a block of a sweep file and takes its keys as keywords; components,
data sets and stop rules are called by their names, as in `optimizer.adam(beta1=0.8)` and
`rule.delta(tolerance=1e-6)`. All are made from the schema of sweep files, and cannot differ from
it. What they make is a mapping of what was given, which `sweep.run` takes; values are judged there,
or by `Sweep.config`.
"""

from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter, Signature, cleandoc
from pathlib import Path
from types import new_class
from typing import Any, ClassVar, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sweep.components.registry import FAMILIES, STOP_RULES
from sweep.config import sweepfile
from sweep.config.parameters.choice import Choice, names_of
from sweep.config.parameters.components import Convergence as ConvergenceModel
from sweep.config.parameters.components import choices_of
from sweep.config.parameters.data_sets import Dataset
from sweep.config.scheduler import Scheduler
from sweep.config.search import Search as SearchModel
from sweep.config.sweepfile import SweepConfig
from sweep.errors import ConfigError, nearest
from sweep.saving import save, validated

__all__ = [
    "Convergence",
    "Fixed",
    "Grid",
    "Record",
    "Resources",
    "Search",
    "Sweep",
    "activation",
    "dataset",
    "gradient_clip",
    "initialiser",
    "input_noise",
    "interval",
    "learning_rate_schedule",
    "linear_range",
    "log_range",
    "loss",
    "normalisation",
    "optimizer",
    "output_activation",
    "pretraining",
    "rule",
    "scheduler",
    "skip",
    "sparsity",
]

FIRST_LINE = "Keywords are those of a sweep file; what is left out takes its default.\n\nArgs:\n"


class Block(Mapping[str, Any]):
    """A block of a sweep file, made by keywords: a mapping of those that were given."""

    model: ClassVar[type[BaseModel]]
    keys_given: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, *, model: type[BaseModel]) -> None:
        cls.model = model
        fields = {n: f for n, f in model.model_fields.items() if n not in cls.keys_given}
        parameters = [_parameter(name, field) for name, field in fields.items()]
        cls.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        told = "".join(f"    {name}: {field.description}.\n" for name, field in fields.items())
        cls.__doc__ = f"{cleandoc(model.__doc__ or '')}\n\n{FIRST_LINE if told else ''}{told}"

    def __init__(self, **given: Any) -> None:
        for name in given:
            if name not in self.model.model_fields or name in self.keys_given:
                raise self._unknown(name)
        self._given = {**self.keys_given, **given}

    def _unknown(self, name: str) -> ConfigError:
        known = [n for n in self.model.model_fields if n not in self.keys_given]
        must = f"be one of {', '.join(known)}" if known else "be left out: there are no options"
        where, hint = f"sweep.build.{type(self).__name__}", nearest(name, known)
        return ConfigError.of(where, must, key="keyword", got=repr(name), hint=hint)

    def __getitem__(self, name: str) -> Any:
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        given = (f"{n}={v!r}" for n, v in self._given.items() if n not in self.keys_given)
        return f"{type(self).__name__}({', '.join(given)})"


def _parameter(name: str, field: FieldInfo) -> Parameter:
    default = Parameter.empty if field.is_required() else field.get_default()
    if isinstance(default, list) and len(default) == 1:
        default = default[0]
    if isinstance(default, BaseModel):  # a block, whose own defaults hold
        default = None
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default)


class Fixed(Block, model=sweepfile.Fixed): ...


class Grid(Block, model=sweepfile.Grid): ...


class Convergence(Block, model=ConvergenceModel): ...


class Search(Block, model=SearchModel): ...


class Resources(Block, model=sweepfile.Resources): ...


class Record(Block, model=sweepfile.Record): ...


class Sweep(Block, model=SweepConfig):
    def config(self) -> SweepConfig:
        """Return the validated sweep.

        Raises:
            ConfigError: with everything that is wrong with it.
        """
        return validated(self)

    def save(self, path: str | Path) -> Path:
        """Write it as a sweep file, which asks for the same trials; see `sweep.save`."""
        return save(self, path)


class Family:
    """What a key takes by name: `optimizer.adam(beta1=0.8)`. Names have `_` for the files' `-`.

    Args:
        key: of the sweep file.
        models: the schema of each, by name.
        named: whether the name stands within what is made, and not as a key around it.
    """

    def __init__(self, key: str, models: Mapping[str, type[BaseModel]], *, named: bool) -> None:
        self._key = key
        self._classes = {_identifier(n): _part(n, m, named=named) for n, m in models.items()}

    def __dir__(self) -> list[str]:
        return list(self._classes)

    def __getattr__(self, name: str) -> type[Block]:
        classes: dict[str, type[Block]] = self.__dict__.get("_classes", {})
        if name in classes:
            return classes[name]
        must = f"{self.__dict__.get('_key', '')} must be one of {', '.join(classes)}"
        hint = nearest(name, list(classes))
        raise AttributeError(f"{must} (got {name!r}{f'; {hint}' if hint else ''})")

    def __repr__(self) -> str:
        return f"{self._key}: {', '.join(self._classes)}"


def _part(name: str, model: type[BaseModel], *, named: bool) -> type[Block]:
    members = {"keys_given": {"name": name} if named else {}, "__module__": __name__}
    return new_class(
        _identifier(name), (Block,), {"model": model}, lambda body: body.update(members)
    )


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _by_name(models: Iterable[type[Choice]]) -> dict[str, type[BaseModel]]:
    return {name: model for model in models for name in names_of(model)}


def _union(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the models of a union of choices, but for those of a user's own code."""
    (union, _) = get_args(annotation)
    return _by_name(get_args(union))


def _rules() -> dict[str, type[BaseModel]]:
    fields = ConvergenceModel.model_fields
    return {name: get_args(fields[name].annotation)[0] for name in STOP_RULES}


_families = {
    key: Family(key, _by_name(choices_of(key)), named=True) for key in FAMILIES if key != "network"
}
activation = _families["activation"]
output_activation = _families["output_activation"]
normalisation = _families["normalisation"]
skip = _families["skip"]
initialiser = _families["initialiser"]
loss = _families["loss"]
input_noise = _families["input_noise"]
gradient_clip = _families["gradient_clip"]
sparsity = _families["sparsity"]
learning_rate_schedule = _families["learning_rate_schedule"]
optimizer = _families["optimizer"]
pretraining = _families["pretraining"]
dataset = Family("dataset", _union(Dataset), named=True)
scheduler = Family("scheduler", _union(Scheduler), named=True)
rule = Family("convergence", _rules(), named=False)


def log_range(start: float, end: float, count: int) -> dict[str, Any]:
    """Return so many values from one end to the other in equal factors, both included."""
    return {"log": {"from": start, "to": end, "count": count}}


def linear_range(start: float, end: float, count: int) -> dict[str, Any]:
    """Return so many values from one end to the other in equal steps, both included."""
    return {"linear": {"from": start, "to": end, "count": count}}


def interval(low: float, high: float, *, log: bool = False) -> dict[str, Any]:
    """Return an interval that a search draws from; `log` where equal factors are as likely."""
    return {"from": low, "to": high, **({"log": True} if log else {})}
