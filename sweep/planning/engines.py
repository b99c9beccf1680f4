"""Chooses what trains a trial. Knows the engines by name, and what each can train.

Standard library only: planning a million trials imports no engine.
"""

from sweep.trial import PARAMETERS, Trial

FUSED_ACTIVATIONS = frozenset(
    ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "identity"]
)
FUSED_LOSSES = frozenset(
    {"mean_squared_error", "binary_cross_entropy", "categorical_cross_entropy"}
)
FUSED_OPTIMIZERS = frozenset(
    [
        "sgd",
        "rmsprop",
        "adagrad",
        "adadelta",
        "adam",
        "adamw",
        "nadam",
        "adamax",
        "rprop",
        "quickprop",
    ]
)
UNFUSED = (
    "code_penalty",
    "input_noise",
    "normalisation",
    "skip",
    "tied_weights",
)
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
    """Return whether the fused engine can train a trial: any full-batch perceptron of known parts.

    A user's own activation or loss, mini-batches and what `UNFUSED` names are the torch engine's.
    """
    return not unfused(trial)


def unfused(trial: Trial, device: str = "cpu") -> tuple[str, ...]:
    """Return what of a trial the fused engine cannot train, as a sweep file says it."""
    found = {
        "a GPU": device == "cpu",
        "mini-batches (batch_size)": trial.batch_size is None,
        f"activation {_name(trial.activation)}": trial.activation in FUSED_ACTIVATIONS,
        f"output_activation {_name(trial.output_activation)}": (
            trial.output_activation in FUSED_ACTIVATIONS | {"softmax"}
        ),
        f"loss {_name(trial.loss)}": trial.loss in FUSED_LOSSES,
        f"optimizer {trial.optimizer}": trial.optimizer in FUSED_OPTIMIZERS,
    }
    for name in UNFUSED:
        value = getattr(trial, name)
        shown = f"{name} {value}" if isinstance(value, str) else name
        found[shown] = value == PARAMETERS[name].metadata["neutral"]
    return tuple(reason for reason, can in found.items() if not can)


def _name(value: str) -> str:
    """Return the name of a part as a sweep file has it, without the hash of its source."""
    return value.partition("@")[0]
