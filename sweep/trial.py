"""The vocabulary: what a trial is, how it is identified, how it can end.

A *trial* is one network with its stop rule, fully specified by the fields of `Trial`. Each field is
a column of the results under the same name, and carries its meaning for people and for identity.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from sweep.components.columns import OptionColumn, option_columns, options_column, rule_columns
from sweep.components.registry import ACTIVATIONS, FAMILIES, OPEN, OPTIMIZERS, listed


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
    PRUNED = "pruned"


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
    PRUNED = "pruned"  # a scheduler stopped the trial at a rung, for others did better

    @property
    def status(self) -> Status:
        return Status(self.value) if self.value in set(Status) else Status.FINISHED


CUT_SHORT = frozenset({StopReason.CANCELLED, StopReason.PRUNED})
"""Endings that the trial itself does not ask for: it is still to be trained."""

LIMITED = frozenset({StopReason.MAX_EPOCHS, StopReason.TIME}) | CUT_SHORT
"""Endings that a limit, a scheduler or the user brought about: the trial had more to do."""

RESUMABLE = LIMITED | {StopReason.EPOCHS}
"""Endings after which the same rules can go on, from the state if it was kept."""


SAME_LOSS = ("data_fingerprint", "loss", "loss_reduction")
"""What losses must share to be on one scale."""

SEED, SPLIT = "seed", "dataset_split_seed"
REPEATS = (SEED, SPLIT)
"""Parameters that repeat a setting: trials that differ in these alone differ by chance."""


def parameter(
    scope: Scope,
    doc: str,
    *,
    neutral: object = None,
    key: Callable[[Any], object] | None = None,
    label: str | None = None,
    is_option: bool = False,
    **kwargs: Any,
) -> Any:
    """Declare a field of `Trial`.

    Args:
        scope: what the parameter identifies.
        doc: what it means, with its unit and range: the column's documentation.
        neutral: the value that leaves a network as if the parameter did not exist. Frozen once
            released: it and None (does not apply) stay out of the identity, so that a parameter
            added later orphans no finished trial and a changed default relabels none.
        key: what of it trials must agree on to train together in one pack, if anything.
        label: what people call it beside a value; its name if None, nothing if empty, as its values
            say what they are.
        is_option: whether it is an option of the parameter before it.
        **kwargs: of `dataclasses.field`.
    """
    metadata = {"scope": scope, "doc": doc, "neutral": neutral, "key": key, "label": label}
    return field(metadata=metadata | {"is_option": is_option}, **kwargs)


def itself(value: object) -> object:
    """The key of parameters that trials of a pack share."""
    return value


def code_of(options: str | None) -> tuple[str, ...]:
    """The key of the options of a user's own component: all of them, of a float whether it is 0."""
    return tuple(_code_of(pair) for pair in (options or "").split(",") if pair)


def _code_of(pair: str) -> str:
    name, _, value = pair.partition("=")
    try:
        return pair if value.lstrip("-").isdecimal() else f"{name}={bool(float(value))}"
    except ValueError:
        return pair


AFTER = {"optimizer": "learning_rate_schedule", "convergence": "dtype"}
"""The columns after which options come that do not follow their parameter's."""


def _option(scope: Scope, column: OptionColumn) -> Any:
    key = itself if column.chooses_code else bool if column.presence else None
    return parameter(
        scope,
        column.doc,
        neutral=column.neutral,
        key=key,
        label=column.label,
        is_option=True,
        default=column.absent,
    )


def _own_options(family: str) -> Any:
    """Declare the column of the options of a user's own component."""
    doc = f"options of {family} where it is your own, but neutral ones, such as beta=1.5,gamma=2"
    keys = {"network": itself, "loss": itself, "initialiser": None}
    key = keys.get(family, code_of)
    return parameter(Scope.PATH, doc, key=key, is_option=True, default=None)


