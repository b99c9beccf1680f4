"""The vocabulary: what a trial is, how it is identified, how it can end. Standard library only.

A *trial* is one network with its stop rule, fully specified by the fields of `Trial`. Each field is
a column of the results under the same name, and carries its meaning for people and for identity.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import Any


class Scope(StrEnum):
    """What a parameter identifies."""

    PATH = "path"  # determines the trajectory of the weights
    STOP = "stop"  # determines where along the trajectory the trial ends
    LABEL = "label"  # for people; identifies nothing


class Status(StrEnum):
    """How a trial ended, in one word."""

    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StopReason(StrEnum):
    """Why training stopped."""

    CONVERGED = "converged"  # the delta or early-stopping rule was met
    TARGET = "target"  # the loss came down to the target
    PATTERN = "pattern"  # every output was within the margin of its target
    EPOCHS = "epochs"  # the number of epochs asked for was trained
    MAX_EPOCHS = "max_epochs"  # the limit came before any rule was met
    TIME = "time"  # the time limit came before any rule was met
    DIVERGED = "diverged"  # a loss or parameter was not finite
    FAILED = "failed"  # the code raised
    CANCELLED = "cancelled"  # the user stopped the sweep

    @property
    def status(self) -> Status:
        return Status(self.value) if self.value in set(Status) else Status.FINISHED


LIMITED = frozenset({StopReason.MAX_EPOCHS, StopReason.TIME, StopReason.CANCELLED})
"""Endings that a limit or the user brought about: the trial had more to do."""

RESUMABLE = LIMITED | {StopReason.EPOCHS}
"""Endings after which the same rules can go on, from the state if it was kept."""


def parameter(
    scope: Scope,
    doc: str,
    *,
    neutral: object = None,
    key: bool = False,
    presence: bool = False,
    label: str | None = None,
    **kwargs: Any,
) -> Any:
    """Declare a field of `Trial`.

    Args:
        scope: what the parameter identifies.
        doc: what it means, with its unit and range: the column's documentation.
        neutral: the value that leaves a network as if the parameter did not exist. Frozen once
            released: it and None (does not apply) stay out of the identity, so that a parameter
            added later orphans no finished trial and a changed default relabels none.
        key: whether trials must agree on it to train together in one pack.
        presence: whether they must agree on whether it is a number other than 0.
        label: what people call it beside a value; its name if None, nothing if empty, as its values
            say what they are.
        **kwargs: of `dataclasses.field`.
    """
    metadata = {"scope": scope, "doc": doc, "neutral": neutral, "key": key, "presence": presence}
    return field(metadata=metadata | {"label": label}, **kwargs)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One network with its stop rule, fully specified; None where a parameter does not apply."""

    dataset: str = parameter(Scope.LABEL, "name of the data set", label="")
    data_fingerprint: str = parameter(
        Scope.PATH, "16 hex digits of the SHA-256 of the samples and targets", key=True
    )

    topology: tuple[int, ...] = parameter(
        Scope.PATH, "widths of the layers from input to output, such as 16-4-16", key=True, label=""
    )
    tied_weights: bool = parameter(
        Scope.PATH,
        "whether the weights of the last layers are the transposes of those of the first",
        neutral=False,
        key=True,
        default=False,
    )
    biases: bool = parameter(
        Scope.PATH,
        "whether layers have biases; those of gates and the shift of normalisation stay",
        neutral=True,
        key=True,
        default=True,
    )
    activation: str = parameter(Scope.PATH, "activation of the hidden layers", key=True, label="")
    activation_slope: float | None = parameter(
        Scope.PATH, "slope of leaky_relu below zero", default=None, label="slope"
    )
    activation_alpha: float | None = parameter(Scope.PATH, "scale of elu below zero", default=None)
    output_activation: str = parameter(Scope.PATH, "activation of the output layer", key=True)
    output_activation_slope: float | None = parameter(
        Scope.PATH, "slope of leaky_relu below zero, output layer", default=None
    )
    output_activation_alpha: float | None = parameter(
        Scope.PATH, "scale of elu below zero, output layer", default=None
    )
    normalisation: str = parameter(
        Scope.PATH,
        "what normalises the pre-activations of hidden layers: none or batch",
        neutral="none",
        key=True,
        default="none",
    )
    normalisation_momentum: float | None = parameter(
        Scope.PATH, "share of a batch in the running statistics", default=None
    )
    normalisation_epsilon: float | None = parameter(
        Scope.PATH, "added to the variance that normalisation divides by", default=None
    )
    skip: str = parameter(
        Scope.PATH,
        "connections around every hidden layer: none, residual or highway",
        neutral="none",
        key=True,
        default="none",
    )

    initialiser: str = parameter(Scope.PATH, "distribution of the initial weights", label="")
    initialiser_constant: float | None = parameter(
        Scope.PATH,
        "the initial weight constant c: the value, half-width, standard deviation or gain",
        default=None,
        label="c",
    )
    initialiser_jitter: float = parameter(
        Scope.PATH,
        "half-width of the uniform noise added to every initial weight",
        neutral=0.0,
        default=0.0,
    )
    initialiser_draw_biases: bool = parameter(
        Scope.PATH,
        "whether biases are drawn as their layer's weights are, around bias_constant",
        neutral=False,
        default=False,
    )
    bias_constant: float = parameter(
        Scope.PATH,
        "initial value of every bias; where biases are drawn, what they are drawn around",
        neutral=0.0,
        default=0.0,
    )
    seed: int = parameter(Scope.PATH, "key of every random draw of the trial, 0 to 2**63 - 1")

    loss: str = parameter(Scope.PATH, "loss between outputs and targets", key=True)
    loss_semantics: str | None = parameter(
        Scope.PATH,
        "whose cross-entropy: keras (clipped at 1e-7), torch (log clamped at -100) or logits (of "
        "the pre-activations of sigmoid outputs, neither clipped nor clamped)",
        key=True,
        default=None,
    )
    loss_reduction: str = parameter(
        Scope.PATH,
        "mean or sum of the loss over samples and outputs, of an update's and of an epoch's",
        neutral="mean",
        key=True,
        default="mean",
    )
    input_noise: str = parameter(
        Scope.PATH,
        "what corrupts the inputs in training, anew each epoch: none, gaussian or masking",
        neutral="none",
        key=True,
        default="none",
    )
    input_noise_scale: float | None = parameter(
        Scope.PATH, "standard deviation of gaussian noise", default=None
    )
    input_noise_rate: float | None = parameter(
        Scope.PATH, "probability that masking sets an input to 0", default=None
    )
    flat_spot: float = parameter(
        Scope.PATH,
        "added in training to the derivative of sigmoid and tanh units, hidden and output",
        neutral=0.0,
        default=0.0,
    )
    gradient_clip: str = parameter(
        Scope.PATH,
        "whether the gradient is clipped before weight decay joins it: none, by its norm or value",
        neutral="none",
        key=True,
        default="none",
    )
    gradient_clip_limit: float | None = parameter(
        Scope.PATH,
        "most that the gradient's 2-norm, or the magnitude of each of its elements, may be",
        default=None,
    )
    code_penalty: float = parameter(
        Scope.PATH,
        "L1 penalty: its product with the bottleneck's summed magnitudes joins the objective",
        neutral=0.0,
        presence=True,
        default=0.0,
    )
    weight_decay: float = parameter(
        Scope.PATH,
        "L2 penalty: its product with each parameter joins the gradient (adamw: decoupled)",
        neutral=0.0,
        default=0.0,
    )
    decay_biases: bool = parameter(
        Scope.PATH,
        "whether weight_decay decays biases too, and scale and shift of normalisation",
        neutral=True,
        key=True,
        default=True,
    )

    optimizer: str = parameter(Scope.PATH, "optimizer", key=True, label="")
    learning_rate: float = parameter(
        Scope.PATH, "learning rate before schedule and decay; the first step size of rprop"
    )
    learning_rate_schedule: str = parameter(
        Scope.PATH,
        "how the learning rate changes by epoch",
        neutral="constant",
        key=True,
        default="constant",
    )
    learning_rate_factor: float | None = parameter(
        Scope.PATH,
        "factor of the schedule: per period, or the final share for cosine",
        default=None,
    )
    learning_rate_period: int | None = parameter(
        Scope.PATH, "period of the schedule, epochs", default=None
    )
    optimizer_momentum: float | None = parameter(
        Scope.PATH, "momentum of sgd or rmsprop", neutral=0.0, presence=True, default=None
    )
    optimizer_dampening: float | None = parameter(
        Scope.PATH, "dampening of sgd's momentum", neutral=0.0, default=None
    )
    optimizer_nesterov: bool | None = parameter(
        Scope.PATH, "whether sgd's momentum looks ahead", neutral=False, key=True, default=None
    )
    optimizer_rho: float | None = parameter(
        Scope.PATH, "decay of the mean of squared gradients: rmsprop, adadelta", default=None
    )
    optimizer_centered: bool | None = parameter(
        Scope.PATH,
        "whether rmsprop subtracts the mean gradient",
        neutral=False,
        key=True,
        default=None,
    )
    optimizer_beta1: float | None = parameter(
        Scope.PATH, "decay of the mean gradient: the adam family", default=None
    )
    optimizer_beta2: float | None = parameter(
        Scope.PATH, "decay of the mean squared gradient (adamax: of its maximum)", default=None
    )
    optimizer_epsilon: float | None = parameter(
        Scope.PATH, "the small number that keeps a denominator from zero", default=None
    )
    optimizer_epsilon_inside: bool | None = parameter(
        Scope.PATH,
        "whether epsilon is inside the square root (Keras 3): rmsprop, adagrad",
        neutral=False,
        key=True,
        default=None,
    )
    optimizer_epsilon_hat: bool | None = parameter(
        Scope.PATH,
        "whether epsilon is Keras's: adam, adamw: added to the root before its bias correction; "
        "adamax: to the largest gradient where it divides, not to each gradient",
        neutral=False,
        key=True,
        default=None,
    )
    optimizer_decay: float | None = parameter(
        Scope.PATH,
        "decay of old Keras: the learning rate divided by 1 + decay * updates so far",
        neutral=0.0,
        default=None,
    )
    optimizer_initial_accumulator: float | None = parameter(
        Scope.PATH, "first value of adagrad's sum of squares", neutral=0.0, default=None
    )
    optimizer_amsgrad: bool | None = parameter(
        Scope.PATH,
        "whether adam keeps the largest second moment",
        neutral=False,
        key=True,
        default=None,
    )
    optimizer_momentum_decay: float | None = parameter(
        Scope.PATH, "momentum decay of nadam", default=None
    )
    optimizer_eta_minus: float | None = parameter(
        Scope.PATH, "factor of rprop's step after a change of sign", default=None
    )
    optimizer_eta_plus: float | None = parameter(
        Scope.PATH, "factor of rprop's step after an equal sign", default=None
    )
    optimizer_step_min: float | None = parameter(Scope.PATH, "smallest step of rprop", default=None)
    optimizer_step_max: float | None = parameter(Scope.PATH, "largest step of rprop", default=None)
    optimizer_max_growth: float | None = parameter(
        Scope.PATH, "most that a step of quickprop may be times the one before", default=None
    )

    pretraining: str = parameter(
        Scope.PATH,
        "how the weights are trained before the whole network is: none, greedy, grow or chain",
        neutral="none",
        key=True,
        default="none",
    )
    pretraining_layers: int | None = parameter(
        Scope.PATH, "layers of weights in each link of a chain", key=True, default=None
    )
    pretraining_max_epochs: int | None = parameter(
        Scope.PATH, "most epochs of each phase of pretraining", default=None
    )
    pretraining_min_delta: float | None = parameter(
        Scope.PATH,
        "a phase of pretraining ends early: an improvement on its best loss must exceed this",
        default=None,
    )
    pretraining_patience: int | None = parameter(
        Scope.PATH, "epochs without an improvement that end a phase of pretraining", default=None
    )

    batch_size: int | None = parameter(
        Scope.PATH, "samples an update; none for all of them", key=True, default=None
    )
    sample_order: str = parameter(
        Scope.PATH,
        "full_batch, fixed (as in the data) or shuffled (anew each epoch)",
        neutral="full_batch",
        key=True,
        default="full_batch",
    )
    dtype: str = parameter(Scope.PATH, "arithmetic of the network: float32 or float64", key=True)

    delta_tolerance: float | None = parameter(
        Scope.STOP, "delta rule: |L_t - L_(t-1)| must stay below this", default=None
    )
    delta_patience: int | None = parameter(
        Scope.STOP, "delta rule: for this many epochs in a row", default=None
    )
    early_stopping_min_delta: float | None = parameter(
        Scope.STOP, "early stopping: an improvement on the best loss must exceed this", default=None
    )
    early_stopping_patience: int | None = parameter(
        Scope.STOP, "early stopping: epochs without an improvement", default=None
    )
    target_loss: float | None = parameter(
        Scope.STOP, "target rule: stop once the loss is at most this", default=None
    )
    pattern_margin: float | None = parameter(
        Scope.STOP,
        "pattern rule: stop once every output is within this of its target",
        default=None,
    )
    fixed_epochs: int | None = parameter(
        Scope.STOP, "epochs rule: train exactly this many", default=None
    )
    max_epochs: int = parameter(Scope.STOP, "most epochs to train before giving up")
    max_seconds: float | None = parameter(
        Scope.STOP, "most seconds to train before giving up, judged between chunks", default=None
    )

    @cached_property
    def path_id(self) -> str:
        """16 hex digits naming the trajectory: data, network, start, seed, loss, optimizer."""
        return path_id_of(identity_lines(vars(self), Scope.PATH))

    @cached_property
    def trial_id(self) -> str:
        """16 hex digits naming the trial: its path, stop rule and limits."""
        return trial_id_of(self.path_id, identity_lines(vars(self), Scope.STOP))

    @cached_property
    def pack_key(self) -> tuple[object, ...]:
        """The values that trials must share to train together: shapes, and which code runs."""
        values = (getattr(self, name) for name in PACK_KEY)
        return (*values, *(bool(getattr(self, name)) for name in PRESENCE_KEY))


