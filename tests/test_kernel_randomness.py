"""Claims: compiled draws are the bits of `sweep.nets.randomness`, at any place of any stream."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit

from sweep.kernel import randomness as compiled
from sweep.nets import randomness
from sweep.nets.randomness import Purpose, high_word, permutation, raw_bits
from tests.compiled import addresses

SEEDS = st.integers(0, 2**63 - 1)
PLACES = st.integers(0, 600)
COUNTS = st.integers(0, 600)
STREAMS = st.fixed_dictionaries(
    {
        "seed": SEEDS,
        "purpose": st.sampled_from(Purpose),
        "index": st.integers(0, 2**63 - 1),
        "layer": st.integers(0, 2**31 - 1),
    }
)
EXTREME = {"seed": 2**63 - 1, "purpose": Purpose.DROPOUT, "index": 2**63 - 1, "layer": 2**31 - 1}


class Arrays(NamedTuple):
    out: Any
    scratch: Any


def driver(function: Any) -> Any:
    """Return what runs a compiled function from Python: its numbers, then where draws go."""

    @njit
    def run(arrays: Any, *numbers: Any) -> None:
        function(*numbers, addresses(arrays).out)

    return run


WORDS, UNIFORM, HALVES, MASKS, NORMAL = (
    driver(function)
    for function in (
        compiled.words,
        compiled.uniform,
        compiled.halves,
        compiled.masks,
        compiled.normal,
    )
)


@njit
def order(arrays: Any, seed: int, epoch: int, count: int) -> None:
    pointers = addresses(arrays)
    compiled.permutation(seed, epoch, count, pointers.out, pointers.scratch)


def drawn(
    run: Any, stream: dict[str, Any], *numbers: Any, count: int, dtype: Any = np.float64
) -> np.ndarray:
    """Return what a compiled function wrote; it must not write past its end."""
    out = np.full(count + 8, 7, dtype)
    key = (stream["seed"], high_word(stream["purpose"], stream["layer"]), stream["index"])
    run(Arrays(out, out), *key, *numbers)
    assert (out[count:] == 7).all()
    return out[:count]


@settings(deadline=None)
@given(stream=STREAMS, first=PLACES, count=COUNTS)
@example(stream=EXTREME, first=0, count=9)
@example(stream=EXTREME, first=3, count=0)
@example(stream=EXTREME, first=3, count=1)
def test_words_are_those_of_numpy(stream: dict[str, Any], first: int, count: int) -> None:
    got = drawn(WORDS, stream, first, count, count=count, dtype=np.uint64)
    np.testing.assert_array_equal(got, raw_bits(first + count, **stream)[first:])


def test_words_far_down_a_stream_are_those_of_numpy() -> None:
    first = 4 * (2**40 + 3) + 2
    generator = np.random.Philox(key=5 | 3 << 64, counter=7 << 128).advance(first // 4)
    stream = {"seed": 5, "purpose": Purpose.SHUFFLE, "index": 7, "layer": 0}
    got = drawn(WORDS, stream, first, 11, count=11, dtype=np.uint64)
    np.testing.assert_array_equal(got, generator.random_raw(13)[2:])


@settings(deadline=None)
@given(stream=STREAMS, first=PLACES, count=COUNTS)
@example(stream=EXTREME, first=1, count=129)
def test_uniform_draws_are_those_of_numpy(stream: dict[str, Any], first: int, count: int) -> None:
    got = drawn(UNIFORM, stream, first, count, count=count)
    expected = (raw_bits(first + count, **stream) >> 11) * 2.0**-53
    np.testing.assert_array_equal(got, expected[first:])


@settings(deadline=None)
@given(stream=STREAMS, first=PLACES, count=COUNTS)
@example(stream=EXTREME, first=1, count=257)
def test_halves_are_those_of_numpy(stream: dict[str, Any], first: int, count: int) -> None:
    got = drawn(HALVES, stream, first, count, count=count, dtype=np.uint32)
    np.testing.assert_array_equal(
        got * 2.0**-32, randomness.halves(first + count, **stream)[first:]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None)
@given(stream=STREAMS, first=PLACES, count=COUNTS, rate=st.floats(0.0, 1.0, exclude_max=True))
@example(stream=EXTREME, first=1, count=257, rate=1 - 2**-53)
@example(stream=EXTREME, first=1, count=257, rate=0.0)
def test_masks_keep_what_numpy_keeps(
    dtype: Any, stream: dict[str, Any], first: int, count: int, rate: float
) -> None:
    scale = 1.0 / (1.0 - rate)
    got = drawn(MASKS, stream, first, count, rate, scale, count=count, dtype=dtype)
    kept = randomness.halves(first + count, **stream)[first:] >= rate
    np.testing.assert_array_equal(got, np.where(kept, dtype(scale), dtype(0)))


def test_a_draw_equal_to_the_rate_is_kept() -> None:
    stream = {"seed": 3, "purpose": Purpose.DROPOUT, "index": 2, "layer": 1}
    draws = randomness.halves(100, **stream)
    for rate, lowest in ((draws[41], 1.0), (np.nextafter(draws[41], 1.0), 0.0)):
        got = drawn(MASKS, stream, 0, 100, rate, 1.0, count=100)
        assert got[41] == lowest
        np.testing.assert_array_equal(got, draws >= rate)


@settings(deadline=None)
@given(
    stream=STREAMS,
    total=st.integers(0, 600),
    cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
)
@example(stream=EXTREME, total=1, cuts=[0.0, 1.0])
@example(stream=EXTREME, total=599, cuts=[0.0, 1.0])
def test_normal_draws_are_those_of_numpy(
    stream: dict[str, Any], total: int, cuts: list[float]
) -> None:
    first, last = (round(cut * total) for cut in cuts)
    stream = stream | {"layer": 0}
    got = drawn(NORMAL, stream, total, first, last - first, count=last - first)
    key = {name: stream[name] for name in ("seed", "purpose", "index")}
    expected = randomness.normal(total, **key)[first:last]
    np.testing.assert_array_equal(got.view(np.uint64), expected.view(np.uint64))


def test_many_normal_draws_are_those_of_numpy() -> None:
    stream = {"seed": 11, "purpose": Purpose.NOISE, "index": 4}
    got = drawn(NORMAL, stream | {"layer": 0}, 1_000_001, 0, 1_000_001, count=1_000_001)
    expected = randomness.normal(1_000_001, **stream)
    np.testing.assert_array_equal(got.view(np.uint64), expected.view(np.uint64))


@settings(deadline=None)
@given(seed=SEEDS, epoch=st.integers(0, 2**40), count=st.integers(0, 3000))
@example(seed=2**63 - 1, epoch=0, count=0)
@example(seed=2**63 - 1, epoch=0, count=1)
@example(seed=2**63 - 1, epoch=2**62, count=1797)
@example(seed=1, epoch=1, count=60_000)
def test_orders_are_those_of_numpy(seed: int, epoch: int, count: int) -> None:
    out = np.full(count + 8, -7)
    scratch = np.full(compiled.SCRATCH_WORDS * count + 8, -7)
    order(Arrays(out, scratch), seed, epoch, count)
    np.testing.assert_array_equal(out[:count], permutation(count, seed=seed, epoch=epoch))
    assert (out[count:] == -7).all()
    assert (scratch[compiled.SCRATCH_WORDS * count :] == -7).all()


def test_a_layer_has_draws_of_its_own_and_layer_0_those_of_the_purpose() -> None:
    stream = {"seed": 5, "purpose": Purpose.DROPOUT, "index": 7}
    np.testing.assert_array_equal(raw_bits(9, **stream, layer=0), raw_bits(9, **stream))
    assert not np.intersect1d(raw_bits(9, **stream, layer=1), raw_bits(9, **stream)).size


def test_halves_are_the_low_and_the_high_half_of_each_word() -> None:
    stream = {"seed": 5, "purpose": Purpose.DROPOUT, "index": 7, "layer": 2}
    (first, second) = raw_bits(2, **stream).tolist()
    expected = [first % 2**32, first // 2**32, second % 2**32]
    assert (randomness.halves(3, **stream) * 2.0**32).tolist() == expected
