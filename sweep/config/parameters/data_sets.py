"""How data sets are written in a sweep file."""

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, MinLen
from pydantic import BeforeValidator, Field

from sweep.config.parameters.axis import Axis, Count, NonNegative, Real, Share, Whole, whole
from sweep.config.parameters.choice import Choice, Named, PluginPath


def _spelt(name: Any) -> Any:
    """Take 7 for the name that it is in the first line of a table."""
    return str(name) if isinstance(name, int) and not isinstance(name, bool) else name


Size = Annotated[int, BeforeValidator(whole), Ge(1), Le(4096)]
Rows = Annotated[list[Annotated[list[Real], MinLen(1)]], MinLen(1)]
FilePath = Annotated[str, MinLen(1)]
Names = Annotated[list[Annotated[str, BeforeValidator(_spelt)]], MinLen(1)]


class Source(Choice):
    """What every data set takes; `lists` are the options that are one value though a list."""

    lists: ClassVar[frozenset[str]] = frozenset()

    validation: Axis[Share] = Field(
        default=[0.0], description="share of the samples held out of training, to validate on"
    )
    split_seed: Axis[Whole] = Field(
        default=[0], description="which samples those are, which are chosen, and their noise"
    )
    train_samples: Axis[Count] | None = Field(
        default=None,
        description="how many of those that are not held out to train on, a larger choice holding "
        "all of a smaller one; all where left out",
    )
    noise: Axis[NonNegative] = Field(
        default=[0.0],
        description="standard deviation of normal noise that is part of the samples to train on "
        "and of their targets, the same in every epoch",
    )
    scale: Axis[Literal["none", "unit", "standard"]] = Field(
        default=["none"],
        description="each column from 0 to 1 (unit), or to mean 0 and variance 1 (standard), by "
        "the samples trained on; a constant column becomes 0",
    )


class OneHot(Source):
    """The encoder problem: sample i is 1 at place i and 0 elsewhere."""

    name: Literal["one-hot"] = Field(description="one-hot")
    size: Axis[Size] | None = Field(
        default=None, description="samples and features; left out, the input width of each topology"
    )


class Vectors(Source):
    """Samples written here."""

    lists = frozenset({"values", "targets"})

    name: Literal["vectors"] = Field(description="vectors")
    values: Rows = Field(description="the samples, one row each")
    targets: Rows | None = Field(
        default=None, description="what each sample should give; left out, the sample itself"
    )


class Uniform(Source):
    """Random vectors, the same for the same seed anywhere."""

    name: Literal["uniform"] = Field(description="uniform")
    samples: Axis[Count] = Field(description="how many vectors")
    features: Axis[Count] = Field(description="numbers in each")
    low: Axis[Real] = Field(default=[0.0], description="least value")
    high: Axis[Real] = Field(default=[1.0], description="value that all stay below")
    seed: Axis[Whole] = Field(default=[0], description="which vectors")


class Digits(Source):
    """Scikit-learn's 1,797 handwritten digits, 8 × 8 grey levels from 0 to 1."""

    name: Literal["digits"] = Field(description="digits")
    samples: Axis[Count] | None = Field(
        default=None, description="how many, the first of them; all where left out"
    )


class Digits28x28(Source):
    """A stand-in for MNIST, made of scikit-learn's digits: 60,000 images and 10,000 held out."""

    name: Literal["digits-28x28"] = Field(description="digits-28x28")
    samples: Axis[Annotated[Count, Le(60_000)]] = Field(
        default=[60_000], description="how many to train on, the first of them"
    )


class Idx(Source):
    """Images as MNIST's are kept, an IDX file or an .npz, levels 0 to 255 divided by 255."""

    name: Literal["idx"] = Field(description="idx")
    path: Axis[FilePath] = Field(
        description="an IDX file, gzipped or not, an .npz, or a directory of "
        "train-images-idx3-ubyte[.gz] and, to validate on, t10k-images-idx3-ubyte[.gz]; "
        "relative to the working directory"
    )
    key: Axis[FilePath] | None = Field(
        default=None,
        description="array of an .npz; x_train and, to validate on, x_test where left out",
    )
    test: Axis[bool] = Field(
        default=[True], description="whether the test part, where there is one, is validated on"
    )
    samples: Axis[Count] | None = Field(
        default=None, description="how many to train on, the first of them; all where left out"
    )


class Table(Source):
    """A table of your own: CSV with a line of names, Parquet, or a matrix in an .npy."""

    lists = frozenset({"columns", "targets"})

    name: Literal["table"] = Field(description="table")
    path: Axis[FilePath] = Field(
        description="the .csv, .parquet or .npy file; relative to the working directory"
    )
    delimiter: Axis[Literal[",", ";", "tab"]] | None = Field(
        default=None, description="what stands between the columns of a .csv; a comma if left out"
    )
    columns: Names | None = Field(
        default=None,
        description="columns that are inputs, those of an .npy being 0, 1, 2, …; left out, all of "
        "numbers but the targets",
    )
    targets: Names | None = Field(
        default=None, description="columns that each row should give; left out, the inputs"
    )


class PluginDataset(Source):
    """Data of your own: a function that returns samples, or a pair of samples and targets."""

    name: PluginPath = Field(description="your own function, as package.module:name")
    options: dict[str, Any] = Field(default={}, description="arguments of the function")


Dataset = Annotated[
    OneHot | Vectors | Uniform | Digits | Digits28x28 | Idx | Table | PluginDataset, Named()
]
