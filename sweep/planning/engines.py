"""Chooses what trains a trial: the engines by name, and what each can train.

Planning a million trials imports no engine: the components say what they have forms for.
"""

from collections.abc import Mapping
from typing import Any

from sweep.components.registry import BASES, STOP_RULES
from sweep.components.stopping import VALIDATION_LOSS
from sweep.ladder import monitored_by
from sweep.plugins.components import declared_in
from sweep.plugins.sources import is_plugin
from sweep.trial import PARAMETERS, Trial

COMPILED = ("activation", "output_activation", "loss", "gradient_clip", "optimizer")
"""Parameters whose components the fused engine can train with if they have a kernel form."""
UNFUSED = (
    "code_penalty",
    "contractive_penalty",
    "hidden_dropout",
    "input_dropout",
    "input_noise",
    "normalisation",
    "skip",
    "sparsity",
    "tied_weights",
    "weight_l1",
)
"""Parameters that the fused engine knows at their neutral value alone."""


def choose_engine(
    trial: Trial, requested: str, device: str = "cpu", *, follows: bool = False
) -> str:
    """Return the engine for a trial.

    A pure function of the trial's pack key and of what is asked for on its path, never of a timing,
    so that a sweep planned anywhere trains the same way.

    Args:
        trial: any trial of the pack key.
        requested: the engine that the sweep asks for; `auto` for the fastest that can train it.
            A plan refuses `fused` for what `unfused` names.
        device: cpu or cuda, which only the torch engine knows.
        follows: whether a trial on the path is of `FOLLOWED`.
    """
    if device != "cpu":
        return "torch"
    if requested in ("auto", "fused"):
        return "torch" if unfused(trial, follows=follows) else "fused"
    return requested


def fused_supports(trial: Trial) -> bool:
    """Return whether the fused engine can train a trial: any full-batch perceptron of known parts.

    Components without a kernel form, mini-batches and what `UNFUSED` names are the torch engine's,
    and so is stopping by the loss on held-out samples, and restoring the best weights.
    """
    return not unfused(trial)


def unfused(trial: Trial, device: str = "cpu", *, follows: bool = False) -> tuple[str, ...]:
    """Return what of a trial the fused engine cannot train, as a sweep file says it.

    Args:
        trial: the trial.
        device: that it is to train on.
        follows: whether one on its path, itself or another, is of `FOLLOWED`.
    """
    found = {
        "a GPU": device == "cpu",
        "mini-batches (batch_size)": trial.batch_size is None,
        f"network {_name(str(trial.network))}": trial.network is None,
    }
    for family in COMPILED:
        found[f"{family} {_name(getattr(trial, family))}"] = _has_kernel(trial, family)
    for name in UNFUSED:
        value = getattr(trial, name)
        shown = f"{name} {value}" if isinstance(value, str) else name
        found[shown] = value == PARAMETERS[name].metadata["neutral"]
    own = VALIDATION_LOSS in monitored_by(vars(trial)) or trial.restore == "best"
    found["monitor validation_loss or restore best (any trial of a path)"] = not (own or follows)
    return tuple(reason for reason, can in found.items() if not can)


FOLLOWED: tuple[Mapping[str, Any], ...] = (
    *(
        {rule.columns["monitor"]: VALIDATION_LOSS}
        for rule in STOP_RULES.values()
        if "monitor" in rule.options
    ),
    {"restore": "best"},
)
"""Conditions of trials whose held-out loss or best weights an engine must follow in training."""


def _has_kernel(trial: Trial, family: str) -> bool:
    """Return whether a component declares a kernel form; it is not asked for it."""
    component, _ = declared_in(vars(trial), family)
    if component is None:
        return not is_plugin(getattr(trial, family))
    return type(component).kernel is not BASES[family].kernel


def _name(value: str) -> str:
    """Return the name of a part as a sweep file has it, without the hash of its source."""
    return value.partition("@")[0]
