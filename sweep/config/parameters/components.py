"""How a sweep file says components and stop rules: by what each component declares."""

import inspect
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    SerializationInfo,
    create_model,
)
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from sweep.components.networks import Network
from sweep.components.registry import BASES, FAMILIES, OPEN, STOP_RULES
from sweep.components.spec import REQUIRED, Component, Option
from sweep.components.stopping import StopRule
from sweep.config.parameters.axis import Axis, Block, Count, Positive, must, whole
from sweep.config.parameters.choice import Choice, PluginPath, named_schema, tag_of
from sweep.plugins.components import FUNCTIONS, own_component
from sweep.plugins.sources import PluginError, is_class, pin_plugin
from sweep.trial import PARAMETERS

BOUNDS = {"above": Gt, "least": Ge, "below": Lt, "most": Le}


class Nothing(Choice):
    """As if the parameter were left out."""

    name: Literal["none"] = Field(description="none")


class OwnChoice(Choice):
    """A component of the user's own, with its options."""

    component: ClassVar[Component]


def _written(value: Choice, info: SerializationInfo) -> dict[str, Any]:
    return value.model_dump(mode=info.mode, exclude_unset=info.exclude_unset)


class OwnCode(Choice):
    """The place of a user's own code in a union: what it declares is known once it is named."""

    model_config = ConfigDict(extra="allow")

    base: ClassVar[Any]

    @classmethod
    def chosen(cls, value: Any, _: Any) -> Any:
        if isinstance(value, Choice):
            return value
        try:
            pinned = pin_plugin(value["name"])
            model = own_choice(cls.base, pinned)
        except PluginError as error:
            text = str(error).rpartition(": must ")[2]
            raise must(text, step="name", got=value["name"]) from error
        tagged = core_schema.tagged_union_schema(
            {tag_of(model): model.__pydantic_core_schema__}, discriminator=lambda _: tag_of(model)
        )
        return SchemaValidator(tagged).validate_python({**value, "name": pinned})


def own_choice(base: Any, name: str) -> type[OwnChoice]:
    """Return the model of a user's own component; its module is run if it is a class.

    Raises:
        PluginError: it cannot be loaded, or is of another kind.
    """
    if base in FUNCTIONS and not is_class(name):
        return _own_choice(name, _function(base, name))
    return _own_choice(name, own_component(base, name))


@cache
def _function(base: Any, name: str) -> Component:
    """Return what a function counts as; it is loaded where it is used."""
    component: Component = FUNCTIONS[base](name, None)
    return component


@cache
def _own_choice(name: str, component: Component) -> type[OwnChoice]:
    fields = {"name": (str, Field(description="your own code")), **option_fields(component)}
    model = create_model(name, __base__=OwnChoice, __doc__=component.doc, **fields)
    model.component = component
    return model


@cache
def _choice(component: Component, base: Any) -> type[Choice]:
    kind, name = type(component), component.name
    fields = {"name": (Literal[name], Field(description=name)), **option_fields(component)}
    title = f"{kind.__name__}{base.__name__}"
    return create_model(title, __base__=Choice, __doc__=inspect.getdoc(kind), **fields)


@cache
def _own_code(base: Any) -> type[OwnCode]:
    wrapper = FUNCTIONS.get(base)
    article = "An" if base.__name__[0] in "AEIOU" else "A"
    what = "a class" if wrapper is None else "a function, or a class"
    if base is Network:
        what = "a function, or a class, that makes a torch.nn.Module with encode and decode,"
    name = (PluginPath, Field(description="your own code, as package.module:name"))
    model = create_model(
        f"Own{base.__name__}",
        __base__=OwnCode,
        __doc__=f"{article} {base.__name__.lower()} of your own: {what} with options of its own.",
        name=name,
        **(option_fields(wrapper) if wrapper else {}),
    )
    model.base = base
    return model


def option_fields(component: Component | type[Component]) -> dict[str, Any]:
    """Return the options of a component as the fields of a model."""
    return {name: _field(spec) for name, spec in component.options.items()}


def _field(spec: Option) -> tuple[Any, Any]:
    kind: Any = Literal[spec.choices] if spec.choices else spec.kind
    marks = [mark(getattr(spec, n)) for n, mark in BOUNDS.items() if getattr(spec, n) is not None]
    if spec.kind is int:
        marks.insert(0, BeforeValidator(whole))
    if marks:
        kind = Annotated[(kind, *marks)]
    if spec.optional:
        kind = kind | None
    default = ... if spec.default is REQUIRED else [spec.default]
    return Axis[kind], Field(default=default, description=spec.doc)


def choices_of(family: str) -> tuple[type[Choice], ...]:
    """Return what a parameter can be: a component of its own, nothing, or a user's own code."""
    base, known = BASES[family], FAMILIES[family].values()
    fit = (c for c in known if family != "activation" or getattr(c, "hidden", True))
    nothing = [Nothing] if PARAMETERS[family].metadata["neutral"] == "none" else []
    own = [_own_code(base)] if family in OPEN else []
    return (*nothing, *(_choice(component, base) for component in fit), *own)


@dataclass(frozen=True)
class ComponentOf:
    """Marks what a parameter takes: a component by its name, with options or without."""

    family: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return named_schema(choices_of(self.family), partial(_schema, handler))


def _schema(handler: GetCoreSchemaHandler, model: type[Choice]) -> CoreSchema:
    schema = handler.generate_schema(model)
    if not issubclass(model, OwnCode):
        return schema
    written = core_schema.plain_serializer_function_ser_schema(_written, info_arg=True)
    return core_schema.no_info_wrap_validator_function(model.chosen, schema, serialization=written)


def _block(rule: StopRule) -> tuple[Any, Any]:
    """Return the type and description of the block that a stop rule is in a sweep file."""
    doc = type(rule).__doc__ or ""
    title = f"{type(rule).__name__}Rule"
    block = create_model(title, __base__=Block, __doc__=doc, **option_fields(rule))
    summary = doc.split("\n")[0].rstrip(".")
    return block | None, Field(None, description=summary[:1].lower() + summary[1:])


_BLOCKS: dict[str, Any] = {name: _block(rule) for name, rule in STOP_RULES.items()}
_Rules: Any = create_model("_Rules", __base__=Block, **_BLOCKS)


class Convergence(_Rules):  # type: ignore[misc]
    """When a trial stops: at the first rule met, or at a limit."""

    epochs: Axis[Count] | None = Field(default=None, description="train exactly this many epochs")
    max_epochs: Axis[Count] | None = Field(
        default=None, description="most epochs before giving up; required unless epochs is given"
    )
    max_seconds: Axis[Positive] | None = Field(
        default=None, description="most seconds before giving up"
    )
    restore: Axis[Literal["last", "best"]] | None = Field(
        default=None,
        description="which weights a trial stands for: those after the epoch of the least loss "
        "that its rules monitor (best; by held-out samples, where there are any, if no rule "
        "monitors), or the last; last where left out",
    )
