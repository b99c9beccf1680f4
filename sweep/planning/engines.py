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
            What `fused` cannot train falls to torch.
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
    return (
        trial.batch_size is None
        and trial.activation in FUSED_ACTIVATIONS
        and trial.output_activation in FUSED_ACTIVATIONS | {"softmax"}
        and trial.loss in FUSED_LOSSES
        and trial.optimizer in FUSED_OPTIMIZERS
        and all(getattr(trial, n) == PARAMETERS[n].metadata["neutral"] for n in UNFUSED)
    )