PARAMETERS: dict[str, Field[Any]] = {item.name: item for item in fields(Trial)}
PACK_KEY: tuple[str, ...] = tuple(n for n, item in PARAMETERS.items() if item.metadata["key"])
PRESENCE_KEY: tuple[str, ...] = tuple(
    n for n, item in PARAMETERS.items() if item.metadata["presence"]
)
STOP_PARAMETERS: tuple[str, ...] = tuple(
    n for n, item in PARAMETERS.items() if item.metadata["scope"] is Scope.STOP
)


def identity_lines(values: Mapping[str, object], scope: Scope) -> list[str]:
    """Return `name=value` for each of `values` in `scope` that is not neutral, in any order."""
    lines = []
    for name, value in values.items():
        item = PARAMETERS.get(name)
        if item is None or item.metadata["scope"] is not scope:
            continue
        if value is not None and value != item.metadata["neutral"]:
            lines.append(f"{name}={canonical(value)}")
    return lines


def canonical(value: object) -> str:
    """Write a parameter's value the one way that identity hashes it."""
    if isinstance(value, tuple):
        return format_topology(value)
    return value if isinstance(value, str) else repr(value)


def format_topology(widths: Iterable[int]) -> str:
    """Write widths as people do: `16-4-16`."""
    return "-".join(map(str, widths))


def path_id_of(lines: Iterable[str]) -> str:
    return _digest("\n".join(sorted(lines)))


def trial_id_of(path_id: str, lines: Iterable[str]) -> str:
    return _digest("\n".join([path_id, *sorted(lines)]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
