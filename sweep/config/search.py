"""How a sweep file asks for a search: what proposes points, how many, and by what they are judged.

Knows nothing of the space that is searched.
"""

from dataclasses import fields
from types import NoneType
from typing import Annotated, Any, Literal, Self, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sweep.config.parameters.axis import MAX_VALUES, Block, Whole, must, whole
from sweep.errors import nearest
from sweep.result import Outcome

SIZES = ("n_parameters", "bottleneck", "depth")
"""Columns of a network's size that may be an objective."""
MOST_OBJECTIVES = 4
OF_OPTUNA = ("objective", "over", "batch", "warm_start")
"""What only a search that learns from results has a use for."""


def _objective_columns() -> tuple[str, ...]:
    """Return the columns that are numbers and do not depend on the machine."""
    hints = get_type_hints(Outcome)
    kinds = {
        item.name: set(get_args(hints[item.name]) or [hints[item.name]]) for item in fields(Outcome)
    }
    numbers = [name for name, kind in kinds.items() if kind - {NoneType} <= {int, float}]
    return (*numbers, *SIZES)


OBJECTIVES = _objective_columns()


def _known(name: str) -> str:
    if name not in OBJECTIVES:
        hint = nearest(name, list(OBJECTIVES))
        raise must(f"be one of {', '.join(OBJECTIVES)}", hint=hint)
    return name


class Objective(Block):
    """A column of the results to be brought down, or up."""

    column: Annotated[str, AfterValidator(_known)] = Field(description="column of the results")
    direction: Literal["minimise", "maximise"] = Field(
        default="minimise", description="whether less of it is better, or more"
    )


class Quantile(Block):
    """A quantile of the replicates, as their worse part goes by."""

    quantile: Annotated[float, Gt(0), Lt(1)] = Field(
        description="which, such as 0.9: nine replicates of ten are as good or better"
    )


def _as_objectives(value: Any) -> Any:
    several = value if isinstance(value, list) else [value]
    return [{"column": each} if isinstance(each, str) else each for each in several]


Size = Annotated[int, BeforeValidator(whole), Ge(1), Le(MAX_VALUES)]


class Search(Block):
    """A search in place of the whole grid: lists become choices, and intervals are drawn from.

    Every point, a choice of all parameters but the seed, is trained with every seed.
    """

    name: Literal["random", "sobol"] | None = Field(
        default=None,
        description="points known before any is trained: independent draws, or scrambled Sobol "
        "points, which fill the space more evenly",
    )
    optuna: Literal["tpe", "gp", "cmaes", "nsga2"] | None = Field(
        default=None,
        description="Optuna's sampler that proposes points by the results of those before",
    )
    budget: Size = Field(description="points in all; a larger budget keeps those of a smaller one")
    seed: Whole = Field(default=0, description="key of the draws of points")
    objective: (
        Annotated[
            list[Objective], MinLen(1), MaxLen(MOST_OBJECTIVES), BeforeValidator(_as_objectives)
        ]
        | None
    ) = Field(
        default=None,
        description="columns to bring down, or one; left out, the held-out loss where the data "
        "have it, else the final one",
    )
    over: Literal["median", "mean"] | Quantile = Field(
        default="median", description="what of its replicates a point is judged by"
    )
    batch: Size | None = Field(
        default=None,
        description="points proposed at a time, two such batches being under way; left out, as "
        "many as suit the sampler, more and more of them",
    )
    warm_start: list[Annotated[str, MinLen(1)]] = Field(
        default=[],
        description="results to learn from before the first proposal, as far as they fit",
    )

    @property
    def proposer(self) -> str:
        """The name of what proposes points."""
        return str(self.name or self.optuna)

    @model_validator(mode="before")
    @classmethod
    def _as_block(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise must("hold name: random or sobol, or optuna: a sampler, and a budget of points")
        named = [key for key in ("name", "optuna") if value.get(key) is not None]
        if len(named) != 1:
            raise must("hold either name: random or sobol, or optuna: a sampler")
        return value

    @model_validator(mode="after")
    def _fits_its_proposer(self) -> Self:
        for key in OF_OPTUNA if self.name else ():
            if key in self.model_fields_set:
                raise must(
                    "stand with optuna alone: points of random and sobol are drawn beforehand",
                    step=key,
                    got=self.model_dump(mode="json")[key],
                )
        return self
