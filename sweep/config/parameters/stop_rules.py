"""How a sweep file says when training stops. Knows nothing of training."""

from pydantic import Field

from sweep.config.parameters.axis import Axis, Block, Count, NonNegative, Positive, Real


class DeltaRule(Block):
    """Stop once |L_t - L_(t-1)| has stayed below a tolerance."""

    tolerance: Axis[Positive] = Field(description="what the change of the loss must stay below")
    patience: Axis[Count] = Field(default=[1], description="for how many epochs in a row")


class EarlyStoppingRule(Block):
    """Stop once the best loss of training has not improved for a while; the last weights are kept.

    The rule of Keras's EarlyStopping, which monitors the held-out loss unless told otherwise.
    """

    min_delta: Axis[NonNegative] = Field(
        default=[0.0], description="what an improvement on the best loss must exceed"
    )
    patience: Axis[Count] = Field(description="epochs without an improvement")


class TargetRule(Block):
    """Stop once the loss is low enough."""

    loss: Axis[Real] = Field(description="the loss to come down to")


class PatternRule(Block):
    """Stop once every output is near its target: 0.4 is the 40-20-40 criterion."""

    margin: Axis[Positive] = Field(
        default=[0.4], description="largest distance of any output from its target"
    )


class Convergence(Block):
    """When a trial stops: at the first rule met, or at a limit."""

    delta: DeltaRule | None = Field(
        default=None, description="stop once the loss changes by less than a tolerance"
    )
    early_stopping: EarlyStoppingRule | None = Field(
        default=None, description="stop once the best loss has not improved for a while"
    )
    target: TargetRule | None = Field(default=None, description="stop once the loss is low enough")
    pattern: PatternRule | None = Field(
        default=None, description="stop once every output is near its target"
    )
    epochs: Axis[Count] | None = Field(default=None, description="train exactly this many epochs")
    max_epochs: Axis[Count] | None = Field(
        default=None, description="most epochs before giving up; required unless epochs is given"
    )
    max_seconds: Axis[Positive] | None = Field(
        default=None, description="most seconds before giving up"
    )
