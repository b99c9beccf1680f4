"""How a sweep file says networks and their losses. Knows nothing of tensors."""

from math import sqrt
from typing import Annotated, Any, Literal

from annotated_types import MinLen
from pydantic import BeforeValidator, Field
from pydantic.json_schema import WithJsonSchema

from sweep.config.parameters.axis import Axis, AxisSchema, NonNegative, Real, must, whole
from sweep.config.parameters.choice import Choice, Named, PluginName

MAX_WIDTH = 65_536


def as_topology(value: Any) -> tuple[int, ...]:
    """Return the widths of `16-4-16`, or of a list of widths."""
    parts = value.split("-") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) < 2:
        raise must("be at least two widths, such as 16-4-16 or [16, 4, 16]")
    widths = [_width(part) for part in parts]
    if not all(1 <= width <= MAX_WIDTH for width in widths):
        raise must(f"have widths that are whole numbers from 1 to {MAX_WIDTH}")
    return tuple(widths)


def _width(part: object) -> int:
    """Return a width, or 0 for what is none."""
    if isinstance(part, str):
        return int(part) if part.strip().isdecimal() and len(part) < 10 else 0
    part = whole(part)
    return part if isinstance(part, int) and not isinstance(part, bool) else 0


def as_topologies(value: Any) -> Any:
    """Return a list of topologies; a plain list of widths is one topology."""
    if isinstance(value, list) and not is_one_topology(value):
        return value
    return [value]


def is_one_topology(value: object) -> bool:
    """Return whether a list holds widths rather than topologies."""
    return isinstance(value, list) and bool(value) and not isinstance(value[0], str | list | tuple)


Topology = Annotated[
    tuple[int, ...],
    BeforeValidator(as_topology),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]+(-[0-9]+)+$"},
                {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2},
            ]
        }
    ),
]
TopologyAxis = Annotated[list[Topology], MinLen(1), BeforeValidator(as_topologies), AxisSchema()]

PLAIN_ACTIVATIONS = Literal[
    "sigmoid", "tanh", "relu", "selu", "gelu", "silu", "softplus", "identity"
]


class PlainActivation(Choice):
    """An activation without options; softplus is the identity beyond 20, as PyTorch's."""

    name: PLAIN_ACTIVATIONS = Field(description="which activation")


class LeakyRelu(Choice):
    """x above zero, slope * x below."""

    name: Literal["leaky_relu"] = Field(description="leaky_relu")
    slope: Axis[Real] = Field(default=[0.01], description="slope below zero")


class Elu(Choice):
    """x above zero, alpha * (exp(x) - 1) below."""

    name: Literal["elu"] = Field(description="elu")
    alpha: Axis[Real] = Field(default=[1.0], description="scale below zero")


class Softmax(Choice):
    """Shares that sum to one over the outputs."""

    name: Literal["softmax"] = Field(description="softmax")


class PluginActivation(Choice):
    """An activation of your own: a function of a tensor."""

    name: PluginName = Field(description="your own function, as package.module:name")


Activation = Annotated[PlainActivation | LeakyRelu | Elu | PluginActivation, Named()]
OutputActivation = Annotated[
    PlainActivation | LeakyRelu | Elu | Softmax | PluginActivation, Named()
]


class Initialiser(Choice):
    """What every initialiser takes."""

    jitter: Axis[NonNegative] = Field(
        default=[0.0], description="half-width of uniform noise added to every initial weight"
    )


DRAW_BIASES = Field(
    default=[False],
    description="whether biases are drawn as their layer's weights are, instead of all being "
    "bias_constant",
)


class ScaledInitialiser(Initialiser):
    """Weights that are c, uniform in (-c, c), or normal with standard deviation c."""

    name: Literal["constant", "uniform", "normal"] = Field(description="which distribution")
    constant: Axis[Real] = Field(description="c: the value, half-width or standard deviation")
    draw_biases: Axis[bool] = DRAW_BIASES


class XavierInitialiser(Initialiser):
    """Glorot's, by fan-in and fan-out.

    xavier_uniform with draw_biases is how scikit-learn's MLPClassifier and MLPRegressor begin; with
    activation logistic (sigmoid) their gain is 0.5773502691896258, the root of 1/3.
    """

    name: Literal["xavier_uniform", "xavier_normal"] = Field(description="which distribution")
    constant: Axis[Real] = Field(default=[1.0], description="the gain")
    draw_biases: Axis[bool] = DRAW_BIASES


class KaimingInitialiser(Initialiser):
    """He's, by fan-in."""

    name: Literal["kaiming_uniform", "kaiming_normal"] = Field(description="which distribution")
    constant: Axis[Real] = Field(default=[sqrt(2.0)], description="the gain")
    draw_biases: Axis[bool] = DRAW_BIASES


class TorchInitialiser(Initialiser):
    """As torch.nn.Linear begins by itself: weights and biases uniform within 1 / sqrt(fan-in)."""

    name: Literal["torch_linear"] = Field(description="torch_linear")
    draw_biases: Axis[bool] = Field(
        default=[True],
        description="whether biases are drawn too, instead of all being bias_constant",
    )


class PlainInitialiser(Initialiser):
    """dl4j_xavier: normal with variance 2 / (fan-in + fan-out). identity: passes inputs through."""

    name: Literal["dl4j_xavier", "identity"] = Field(description="which distribution")


class PluginInitialiser(Initialiser):
    """An initialiser of your own."""

    name: PluginName = Field(description="your own function, as package.module:name")
    constant: Axis[Real | None] = Field(default=[None], description="c, if your code wants one")


InitialWeights = Annotated[
    ScaledInitialiser
    | XavierInitialiser
    | KaimingInitialiser
    | TorchInitialiser
    | PlainInitialiser
    | PluginInitialiser,
    Named(),
]


class ReducedLoss(Choice):
    """What every loss but your own takes."""

    reduction: Axis[Literal["mean", "sum"]] = Field(
        default=["mean"],
        description="mean over samples and outputs (categorical cross-entropy: over samples), or "
        "sum over both, as in PyTorch; a sum is as many times larger, its gradient and stop rules "
        "too",
    )


class MeanSquaredError(ReducedLoss):
    """The mean, or by reduction the sum, over samples and outputs of the squared difference."""

    name: Literal["mean_squared_error"] = Field(description="mean_squared_error")


class BinaryCrossEntropy(ReducedLoss):
    """Cross-entropy of each output alone."""

    name: Literal["binary_cross_entropy"] = Field(description="binary_cross_entropy")
    semantics: Axis[Literal["keras", "torch", "logits"]] = Field(
        default=["torch"],
        description="keras clips outputs at 1e-7 (no gradient there); torch clamps the log at "
        "-100; logits takes the pre-activations of sigmoid outputs, and is right however far they "
        "saturate: PyTorch's BCEWithLogitsLoss, Keras's from_logits=True, with output_activation "
        "sigmoid for the outputs",
    )


class CategoricalCrossEntropy(ReducedLoss):
    """Cross-entropy over a sample's outputs."""

    name: Literal["categorical_cross_entropy"] = Field(description="categorical_cross_entropy")
    semantics: Axis[Literal["keras", "torch"]] = Field(
        default=["torch"],
        description="keras clips outputs at 1e-7 (no gradient there); torch clamps the log at "
        "-100, and of softmax outputs takes the pre-activations",
    )


class PluginLoss(Choice):
    """A loss of your own: a function of outputs and targets."""

    name: PluginName = Field(description="your own function, as package.module:name")


Loss = Annotated[
    MeanSquaredError | BinaryCrossEntropy | CategoricalCrossEntropy | PluginLoss, Named()
]
