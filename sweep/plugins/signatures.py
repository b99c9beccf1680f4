"""Reads the options of a user's network from the arguments of the function that makes it."""

import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from sweep.components.networks import Network
from sweep.components.spec import REQUIRED, Option
from sweep.plugins.sources import PluginError

if TYPE_CHECKING:
    from torch import nn

WIDTHS = ("features", "outputs")
"""Arguments that are given the widths of the data."""
PLAIN = (bool, int, float)
REST = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class FunctionNetwork(Network):
    """A network that a function, or a class of modules, makes of its arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def build(self, options: Mapping[str, Any], *, features: int, outputs: int) -> "nn.Module":
        known = inspect.signature(self._function).parameters
        widths = dict(zip(WIDTHS, (features, outputs), strict=True))
        given = {name: width for name, width in widths.items() if name in known}
        made: nn.Module = self._function(**given, **options)
        return made


def network_of(name: str, function: Callable[..., Any]) -> FunctionNetwork:
    """Return the network that a function makes, its options those of the function's arguments.

    Raises:
        PluginError: an argument is not an option that a sweep file can give.
    """
    try:
        known = inspect.signature(function, eval_str=True).parameters.values()
    except (TypeError, ValueError, NameError) as error:
        raise PluginError(f"{name}: must have arguments that can be read ({error})") from error
    arguments = [a for a in known if a.name not in WIDTHS and a.kind not in REST]
    options = {argument.name: _option(name, argument) for argument in arguments}
    doc = (inspect.getdoc(function) or "").partition("\n\n")[0]
    kind: type[FunctionNetwork] = type("Made", (FunctionNetwork,), {"__doc__": doc, **options})
    return kind(function)


def _option(name: str, argument: Parameter) -> Option:
    """Return an argument as an option: of the type of its annotation, else of its default."""
    if argument.kind is Parameter.POSITIONAL_ONLY or hasattr(FunctionNetwork, argument.name):
        raise PluginError(f"{name}: must have another argument in place of {argument.name}")
    default = REQUIRED if argument.default is Parameter.empty else argument.default
    hint: Any = argument.annotation
    if hint is Parameter.empty:
        hint = type(default)
    optional = default is None or NoneType in get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        hints = [part for part in get_args(hint) if part is not NoneType]
        hint = hints[0] if len(hints) == 1 else hint
    doc = f"argument of {name.partition('@')[0]}"
    words = get_args(hint) if get_origin(hint) is Literal else ()
    if words and all(isinstance(word, str) for word in words):
        return Option(doc=doc, kind=str, choices=words, default=default, optional=optional)
    if hint not in PLAIN:
        raise PluginError(
            f"{name}: must have arguments whose defaults or annotations say that they are numbers, "
            f"true or false, or a Literal of words, not {argument}"
        )
    return Option(doc=doc, kind=hint, default=default, optional=optional)
