"""Hidden codes are rounded, ordered, measured and compared as the documents say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sweep.nets.codes import round_codes, scale_by_range
from sweep.studies.codes.measures import (
    Duplicate,
    Order,
    canonical_order,
    chance_distance,
    code_distance,
    effective_rank,
    measure_codes,
    reorder,
)

TABLE = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 0.0], [0.0, 1.0, 1.0]])
CODES = arrays(np.float64, (5, 4), elements=st.sampled_from([0.0, 0.5, 1.0]))


def test_values_are_rounded_as_in_the_study() -> None:
    values = np.array([[0.0, 0.249, 0.25, 0.5, 0.75, 0.751, 1.0]])
    assert round_codes(values).tolist() == [[0.0, 0.0, 0.5, 0.5, 0.5, 1.0, 1.0]]


def test_a_unit_is_scaled_by_its_own_range() -> None:
    activations = np.array([[-1.0, 3.0, 7.0], [0.0, 3.0, 5.0], [1.0, 3.0, 6.0]])
    assert scale_by_range(activations).tolist() == [[0.0, 0.0, 1.0], [0.5, 0.0, 0.0], [1, 0, 0.5]]


def test_the_least_table_is_found() -> None:
    order = canonical_order(TABLE)
    assert order == Order((2, 0, 1), (False, True, True))
    assert reorder(TABLE, order).tolist() == [[0.0, 0.0, 0.5], [0.0, 1.0, 0.5], [1.0, 1.0, 0.0]]


@given(CODES, st.permutations(range(4)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_permuted_and_complemented_tables_have_one_canonical_form(
    codes: np.ndarray, units: list[int], complemented: list[bool]
) -> None:
    other = reorder(codes, Order(tuple(units), tuple(complemented)))
    ours, theirs = (reorder(table, canonical_order(table)) for table in (codes, other))
    assert ours.tolist() == theirs.tolist()
    assert code_distance(codes, other) == 0
    assert tuple(ours.ravel()) <= min(tuple(codes.ravel()), tuple(other.ravel()))


def test_equal_rounded_units_are_ordered_by_their_values() -> None:
    values = np.array([[0.1, 0.05], [0.9, 0.95]])
    assert canonical_order(values) == Order((1, 0), (False, False))


def test_measures_of_a_binary_code_in_closed_form() -> None:
    codes = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    found = measure_codes(codes, codes)
    assert (found.samples, found.distinct, found.injective) == (4, 4, True)
    assert (found.near_binary, found.sharpness) == (1.0, 1.0)
    assert found.effective_rank == pytest.approx(2.0, abs=1e-12)
    assert found.duplicates == ()


def test_measures_of_a_blurred_code() -> None:
    codes = np.array([[0.5, 0.52, 0.1], [0.5, 0.52, 0.4], [0.5, 0.48, 0.75]])
    found = measure_codes(codes, codes)
    assert (found.distinct, found.injective) == (2, False)
    assert found.near_binary == 2 / 9
    assert found.sharpness == pytest.approx((3 * 0.04 + 0.8 + 0.2 + 0.5) / 9)
    assert found.duplicates == (Duplicate(0, 1, complementary=False),)


def test_complementary_units_are_duplicates() -> None:
    codes = np.array([[0.0, 0.96], [1.0, 0.04], [0.3, 0.7]])
    assert measure_codes(codes, codes).duplicates == (Duplicate(0, 1, complementary=True),)


def test_the_effective_rank_is_exp_of_the_entropy_of_the_singular_values() -> None:
    assert effective_rank(np.full((4, 3), 0.3)) == 0.0
    one_direction = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    assert effective_rank(one_direction) == pytest.approx(1.0)
    uneven = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert effective_rank(uneven) == pytest.approx(np.exp(entropy))


def test_the_distance_is_over_the_best_assignment_of_units() -> None:
    codes = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    other = np.column_stack([1 - codes[:, 1], codes[:, 0]])
    other[0, 0] = 0.5
    assert code_distance(codes, other) == 0.5 / 8
    assert code_distance(codes, np.full((4, 2), 0.5)) == 0.5


def test_chance_is_worse_than_a_code_itself_and_the_same_every_time() -> None:
    codes = np.array([[i >> bit & 1 for bit in range(4)] for i in range(16)], float)
    first = chance_distance(codes, codes)
    assert 0.25 < first < 0.5
    assert chance_distance(codes, codes) == first
