"""A parameter given by a name with options of its own."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from sweep.config.parameters.axis import Block, must
from sweep.errors import nearest
from sweep.plugins.sources import is_plugin


class Choice(Block):
    """A name and the options that it takes; the name alone where all options have defaults."""

    name: str


PluginPath = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[\w.]+:\w+$",
            "description": "your own code, as package.module:name",
        }
    ),
]


class Named:
    """Marks a union of choices, told apart by `name`."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return named_schema(get_args(source), handler.generate_schema)


def named_schema(
    models: tuple[type[Choice], ...], schema_of: Callable[[type[Choice]], CoreSchema]
) -> CoreSchema:
    """Return the schema of a union of choices, told apart by `name`."""
    tags = {name: tag_of(model) for model in models for name in names_of(model)}
    plugin = next((tag_of(m) for m in models if not names_of(m)), None)
    union = core_schema.tagged_union_schema(
        {tag_of(model): schema_of(model) for model in models},
        discriminator=lambda value: tags.get(_name(value), plugin),
    )
    names = sorted(tags)
    return core_schema.no_info_before_validator_function(
        lambda value: _as_choice(value, names=names, plugin=plugin is not None),
        union,
        metadata={"pydantic_js_functions": [_by_name(models)]},
    )


def _by_name(models: tuple[type[Choice], ...]) -> Any:
    """Return the rule of the JSON Schema: a bare name will do where no option is required."""
    bare = [n for m in models for n in names_of(m) if not _required(m)]
    plugin = any(not names_of(m) and not _required(m) for m in models)

    def schema(core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        options = handler(core).get("oneOf") or [handler(core)]
        names: list[JsonSchemaValue] = [{"enum": sorted(bare)}] if bare else []
        if plugin:
            names.append({"type": "string", "pattern": r"^[\w.]+:\w+$"})
        return {"anyOf": [*names, *options]}

    return schema


def _required(model: type[Choice]) -> list[str]:
    fields = model.model_fields.items()
    return [name for name, field in fields if name != "name" and field.is_required()]


def names_of(model: type[Choice]) -> tuple[str, ...]:
    """Return the names that a choice goes by; none for the user's own code."""
    annotation = model.model_fields["name"].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def tag_of(model: type[Block]) -> str:
    """Return what stands for the model in the location of a pydantic error."""
    return f"<{model.__name__}>"


def _name(value: Any) -> str:
    return str(value["name"]) if isinstance(value, dict) else str(value.name)


def _as_choice(value: Any, *, names: list[str], plugin: bool) -> Any:
    """Turn a bare name into a mapping, and refuse what is no name."""
    if isinstance(value, Choice):
        return value
    choice = {"name": value} if isinstance(value, str) else value
    allowed = f"be one of {', '.join(names)}" + (" or package.module:name" if plugin else "")
    if not names:
        allowed = "be package.module:name"
    if not isinstance(choice, dict):
        raise must(f"{allowed}, or a mapping with name and options")
    name = choice.get("name")
    if "name" not in choice:
        raise must(f"hold name: {allowed.removeprefix('be ')}")
    if not isinstance(name, str) or not (name in names or (plugin and is_plugin(name))):
        hint = nearest(name, names) if isinstance(name, str) else None
        raise must(allowed, step="name", got=name, hint=hint)
    return choice
