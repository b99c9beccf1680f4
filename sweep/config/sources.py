"""How a sweep file says data sets. Knows nothing of loading them."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MinLen
from pydantic import BeforeValidator, Field

from sweep.config.axis import Axis, Count, Real, Whole, whole
from sweep.config.choice import Choice, Named, PluginPath

Size = Annotated[int, BeforeValidator(whole), Ge(1), Le(4096)]
Rows = Annotated[list[Annotated[list[Real], MinLen(1)]], MinLen(1)]


class OneHot(Choice):
    """The encoder problem: sample i is 1 at place i and 0 elsewhere."""

    name: Literal["one-hot"] = Field(description="one-hot")
    size: Axis[Size] | None = Field(
        default=None, description="samples and features; left out, the input width of each topology"
    )


class Vectors(Choice):
    """Samples written here."""

    name: Literal["vectors"] = Field(description="vectors")
    values: Rows = Field(description="the samples, one row each")
    targets: Rows | None = Field(
        default=None, description="what each sample should give; left out, the sample itself"
    )


class Uniform(Choice):
    """Random vectors, the same for the same seed anywhere."""

    name: Literal["uniform"] = Field(description="uniform")
    samples: Axis[Count] = Field(description="how many vectors")
    features: Axis[Count] = Field(description="numbers in each")
    low: Axis[Real] = Field(default=[0.0], description="least value")
    high: Axis[Real] = Field(default=[1.0], description="value that all stay below")
    seed: Axis[Whole] = Field(default=[0], description="which vectors")


class PluginDataset(Choice):
    """Data of your own: a function that returns samples, or a pair of samples and targets."""

    name: PluginPath = Field(description="your own function, as package.module:name")
    options: dict[str, Any] = Field(default={}, description="arguments of the function")


Dataset = Annotated[OneHot | Vectors | Uniform | PluginDataset, Named()]
