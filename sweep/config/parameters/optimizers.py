"""How a sweep file says optimizers and learning rate schedules. Knows nothing of updates."""

from typing import Annotated, Literal

from annotated_types import Gt, Lt
from pydantic import Field

from sweep.config.parameters.axis import Axis, Count, NonNegative, Positive, Share
from sweep.config.parameters.choice import Choice, Named


class Optimizer(Choice):
    """What every optimizer but rprop takes."""

    decay: Axis[NonNegative] = Field(
        default=[0.0],
        description="old Keras's decay: learning rate / (1 + decay * updates so far)",
    )


class Sgd(Optimizer):
    """Gradient descent, as torch.optim.SGD."""

    name: Literal["sgd"] = Field(description="sgd")
    momentum: Axis[NonNegative] = Field(default=[0.0], description="momentum")
    dampening: Axis[NonNegative] = Field(default=[0.0], description="dampening of the momentum")
    nesterov: Axis[bool] = Field(
        default=[False], description="whether the momentum looks ahead; wants momentum > 0"
    )


class Rmsprop(Optimizer):
    """RMSprop; the default rho is PyTorch's alpha (Keras's is 0.9)."""

    name: Literal["rmsprop"] = Field(description="rmsprop")
    rho: Axis[Share] = Field(default=[0.99], description="decay of the mean squared gradient")
    momentum: Axis[NonNegative] = Field(default=[0.0], description="momentum")
    centered: Axis[bool] = Field(
        default=[False], description="whether to subtract the mean gradient"
    )
    epsilon: Axis[NonNegative] = Field(default=[1e-8], description="added to the denominator")
    epsilon_inside: Axis[bool] = Field(
        default=[False], description="whether epsilon is inside the square root, as in Keras 3"
    )


class Adagrad(Optimizer):
    """Adagrad."""

    name: Literal["adagrad"] = Field(description="adagrad")
    initial_accumulator: Axis[NonNegative] = Field(
        default=[0.0], description="first value of the sum of squares"
    )
    epsilon: Axis[NonNegative] = Field(default=[1e-10], description="added to the denominator")
    epsilon_inside: Axis[bool] = Field(
        default=[False], description="whether epsilon is inside the square root, as in Keras 3"
    )


class Adadelta(Optimizer):
    """Adadelta."""

    name: Literal["adadelta"] = Field(description="adadelta")
    rho: Axis[Share] = Field(default=[0.9], description="decay of the two running means")
    epsilon: Axis[Positive] = Field(default=[1e-6], description="inside both square roots")


class _Moments(Optimizer):
    beta1: Axis[Share] = Field(default=[0.9], description="decay of the mean gradient")
    beta2: Axis[Share] = Field(default=[0.999], description="decay of the mean squared gradient")
    epsilon: Axis[NonNegative] = Field(
        default=[1e-8],
        description="added to the root after its bias correction; adamax: to each gradient's size; "
        "as PyTorch has them",
    )


class Adam(_Moments):
    """Adam, or adamw with its weight decay decoupled from the gradient."""

    name: Literal["adam", "adamw"] = Field(description="adam or adamw")
    amsgrad: Axis[bool] = Field(
        default=[False], description="whether to keep the largest second moment"
    )
    epsilon_hat: Axis[bool] = Field(
        default=[False],
        description="whether epsilon is Kingma and Ba's epsilon hat, added to the root before its "
        "bias correction, as in Keras",
    )


class Nadam(_Moments):
    """Adam with Nesterov's momentum; Keras's is that with momentum_decay 1."""

    name: Literal["nadam"] = Field(description="nadam")
    momentum_decay: Axis[NonNegative] = Field(default=[4e-3], description="momentum decay")


class Adamax(_Moments):
    """Adam by the largest gradient."""

    name: Literal["adamax"] = Field(description="adamax")
    epsilon_hat: Axis[bool] = Field(
        default=[False],
        description="whether epsilon is added to the largest gradient where it divides, as in "
        "Keras, not to each gradient",
    )


class Rprop(Choice):
    """Steps by the sign of the gradient; the learning rate is the first step."""

    name: Literal["rprop"] = Field(description="rprop")
    eta_minus: Axis[Annotated[float, Gt(0), Lt(1)]] = Field(
        default=[0.5], description="factor of a step after a change of sign"
    )
    eta_plus: Axis[Annotated[float, Gt(1)]] = Field(
        default=[1.2], description="factor of a step after an equal sign"
    )
    step_min: Axis[NonNegative] = Field(default=[1e-6], description="smallest step")
    step_max: Axis[Positive] = Field(default=[50.0], description="largest step")


class Quickprop(Optimizer):
    """Fahlman's: jumps to where the last two slopes, drawn through by a line, would vanish."""

    name: Literal["quickprop"] = Field(description="quickprop")
    max_growth: Axis[Positive] = Field(
        default=[1.75], description="mu: most that a step may be times the one before"
    )


AnyOptimizer = Annotated[
    Sgd | Rmsprop | Adagrad | Adadelta | Adam | Nadam | Adamax | Rprop | Quickprop, Named()
]


class ConstantRate(Choice):
    """The learning rate as it is."""

    name: Literal["constant"] = Field(description="constant")


class ExponentialRate(Choice):
    """learning rate * factor ** (epoch / period), epoch counted from 0."""

    name: Literal["exponential"] = Field(description="exponential")
    factor: Axis[Positive] = Field(description="factor a period")
    period: Axis[Count] = Field(default=[1], description="period, epochs")


class StepRate(Choice):
    """learning rate * factor ** floor(epoch / period), epoch counted from 0."""

    name: Literal["step"] = Field(description="step")
    factor: Axis[Positive] = Field(description="factor a period")
    period: Axis[Count] = Field(description="period, epochs")


class CosineRate(Choice):
    """Half a cosine from the learning rate down to a share of it, which then stays."""

    name: Literal["cosine"] = Field(description="cosine")
    factor: Axis[NonNegative] = Field(default=[0.0], description="share of the rate at the end")
    period: Axis[Count] = Field(description="epochs until the end")


Schedule = Annotated[ConstantRate | ExponentialRate | StepRate | CosineRate, Named()]
