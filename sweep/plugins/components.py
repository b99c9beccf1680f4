"""What a parameter's name stands for: a built-in component, or a user's own, and its options."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation
from sweep.components.columns import column_of, options_column
from sweep.components.initialisers import Draw, Initialiser
from sweep.components.losses import Loss, Variant
from sweep.components.registry import BASES, FAMILIES
from sweep.components.spec import REQUIRED, Component, Option
from sweep.plugins.loading import load_plugin
from sweep.plugins.sources import PluginError, is_plugin
from sweep.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def component_of(trial: Trial, family: str) -> tuple[Any, dict[str, Any]]:
    """Return the component that a trial names, and the values of its options by their names.

    Args:
        trial: whose.
        family: a parameter that names a component, such as activation.

    Returns:
        None and nothing where the trial has none. An option whose column is null has its neutral
        value or, without one, its default.
    """
    name = getattr(trial, family)
    if is_plugin(name):
        return own_component(family, name), own_options(trial, family)
    component = FAMILIES[family].get(name)
    if component is None:
        return None, {}
    return component, {
        option: _value(getattr(trial, column_of(family, option)), spec)
        for option, spec in component.options.items()
    }


def flags_of(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a component's options chooses what runs.

    That is the value of those that choose code, and of those by presence whether they are used.
    """
    return {
        name: options[name] if spec.chooses_code and spec.kind is not bool else bool(options[name])
        for name, spec in component.options.items()
        if spec.chooses_code or spec.presence
    }


def own_options(trial: Trial, family: str) -> dict[str, Any]:
    """Return the values of the options of a user's own component by their names."""
    component = own_component(family, getattr(trial, family))
    given = _read_options(component, getattr(trial, options_column(family)))
    for name in with_columns(component, family):
        given[name] = _value(getattr(trial, column_of(family, name)), component.options[name])
    return given


def with_columns(component: Component, family: str) -> tuple[str, ...]:
    """Return the options of a user's own component that have columns of their own."""
    if isinstance(component, tuple(FUNCTIONS.values())):
        return tuple(component.options)
    return tuple(name for name in component.options if name in BASES[family].options)


def own_component(family: str, name: str) -> Component:
    """Load a user's own component, or a function in the place of one.

    Raises:
        PluginError: it cannot be loaded, or is a class of another kind.
    """
    return _made(family, load_plugin(name), name)


@cache
def _made(family: str, found: Any, name: str) -> Component:
    base = BASES[family]
    if inspect.isclass(found) and issubclass(found, Component):
        if not issubclass(found, base):
            raise PluginError(f"{name}: must be a subclass of {base.__module__}.{base.__name__}")
        try:
            return found()
        except Exception as error:  # a method is missing, or a user's code raises
            raise PluginError(f"{name}: must be made without arguments ({error})") from error
    wrapper = FUNCTIONS.get(base)
    if wrapper is None:
        raise PluginError(f"{name}: must be a subclass of {base.__module__}.{base.__name__}")
    component: Component = wrapper(name, found)
    return component


def write_options(component: Component, family: str, values: Mapping[str, Any]) -> str | None:
    """Return a user's own options as text, `beta=1.5,gamma=2`, sorted, neutral ones left out."""
    apart = with_columns(component, family)
    specs = component.options
    told = {n: v for n, v in values.items() if n not in apart and v != specs[n].neutral}
    return ",".join(f"{name}={_written(told[name])}" for name in sorted(told)) or None


def _read_options(component: Component, text: str | None) -> dict[str, Any]:
    """Return the values of all options from the text of those that are not neutral."""
    given = dict(pair.split("=", 1) for pair in (text or "").split(",") if pair)
    return {
        name: _read(given[name], spec) if name in given else spec.neutral
        for name, spec in component.options.items()
    }


def _written(value: object) -> str:
    plain = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return plain[value]
    return value if isinstance(value, str) else repr(value)


def _read(text: str, spec: Option) -> Any:
    if text == "null":
        return None
    return text == "true" if spec.kind is bool else spec.kind(text)


def _value(value: object, spec: Option) -> object:
    if value is not None or spec.optional:
        return value
    if spec.neutral is not None:
        return spec.neutral
    return None if spec.default is REQUIRED else spec.default


class FunctionActivation(Activation):
    """An activation that is a function of a tensor."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._function = function

    def torch(self, x: "Tensor", options: Mapping[str, Any]) -> "Tensor":
        activated: Tensor = self._function(x)
        return activated


class FunctionInitialiser(Initialiser):
    """An initialiser that is a function of fan-in, fan-out, constant and generator."""

    constant = Option(doc="c, if your function wants one", default=None, optional=True)

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name, self._function = name, function

    def weights(
        self, draw: Draw, *, fan_in: int, fan_out: int, options: Mapping[str, Any]
    ) -> "np.ndarray":
        import numpy as np

        made = self._function(
            fan_in, fan_out, constant=options["constant"], generator=draw.generator()
        )
        weights = np.asarray(made, np.float64)
        if weights.shape != draw.shape:
            raise ValueError(
                f"{self._name} must return an array of shape (fan_out, fan_in) = "
                f"{draw.shape} (got {weights.shape})"
            )
        return weights


class FunctionLoss(Loss):
    """A loss that is a function of outputs and targets to one number for each leading index."""

    reduces = True

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._function = function

    def torch(
        self, logits: "Tensor", outputs: "Tensor", targets: "Tensor", variant: Variant
    ) -> "Tensor":
        reduced: Tensor = self._function(outputs, targets)
        return reduced


FUNCTIONS: dict[Any, Any] = {
    Activation: FunctionActivation,
    Initialiser: FunctionInitialiser,
    Loss: FunctionLoss,
}
