"""Chooses what trains a trial: the engines by name, and what each can train.

Planning a million trials imports no engine: the components say what they have forms for.
"""

from sweep.components.registry import BASES
from sweep.plugins.components import declared_in
from sweep.plugins.sources import is_plugin
from sweep.trial import PARAMETERS, Trial

COMPILED = (
    "activation",
    "output_activation",
    "normalisation",
    "skip",
    "loss",
    "input_noise",
    "gradient_clip",
    "optimizer",
)
"""Parameters whose components the fused engine can train with if they have a kernel form."""
UNFUSED = ("contractive_penalty", "sparsity")
"""Parameters that the fused engine knows at their neutral value alone."""


def choose_engine(trial: Trial, requested: str, device: str = "cpu") -> str:
    """Return the engine for a trial.

    A pure function of the trial's pack key, never of a timing, so that a sweep planned anywhere
    trains the same way.

    Args:
        trial: any trial of the pack key.
        requested: the engine that the sweep asks for; `auto` for the fastest that can train it.
            A plan refuses `fused` for what `unfused` names.
        device: cpu or cuda, which only the torch engine knows.
    """
    if device != "cpu":
        return "torch"
    if requested in ("auto", "fused"):
        return "fused" if fused_supports(trial) else "torch"
    return requested


def fused_supports(trial: Trial) -> bool:
    """Return whether the fused engine can train a trial: any but what `unfused` names."""
    return not unfused(trial)


def unfused(trial: Trial, device: str = "cpu") -> tuple[str, ...]:
    """Return what of a trial the fused engine cannot train, as a sweep file says it."""
    found = {
        "a GPU": device == "cpu",
        f"network {_name(str(trial.network))}": trial.network is None,
    }
    for family in COMPILED:
        found[f"{family} {_name(getattr(trial, family))}"] = _has_kernel(trial, family)
    for name in UNFUSED:
        value = getattr(trial, name)
        shown = f"{name} {value}" if isinstance(value, str) else name
        found[shown] = value == PARAMETERS[name].metadata["neutral"]
    return tuple(reason for reason, can in found.items() if not can)


def _has_kernel(trial: Trial, family: str) -> bool:
    """Return whether a component declares a kernel form; it is not asked for it."""
    component, _ = declared_in(vars(trial), family)
    if component is None:
        return not is_plugin(getattr(trial, family))
    return type(component).kernel is not BASES[family].kernel


def _name(value: str) -> str:
    """Return the name of a part as a sweep file has it, without the hash of its source."""
    return value.partition("@")[0]
