"""How a sweep file says what may be added to a network or its training. Knows no tensors."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from sweep.config.parameters.axis import Axis, NonNegative, Positive, Share
from sweep.config.parameters.choice import Choice, Named


class Nothing(Choice):
    """As if the parameter were left out."""

    name: Literal["none"] = Field(description="none")


class BatchNormalisation(Choice):
    """torch.nn.BatchNorm1d on every hidden layer's pre-activations, its shift for their bias."""

    name: Literal["batch"] = Field(description="batch")
    momentum: Axis[Annotated[float, Ge(0), Le(1)]] = Field(
        default=[0.1], description="share of a batch in the running mean and variance"
    )
    epsilon: Axis[Positive] = Field(default=[1e-5], description="added to the variance")


Normalisation = Annotated[Nothing | BatchNormalisation, Named()]


class GaussianNoise(Choice):
    """Normal noise added to every input, anew each epoch; targets and evaluation stay clean."""

    name: Literal["gaussian"] = Field(description="gaussian")
    scale: Axis[NonNegative] = Field(description="standard deviation")


class MaskingNoise(Choice):
    """Inputs set to 0 at random, anew each epoch; targets and evaluation stay clean."""

    name: Literal["masking"] = Field(description="masking")
    rate: Axis[Share] = Field(description="probability that an input is set to 0")


InputNoise = Annotated[Nothing | GaussianNoise | MaskingNoise, Named()]


class Clip(Choice):
    """norm: torch.nn.utils.clip_grad_norm_ on each network alone. value: clip_grad_value_."""

    name: Literal["norm", "value"] = Field(description="what is clipped")
    limit: Axis[Positive] = Field(
        default=[1.0],
        description="most that the 2-norm of a network's whole gradient, or the magnitude of each "
        "of its elements, may be",
    )


GradientClip = Annotated[Nothing | Clip, Named()]
