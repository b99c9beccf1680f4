"""How a sweep file asks for a scheduler, which stops trials that others leave behind."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, Field

from sweep.config.grids.values import Problem
from sweep.config.parameters.axis import Count, whole
from sweep.config.parameters.choice import Choice, Named
from sweep.datasets import DatasetSpec, load_data

if TYPE_CHECKING:
    from sweep.config.search import Search
    from sweep.config.sweepfile import Record


class Rungs(Choice):
    """The rungs at which trials are judged, and by what."""

    first_rung: Count = Field(
        default=10,
        description="epochs of the first rung; every rung lies at the nearest epoch of which "
        "curves keep the loss",
    )
    eta: Annotated[float, Gt(1), Le(100)] = Field(
        default=3.0, description="how many times as far the next rung is as the one before"
    )
    metric: Literal["loss", "validation_loss"] | None = Field(
        default=None,
        description="the loss of the rung's epoch that trials are judged by; null for "
        "validation_loss where samples are held out, else loss",
    )


class Asha(Rungs):
    """From each rung the best 1/eta go on (Li et al. 2020, without their dependence on timing)."""

    name: Literal["asha"] = Field(description="asha")


class Hyperband(Rungs):
    """Brackets of asha that begin at the first rung, the second and so on (Li et al. 2018)."""

    name: Literal["hyperband"] = Field(description="hyperband")
    brackets: Annotated[int, BeforeValidator(whole), Ge(1), Le(100)] | None = Field(
        default=None,
        description="how many, the last beginning at the last rung but for those beyond; null for "
        "one a rung and one that is never judged",
    )


class Median(Rungs):
    """Stops at each rung what is worse than the others' median there (Golovin et al. 2017)."""

    name: Literal["median"] = Field(description="median")


Scheduler = Annotated[Asha | Hyperband | Median, Named()]


def scheduler_problems(
    scheduler: Rungs,
    search: "Search | None",
    record: "Record",
    datasets: Mapping[str, DatasetSpec],
) -> Iterator[Problem]:
    """Yield what else in the sweep file a scheduler cannot do with.

    Args:
        scheduler: as asked for.
        search: what proposes points, if anything does.
        record: what is kept of trials.
        datasets: what they learn.
    """
    if search and search.optuna:
        must = "be left out with search.optuna, which learns from trials that have ended"
        yield Problem(path=("scheduler",), must=must, got=scheduler.name)
    if not record.curves:
        must = "be true with a scheduler, which judges by what curves keep"
        yield Problem(path=("record", "curves"), must=must, got="false")
    if record.state == "none":
        must = "not be none with a scheduler: what passes a rung goes on from its state"
        yield Problem(path=("record", "state"), must=must, got="none")
    if scheduler.metric == "loss":
        return
    data = [load_data(spec) for spec in datasets.values()]
    lacking = [item.name for item in data if item.validation_inputs is None]
    if scheduler.metric and lacking:
        must = "be loss where no samples are held out"
        hint = "give dataset.validation, a share such as 0.2"
        got = f"validation_loss, with {lacking[0]}"
        yield Problem(path=("scheduler", "metric"), must=must, got=got, hint=hint)
    if len(lacking) < len(data) and record.validation_every != 1:
        must = "be 1 with a scheduler that judges by validation_loss"
        got = "null" if record.validation_every is None else f"{record.validation_every}"
        yield Problem(path=("record", "validation_every"), must=must, got=got)