def _with_options(kind: type) -> type:
    """Add the columns of components' options to a class's fields, each family's in its place."""
    kinds: dict[str, Any] = {}
    for name, hint in dict(kind.__annotations__).items():
        kinds[name] = hint
        for family in (family for family in FAMILIES if AFTER.get(family, family) == name):
            for column in option_columns(family):
                kinds[column.name] = column.kind
                setattr(kind, column.name, _option(Scope.PATH, column))
            if family in OPEN:
                kinds[options_column(family)] = str | None
                setattr(kind, options_column(family), _own_options(family))
        for column in rule_columns() if name == AFTER["convergence"] else ():
            kinds[column.name] = column.kind
            setattr(kind, column.name, _option(Scope.STOP, column))
    kind.__annotations__ = kinds
    return kind


@dataclass(frozen=True, kw_only=True)
@_with_options
class Trial:
    """One network with its stop rule, fully specified; None where a parameter does not apply.

    The options of components are fields too: `sweep.components.columns` says which.
    """

    if TYPE_CHECKING:  # what options there are, the components' files say

        def __init__(self, **columns: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    dataset: str = parameter(Scope.LABEL, "name of the data set", label="")
    data_fingerprint: str = parameter(
        Scope.PATH, "16 hex digits of the SHA-256 of the samples and targets", key=itself
    )
    dataset_train_samples: int | None = parameter(
        Scope.LABEL,
        "samples chosen to train on; none for all that are not held out",
        is_option=True,
        default=None,
    )
    dataset_noise: float = parameter(
        Scope.LABEL,
        "standard deviation of the noise that is part of the samples and targets trained on",
        neutral=0.0,
        is_option=True,
        default=0.0,
    )
    dataset_scale: str = parameter(
        Scope.LABEL,
        "how columns were scaled by the samples trained on: unit, standard or none",
        neutral="none",
        is_option=True,
        default="none",
    )
    dataset_split_seed: int | None = parameter(
        Scope.LABEL,
        "which samples are held out or chosen, and their noise; none where nothing is drawn",
        is_option=True,
        default=None,
    )

    topology: tuple[int, ...] = parameter(
        Scope.PATH,
        "widths of the layers from input to output, such as 16-4-16",
        key=itself,
        label="",
    )
    network: str | None = parameter(
        Scope.PATH,
        "your own network, whose widths are those of inputs, code and outputs; activation, "
        "output_activation and initialiser are then own; none for a perceptron",
        key=itself,
        label="",
        default=None,
    )
    tied_weights: bool = parameter(
        Scope.PATH,
        "whether the weights of the last layers are the transposes of those of the first",
        neutral=False,
        key=itself,
        default=False,
    )
    biases: bool = parameter(
        Scope.PATH,
        "whether layers have biases; those of gates and the shift of normalisation stay",
        neutral=True,
        key=itself,
        default=True,
    )
    activation: str = parameter(Scope.PATH, "activation of the hidden layers", key=itself, label="")
    output_activation: str = parameter(Scope.PATH, "activation of the output layer", key=itself)
    normalisation: str = parameter(
        Scope.PATH,
        "what normalises the pre-activations of hidden layers; none without",
        neutral="none",
        key=itself,
        default="none",
    )
    skip: str = parameter(
        Scope.PATH,
        "connections around every hidden layer; none without",
        neutral="none",
        key=itself,
        default="none",
    )

    initialiser: str = parameter(Scope.PATH, "distribution of the initial weights", label="")
    bias_constant: float = parameter(
        Scope.PATH,
        "initial value of every bias; where biases are drawn, what they are drawn around",
        neutral=0.0,
        default=0.0,
    )
    seed: int = parameter(Scope.PATH, "key of every random draw of the trial, 0 to 2**63 - 1")

    loss: str = parameter(Scope.PATH, "loss between outputs and targets", key=itself)
    input_noise: str = parameter(
        Scope.PATH,
        "what corrupts the inputs in training, anew each epoch; none without",
        neutral="none",
        key=itself,
        default="none",
    )
    input_dropout: float = parameter(
        Scope.PATH,
        "probability that an input is dropped in training, anew each epoch, after input_noise; "
        "those kept are divided by 1 - input_dropout",
        neutral=0.0,
        key=bool,
        default=0.0,
    )
    hidden_dropout: float = parameter(
        Scope.PATH,
        "probability that what a hidden unit gives is dropped in training, the bottleneck's too, "
        "anew each epoch; what is kept is divided by 1 - hidden_dropout",
        neutral=0.0,
        key=bool,
        default=0.0,
    )
    flat_spot: float = parameter(
        Scope.PATH,
        "added in training to the derivative of units that saturate, hidden and output: "
        + listed(ACTIVATIONS, "flattens"),
        neutral=0.0,
        default=0.0,
    )
    gradient_clip: str = parameter(
        Scope.PATH,
        "what the gradient is clipped by before weight decay joins it; none without",
        neutral="none",
        key=itself,
        default="none",
    )
    code_penalty: float = parameter(
        Scope.PATH,
        "L1 penalty: its product with the bottleneck's summed magnitudes joins the objective",
        neutral=0.0,
        key=bool,
        default=0.0,
    )
    sparsity: str = parameter(
        Scope.PATH,
        "what keeps units of the bottleneck inactive for most samples, as part of the objective; "
        "none without",
        neutral="none",
        key=itself,
        default="none",
    )
    contractive_penalty: float = parameter(
        Scope.PATH,
        "its product with the mean over samples of the squared Frobenius norm of the derivative of "
        "the code by the inputs joins the objective",
        neutral=0.0,
        key=bool,
        default=0.0,
    )
    weight_decay: float = parameter(
        Scope.PATH,
        "L2 penalty: its product with each parameter joins the gradient (decoupled: "
        + listed(OPTIMIZERS, "decouples_decay")
        + ")",
        neutral=0.0,
        default=0.0,
    )
    weight_l1: float = parameter(
        Scope.PATH,
        "L1 penalty: its product with each parameter's sign joins the gradient before weight_decay",
        neutral=0.0,
        key=bool,
        default=0.0,
    )
    decay_biases: bool = parameter(
        Scope.PATH,
        "whether weight_decay and weight_l1 act on biases too, and scale and shift of "
        "normalisation",
        neutral=True,
        key=itself,
        default=True,
    )

    optimizer: str = parameter(Scope.PATH, "optimizer", key=itself, label="")
    learning_rate: float = parameter(
        Scope.PATH,
        "learning rate before schedule and decay; the first step size alone of "
        + listed(OPTIMIZERS, "scheduled", value=False),
    )
    learning_rate_schedule: str = parameter(
        Scope.PATH,
        "how the learning rate changes by epoch",
        neutral="constant",
        key=itself,
        default="constant",
    )

    pretraining: str = parameter(
        Scope.PATH,
        "how the weights are trained before the whole network is; none without",
        neutral="none",
        key=itself,
        default="none",
    )

    batch_size: int | None = parameter(
        Scope.PATH, "samples an update; none for all of them", key=itself, default=None
    )
    sample_order: str = parameter(
        Scope.PATH,
        "full_batch, fixed (as in the data) or shuffled (anew each epoch)",
        neutral="full_batch",
        key=itself,
        default="full_batch",
    )
    dtype: str = parameter(Scope.PATH, "arithmetic of the network: float32 or float64", key=itself)

    fixed_epochs: int | None = parameter(
        Scope.STOP, "epochs rule: train exactly this many", default=None
    )
    max_epochs: int = parameter(Scope.STOP, "most epochs to train before giving up")
    max_seconds: float | None = parameter(
        Scope.STOP, "most seconds to train before giving up, judged between chunks", default=None
    )

    restore: str = parameter(
        Scope.STOP,
        "which weights the trial stands for: last, or best, those after the epoch of its least "
        "monitored loss",
        neutral="last",
        default="last",
    )

    @classmethod
    def known(cls, columns: Mapping[str, object], *, trial_id: str, path_id: str) -> Self:
        """Return the trial of a value for every column, whose identities are known to be these.

        A plan has computed them for all its trials at once; to hash each anew takes ten times as
        long as to make it.
        """
        trial = cls.__new__(cls)
        vars(trial).update(columns, trial_id=trial_id, path_id=path_id)
        return trial

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
        return tuple(key(getattr(self, name)) for name, key in PACK_KEY.items())


PARAMETERS: dict[str, Field[Any]] = {item.name: item for item in fields(Trial)}
PACK_KEY: dict[str, Callable[[Any], object]] = {
    n: item.metadata["key"] for n, item in PARAMETERS.items() if item.metadata["key"]
}
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
