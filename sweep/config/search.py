"""How a sweep file asks for a search: what proposes points, and how many.

Knows nothing of the space that is searched.
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Field, model_validator

from sweep.config.parameters.axis import MAX_VALUES, Block, Whole, must, whole

Size = Annotated[int, BeforeValidator(whole), Ge(1), Le(MAX_VALUES)]


class Search(Block):
    """A search in place of the whole grid: lists become choices, and intervals are drawn from.

    Every point, a choice of all parameters but the seed, is trained with every seed.
    """

    name: Literal["random", "sobol"] = Field(
        description="points known before any is trained: independent draws, or scrambled Sobol "
        "points, which fill the space more evenly",
    )
    budget: Size = Field(description="points in all; a larger budget keeps those of a smaller one")
    seed: Whole = Field(default=0, description="key of the draws of points")

    @model_validator(mode="before")
    @classmethod
    def _as_block(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise must("hold name, random or sobol, and a budget of points")
        return value
