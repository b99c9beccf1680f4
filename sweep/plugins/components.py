"""What a parameter's name stands for: a built-in component, or a user's own, and its options."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation
from sweep.components.columns import column_of, options_column
from sweep.components.initialisers import Draw, Initialiser
from sweep.components.losses import Loss, Variant
from sweep.components.networks import Network
from sweep.components.registry import BASES, FAMILIES
from sweep.components.spec import REQUIRED, Component, Option
from sweep.plugins.loading import load_plugin
from sweep.plugins.signatures import network_of
from sweep.plugins.sources import PluginError, is_class, is_plugin
from sweep.trial import Trial
from sweep.trust import networks_are_refused, plugins_are_refused

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
    return component_in(vars(trial), family)


def component_in(columns: Mapping[str, Any], family: str) -> tuple[Any, dict[str, Any]]:
    """Return the component that columns of a trial name, and its options, as `component_of`."""
    name: str | None = columns[family]
    if name is None:
        return None, {}
    known = FAMILIES[family].get(name)
    if known is None and not is_plugin(name):
        return None, {}
    component = known or own_component(BASES[family], name)
    given = {} if known else _read_options(component, columns.get(options_column(family)))
    for option in component.options if known else with_columns(component):
        value = columns.get(column_of(family, option))
        given[option] = _value(value, component.options[option])
    return component, given


def declared_in(columns: Mapping[str, Any], family: str) -> tuple[Any, dict[str, Any]]:
    """Return the component that columns of a trial name; none for a function, which is not run."""
    name: str = columns[family]
    if is_plugin(name) and not is_class(name):
        return None, {}
    return component_in(columns, family)


def flags_of(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a component's options chooses what runs.

    That is the value of those that choose code, and of those by presence whether they are used.
    """
    return {
        name: options[name] if spec.chooses_code and spec.kind is not bool else bool(options[name])
        for name, spec in component.options.items()
        if spec.chooses_code or spec.presence
    }


def own_component(base: Any, name: str) -> Component:
    """Load a user's own component, or a function in the place of one.

    Raises:
        PluginError: it cannot be loaded, or is a class of another kind.
    """
    if plugins_are_refused():
        raise PluginError(f"{name}: must not be needed, as --no-plugins is given")
    if base is Network and networks_are_refused():
        raise PluginError(f"{name}: must be run to tell, which reading results does not do")
    return _made(base, name)


@cache
def _made(base: Any, name: str) -> Component:
    found: Any = load_plugin(name)
    if inspect.isclass(found) and issubclass(found, base):
        try:
            component: Any = found()
        except Exception as error:  # a method is missing, or a user's code raises
            raise PluginError(f"{name}: must be made without arguments ({error})") from error
    elif base is Network:
        component = network_of(name, found)
    elif base in FUNCTIONS and not inspect.isclass(found):
        component = FUNCTIONS[base](name, found)
    else:
        raise PluginError(f"{name}: must be a subclass of {base.__module__}.{base.__name__}")
    for option, spec in component.options.items():
        if fault := _fault(option, spec):
            raise PluginError(f"{name}: must {fault} (got {option})")
    made: Component = component
    return made


def _fault(option: str, spec: Option) -> str | None:
    """Return what an option of a user's own component must do, completing "must …"."""
    if option == "name":
        return "have options of other names"
    if spec.kind is float and spec.chooses_code:
        return "choose code by a flag, a count or a word, not by a number"
    if any(not word.replace("_", "").isalnum() for word in spec.choices):
        return "have choices of letters, digits and '_'"
    return None


def with_columns(component: Component) -> tuple[str, ...]:
    """Return the options of a user's own component that have columns of their own.

    These are what all components of its kind have.
    """
    if isinstance(component, tuple(FUNCTIONS.values())):
        return tuple(component.options)
    shared = next(base.options for base in BASES.values() if isinstance(component, base))
    return tuple(name for name in component.options if name in shared)


def write_options(component: Component, values: Mapping[str, Any]) -> str | None:
    """Return a user's own options as text, `beta=1.5,gamma=2`, sorted, neutral ones left out."""
    apart = with_columns(component)
    specs = component.options
    told = {n: v for n, v in values.items() if n not in apart and v != specs[n].neutral}
    return ",".join(f"{name}={_written(told[name])}" for name in sorted(told)) or None


def _read_options(component: Component, text: str | None) -> dict[str, Any]:
    """Return the values of all options from the text of those that are not neutral."""
    given = dict(pair.split("=", 1) for pair in (text or "").split(",") if pair)
    return {
        name: _read(given[name], spec) if name in given else _value(None, spec)
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
    reduction = None

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
