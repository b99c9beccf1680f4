"""How a sweep file says what is trained before the whole network. Knows no tensors."""

from typing import Annotated, Literal

from pydantic import Field

from sweep.config.parameters.axis import Axis, Count, NonNegative
from sweep.config.parameters.choice import Choice, Named


class NoPretraining(Choice):
    """The whole network from its initial weights."""

    name: Literal["none"] = Field(description="none")


class _Phases(Choice):
    max_epochs: Axis[Count] = Field(description="most epochs of each phase")
    min_delta: Axis[NonNegative] = Field(
        default=[0.0], description="what an improvement on the best loss of a phase must exceed"
    )
    patience: Axis[Count | None] = Field(
        default=[None],
        description="epochs without an improvement that end a phase; null for all its max_epochs",
    )


class Greedy(_Phases):
    """greedy: layer-wise, each pair of mirrored layers as a shallow autoencoder of the codes of the
    encoder so far; grow: ever deeper networks, the outer layers going on with the inner ones.
    """

    name: Literal["greedy", "grow"] = Field(description="greedy or grow")


class Chain(_Phases):
    """Links of so many layers, each trained alone to give back what the links before it give."""

    name: Literal["chain"] = Field(description="chain")
    layers: Axis[Count] = Field(description="layers of weights in a link")


Pretraining = Annotated[NoPretraining | Greedy | Chain, Named()]
