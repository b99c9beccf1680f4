"""Measures hidden codes and brings them to one order."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from sweep.nets.codes import HIGH, LOW, Codes, count_distinct, round_codes

SAME = 0.05
"""Units whose values differ by no more than this in every sample are duplicates."""
ROUNDING = 1e-6
"""Singular values below this share of the table's norm are the arithmetic's noise."""
SHUFFLES = 20


@dataclass(frozen=True)
class Order:
    """An order of units: which stands where, and which of them are complemented (v to 1 - v)."""

    units: tuple[int, ...]
    complemented: tuple[bool, ...]


@dataclass(frozen=True)
class Duplicate:
    """Two units that say the same, the second perhaps as its complement."""

    first: int
    second: int
    complementary: bool


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What a table of codes amounts to.

    Attributes:
        samples: rows. distinct: different rows once rounded.
        near_binary: share of values within 0.25 of 0 or 1.
        sharpness: mean of |2v - 1|, from 0 where all are 0.5 to 1 where all are 0 or 1.
        effective_rank: 0 for constant codes, else from 1 to the number of units.
        duplicates: pairs of units that are equal or complementary.
    """

    samples: int
    distinct: int
    near_binary: float
    sharpness: float
    effective_rank: float
    duplicates: tuple[Duplicate, ...]

    @property
    def injective(self) -> bool:
        """Whether every sample has a rounded code of its own."""
        return self.distinct == self.samples


def canonical_order(codes: Codes) -> Order:
    """Return the order in which the rounded table is the lexicographically least.

    Units may be permuted and complemented, samples stay where they are. Since each unit may be
    complemented by itself, the least table has each unit in the lesser of its two forms, and the
    units sorted: this is exact for any number of them. Where rounded values are equal the values
    themselves decide.
    """
    rounded = round_codes(codes)
    forms = []
    for unit in range(codes.shape[1]):
        column, exact = rounded[:, unit], codes[:, unit]
        as_it_is = (column.tolist(), exact.tolist(), False, unit)
        complement = ((1 - column).tolist(), (1 - exact).tolist(), True, unit)
        forms.append(min(as_it_is, complement))
    forms.sort(key=lambda form: (form[0], form[1], form[3]))
    return Order(tuple(form[3] for form in forms), tuple(form[2] for form in forms))


def reorder(codes: Codes, order: Order) -> Codes:
    """Return values in [0, 1] with their units permuted and complemented."""
    chosen = codes[:, list(order.units)]
    return np.where(np.array(order.complemented, bool), 1 - chosen, chosen)


def measure_codes(activations: Codes, codes: Codes) -> Measures:
    """Say how injective, binary and redundant codes are."""
    return Measures(
        samples=len(codes),
        distinct=count_distinct(codes),
        near_binary=float(((codes <= LOW) | (codes >= HIGH)).mean()),
        sharpness=float(np.abs(2 * codes - 1).mean()),
        effective_rank=effective_rank(activations),
        duplicates=duplicate_units(codes),
    )


def effective_rank(activations: Codes) -> float:
    """Return the effective rank of the centred codes (Roy and Vetterli 2007).

    It is exp of the entropy of the singular values divided by their sum: k for k directions of
    equal weight, and 0 here where the codes do not vary at all.
    """
    values = np.linalg.svd(activations - activations.mean(axis=0), compute_uv=False)
    values = values[values > ROUNDING * np.linalg.norm(activations)]
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(values) else 0.0


def duplicate_units(codes: Codes) -> tuple[Duplicate, ...]:
    """Return the pairs of units that are equal or complementary to `SAME` in every sample."""
    equal = _largest_difference(codes, codes) <= SAME
    opposite = _largest_difference(codes, 1 - codes) <= SAME
    pairs = np.argwhere(np.triu(equal | opposite, k=1)).tolist()
    return tuple(Duplicate(a, b, complementary=not equal[a, b]) for a, b in pairs)


def _largest_difference(codes: Codes, others: Codes) -> Float64[np.ndarray, "units units"]:
    return np.asarray(cdist(codes.T, others.T, "chebyshev"))


def code_distance(codes: Codes, others: Codes) -> float:
    """Return the least mean absolute difference over permutations and complements of units.

    Args:
        codes: values in [0, 1].
        others: the same of the same samples, with as many units.

    Returns:
        0 for the same code up to the order and sense of its units; at most 0.5. The assignment of
        units is optimal (Crouse 2016, in SciPy).
    """
    same, opposite = (_mean_difference(codes, form) for form in (others, 1 - others))
    costs = np.minimum(same, opposite)
    return float(costs[linear_sum_assignment(costs)].mean())


def _mean_difference(codes: Codes, others: Codes) -> Float64[np.ndarray, "units units"]:
    return np.asarray(cdist(codes.T, others.T, "cityblock")) / len(codes)


def chance_distance(codes: Codes, others: Codes) -> float:
    """Return the distance to expect of codes that know nothing of each other.

    It is the mean of `code_distance` over `SHUFFLES` random orders of the samples of `others`, the
    same orders every time.
    """
    shuffled = np.random.default_rng(0)
    return float(
        np.mean([code_distance(codes, shuffled.permutation(others)) for _ in range(SHUFFLES)])
    )
