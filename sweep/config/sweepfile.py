"""The sweep file as a whole: its words, and not how they combine."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import BeforeValidator, Field

from sweep.components.registry import ACTIVATIONS, OPTIMIZERS, listed
from sweep.config.grids.conditions import Conditions
from sweep.config.parameters.axis import (
    MAX_VALUES,
    Axis,
    AxisSchema,
    Block,
    Count,
    NonNegative,
    Positive,
    Real,
    Share,
    Whole,
    must,
    whole,
)
from sweep.config.parameters.components import ComponentOf, Convergence
from sweep.config.parameters.data_sets import Dataset
from sweep.config.parameters.topology import TopologyAxis
from sweep.config.scheduler import Scheduler
from sweep.config.search import Search

if TYPE_CHECKING:
    from sweep.config.grids.expansion import Expansion

MAX_GRIDS = 1_000
MAX_ENTRIES = 10_000
MAX_ZIPS = 100


class Parameters(Block):
    """The parameters of a trial."""

    dataset: Axis[Dataset] | None = Field(default=None, description="what the networks learn")
    topology: TopologyAxis | None = Field(
        default=None, description="widths from input to output: 16-8-4-8-16 or [16, 8, 4, 8, 16]"
    )
    network: Axis[Annotated[Any, ComponentOf("network")]] | None = Field(
        default=None,
        description="in place of topology, activations, initialiser and all else that makes a "
        "perceptron, a network of your own",
    )
    tied_weights: Axis[bool] | None = Field(
        default=None,
        description="whether each layer after the middle has the transposed weights of its mirror "
        "image before it, with biases of its own; false where left out",
    )
    biases: Axis[bool] | None = Field(
        default=None,
        description="whether layers have biases, hidden and output; those of a highway's gates and "
        "the shift of normalisation stay; true where left out",
    )
    activation: Axis[Annotated[Any, ComponentOf("activation")]] | None = Field(
        default=None, description="activation of the hidden layers"
    )
    output_activation: Axis[Annotated[Any, ComponentOf("output_activation")]] | None = Field(
        default=None, description="activation of the output layer"
    )
    normalisation: Axis[Annotated[Any, ComponentOf("normalisation")]] | None = Field(
        default=None,
        description="normalises the pre-activations of hidden layers; none where left out",
    )
    skip: Axis[Annotated[Any, ComponentOf("skip")]] | None = Field(
        default=None,
        description="connections around every hidden layer, which carry the first units as far as "
        "both widths go; none where left out",
    )
    initialiser: Axis[Annotated[Any, ComponentOf("initialiser")]] | None = Field(
        default=None, description="where the weights start, with the constant c"
    )
    bias_constant: Axis[Real] | None = Field(
        default=None,
        description="initial value of every bias, or what an initialiser draws them around; 0 "
        "where left out",
    )
    seed: Axis[Whole] | None = Field(
        default=None, description="key of every random draw of a trial; 0 where left out"
    )
    loss: Axis[Annotated[Any, ComponentOf("loss")]] | None = Field(
        default=None, description="loss between outputs and targets"
    )
    input_noise: Axis[Annotated[Any, ComponentOf("input_noise")]] | None = Field(
        default=None,
        description="corrupts the inputs of training, for denoising; none where left out",
    )
    input_dropout: Axis[Share] | None = Field(
        default=None,
        description="probability that an input is dropped in training, after input_noise; 0 where "
        "left out",
    )
    hidden_dropout: Axis[Share] | None = Field(
        default=None,
        description="probability that what a hidden unit gives is dropped in training, the "
        "bottleneck's too; 0 where left out",
    )
    flat_spot: Axis[NonNegative] | None = Field(
        default=None,
        description="Fahlman's remedy for saturated units, such as 0.1: added in training to the "
        f"derivative of units that saturate ({listed(ACTIVATIONS, 'flattens')}); 0 where left out",
    )
    gradient_clip: Axis[Annotated[Any, ComponentOf("gradient_clip")]] | None = Field(
        default=None,
        description="clips the gradient before weight_decay joins it; none where left out",
    )
    code_penalty: Axis[NonNegative] | None = Field(
        default=None,
        description="L1 penalty on the bottleneck: times the mean over samples of its units' "
        "summed magnitudes, part of the objective and never of the loss; 0 where left out",
    )
    sparsity: Axis[Annotated[Any, ComponentOf("sparsity")]] | None = Field(
        default=None,
        description="keeps units of the bottleneck inactive for most samples, as part of the "
        "objective; wants activations from 0 to 1 and no skip; none where left out",
    )
    contractive_penalty: Axis[NonNegative] | None = Field(
        default=None,
        description="times the mean over samples of the squared Frobenius norm of the derivative "
        "of the code by the inputs, part of the objective (Rifai et al. 2011); 0 where left out",
    )
    weight_decay: Axis[NonNegative] | None = Field(
        default=None,
        description=f"L2 penalty, decoupled for {listed(OPTIMIZERS, 'decouples_decay')}; 0 where "
        "left out",
    )
    weight_l1: Axis[NonNegative] | None = Field(
        default=None,
        description="L1 penalty: times the sum of the weights' magnitudes, part of the objective; "
        "its gradient joins the loss's after gradient_clip, for every optimizer; 0 where left out",
    )
    decay_biases: Axis[bool] | None = Field(
        default=None,
        description="whether weight_decay and weight_l1 act on biases too, and scale and shift of "
        "normalisation; true where left out",
    )
    optimizer: Axis[Annotated[Any, ComponentOf("optimizer")]] | None = Field(
        default=None, description="optimizer with its own parameters"
    )
    learning_rate: Axis[Positive] | None = Field(
        default=None, description="learning rate before schedule and decay"
    )
    learning_rate_schedule: Axis[Annotated[Any, ComponentOf("learning_rate_schedule")]] | None = (
        Field(default=None, description="how the learning rate changes; constant where left out")
    )
    pretraining: Axis[Annotated[Any, ComponentOf("pretraining")]] | None = Field(
        default=None,
        description="what is trained before the whole network is; none where left out. epochs, "
        "limits and stop rules are of the last phase, the whole network's",
    )
    batch_size: Axis[Count | None] | None = Field(
        default=None,
        description="samples an update, as many as are trained on at most; null or left out for "
        "all of them",
    )
    sample_order: Axis[Literal["full_batch", "fixed", "shuffled"]] | None = Field(
        default=None,
        description="order of the samples; where left out, shuffled anew each epoch if batch_size "
        "is given",
    )
    dtype: Axis[Literal["float32", "float64"]] | None = Field(
        default=None, description="arithmetic of the networks; float32 where left out"
    )
    convergence: Axis[Convergence] | None = Field(default=None, description="when a trial stops")


class Fixed(Parameters):
    """Parameters with one value for all trials."""


def is_one_zip(value: object) -> bool:
    """Return whether a list holds names of parameters rather than lists of such."""
    return isinstance(value, list) and bool(value) and all(isinstance(n, str) for n in value)


def _as_zips(value: Any) -> Any:
    return [value] if is_one_zip(value) else value


Replicates = Annotated[int, BeforeValidator(whole), Ge(1), Le(MAX_VALUES)]
Zip = Annotated[list[str], Field(min_length=2)]


class Grid(Parameters):
    """Parameters with several values, combined every way."""

    replicates: Replicates | None = Field(
        default=None, description="number of seeds, counted from fixed.seed (0 where left out)"
    )
    zip: Annotated[list[Zip], MaxLen(MAX_ZIPS), BeforeValidator(_as_zips)] = Field(
        default=[], description="parameters that advance together, or several lists of such"
    )
    exclude: Annotated[list[Conditions], MaxLen(MAX_ENTRIES)] = Field(
        default=[], description="combinations to drop: those that meet all conditions of an entry"
    )


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Grids = Annotated[list[Grid], MinLen(1), MaxLen(MAX_GRIDS), BeforeValidator(_as_list), AxisSchema()]


class Gpu(Block):
    """What trains on GPUs."""

    gpus_per_pack: Annotated[float, Gt(0)] = Field(
        default=0.25, description="share of a GPU that a pack takes"
    )
    where: Annotated[list[Conditions], MaxLen(MAX_ENTRIES)] = Field(
        default=[],
        description="conditions as in exclude, any of which sends a trial there; none: all",
    )


Engine = Literal["auto", "fused", "torch", "reference"]


class Resources(Block):
    """What trains the trials, on how much."""

    engine: Engine = Field(
        default="auto", description="what trains a pack; auto takes the fastest that can"
    )
    workers: Count | None = Field(
        default=None, description="packs trained at a time; null for as many as there are CPUs"
    )
    cpus_per_pack: Positive = Field(
        default=1.0,
        description="CPUs that a pack takes; the fused engine trains on so many threads, each "
        "lanes of its own or a wide network together, with the same bits",
    )
    gpus_per_pack: NonNegative = Field(
        default=0.0, description="GPUs that every pack takes, a share allowed"
    )
    gpu: Gpu | None = Field(default=None, description="which packs train on GPUs instead")
    lanes_per_pack: Count | None = Field(
        default=None, description="most trials in a pack; null to let sweep choose"
    )
    retries: Annotated[int, BeforeValidator(whole), Ge(0), Le(100)] = Field(
        default=3, description="times that a pack is tried again after a failure of its worker"
    )
    checkpoint_seconds: Annotated[float, Gt(0), Le(30)] = Field(
        default=30.0, description="most seconds between checkpoints of a pack"
    )
    stall_seconds: Annotated[float, Gt(0), Le(1e6)] = Field(
        default=3600.0,
        description="most seconds of a chunk of epochs (an epoch of a pack at least; of the first "
        "with loading and compiling, half a minute) before its worker counts as hung and is ended; "
        "on Ray",
    )


class Record(Block):
    """What is kept of each trial beside its row."""

    curves: bool = Field(default=True, description="whether to keep the loss by epoch")
    validation_every: Count | None = Field(
        default=1,
        description="epochs from one loss on held-out samples to the next; null for none before "
        "the end. What monitors it has it after every epoch all the same, and only then are its "
        "ladders kept",
    )
    weights: bool = Field(default=True, description="whether to keep the trained weights")
    state: Literal["auto", "resumable", "all", "none"] = Field(
        default="auto",
        description="of which trials to keep what it takes to go on: all, also under a tighter "
        "rule; those that a limit ended, not those that trained the `epochs` asked for "
        "(resumable); none; auto: all in sweeps of up to 2,000 trials, else resumable",
    )
    ladder: bool = Field(
        default=True,
        description="whether to keep when other tolerances and patiences would have been met",
    )
    gradients: bool = Field(
        default=False,
        description="whether to probe every layer's gradient, units and symmetry at log-spaced "
        "epochs",
    )
    codes: Literal["none", "bottleneck", "all"] = Field(
        default="none",
        description="of which hidden layers to keep the activations of every sample",
    )


def _safe_name(name: str) -> str:
    safe = name and len(name) <= 100 and name[0] not in ".-"
    if not safe or not all(c.isascii() and (c.isalnum() or c in "._-") for c in name):
        raise must("be 1 to 100 letters, digits, '.', '_' or '-', not starting with '.' or '-'")
    return name


class SweepConfig(Block):
    """A sweep: the trials to train, when they stop, on what, and what to keep."""

    name: Annotated[str, BeforeValidator(lambda v: _safe_name(v) if isinstance(v, str) else v)] = (
        Field(description="name of the sweep and of its folder under results/")
    )
    description: str | None = Field(default=None, description="what the sweep is for")
    dataset: Axis[Dataset] | None = Field(
        default=None, description="what the networks learn, in all grids"
    )
    fixed: Fixed = Field(default=Fixed(), description="parameters with one value for all trials")
    grid: Grids = Field(
        default=[Grid()],
        description="parameters with several values, or a list of such grids, united",
    )
    search: Search | None = Field(
        default=None,
        description="trains points of the space that the grids span, in place of all combinations",
    )
    convergence: Axis[Convergence] | None = Field(
        default=None, description="when a trial stops, in all grids"
    )
    scheduler: Scheduler | None = Field(
        default=None,
        description="stops trials that others leave behind, at rungs; null to train all to the end",
    )
    resources: Resources = Field(default=Resources(), description="what trains the trials")
    record: Record = Field(default=Record(), description="what is kept of each trial")

    @cached_property
    def expansion(self) -> "Expansion":
        """The sweep spread into axes that combine: found once, by who reads it or who plans it."""
        from sweep.config.grids.expansion import expand_config

        return expand_config(self)
