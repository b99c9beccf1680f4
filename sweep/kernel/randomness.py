"""The draws of `sweep.nets.randomness` for compiled code: the same bits, at any place of a stream.

A stream of 64-bit words is named by a seed, the high word of its key (what the draws are for, and
the layer) and an index.
"""

# mypy: disable-error-code="no-untyped-call"

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from sweep.elementary import (
    LN2_HIGH,
    LN2_LOW,
    LOG_SERIES,
    MANTISSA_BITS,
    ROOT_HALF,
    SINE_AND_COSINE_SERIES,
)
from sweep.kernel.compilation import compiled
from sweep.kernel.vectors import (
    VECTOR_BYTES,
    at,
    bits_of,
    choose,
    element,
    from_bits,
    instruction,
    load,
    nearest_integer,
    plain,
    sqrt,
    store,
    to_float,
    to_integer,
)

SHUFFLE = 3  # Purpose.SHUFFLE of sweep/nets/randomness.py, which lies above
SCRATCH_WORDS = 4  # of a permutation, for each of its numbers
_MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_KEY_STEPS = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
_ROUNDS = 10
_BLOCK = 4  # words that one counter gives
_GROUP = 2 * _BLOCK  # words drawn at once: two blocks hide the latency of multiplications
_CHUNK = 64  # draws on their way from words to numbers
_STRADDLED = _CHUNK + 1  # words that hold two draws each, the first and the last perhaps halved
_WIDTH = VECTOR_BYTES // 8
_LOW_53 = 2**53 - 1
_WORD = ir.IntType(64)
_LOG = tuple(LOG_SERIES[:, 0].tolist())
_SINE = tuple(SINE_AND_COSINE_SERIES[:, 0].tolist())
_COSINE = tuple(SINE_AND_COSINE_SERIES[:, 1].tolist())


def _product(builder: Any, constant: int, value: Any) -> tuple[Any, Any]:
    """Return the high and the low word of a product of two words."""
    double = ir.IntType(128)
    whole = builder.mul(builder.zext(value, double), ir.Constant(double, constant))
    high = builder.lshr(whole, ir.Constant(double, 64))
    return builder.trunc(high, _WORD), builder.trunc(whole, _WORD)


@instruction
def _draw_group(typing: Any, out: Any, seed: Any, high: Any, index: Any, block: Any) -> Any:
    """Write the words of two blocks of Philox4x64-10 (Salmon et al. 2011), from `block` on."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place, *key, index, first = args
        zero = ir.Constant(_WORD, 0)
        # NumPy counts up before the first block.
        counters = [builder.add(first, ir.Constant(_WORD, 1 + i)) for i in range(2)]
        states = [(counter, zero, index, zero) for counter in counters]
        for _ in range(_ROUNDS):
            for i, (a, b, c, d) in enumerate(states):
                high0, low0 = _product(builder, _MULTIPLIERS[0], a)
                high1, low1 = _product(builder, _MULTIPLIERS[1], c)
                b, d = builder.xor(b, key[0]), builder.xor(d, key[1])
                states[i] = builder.xor(high1, b), low1, builder.xor(high0, d), low0
            key = [
                builder.add(word, ir.Constant(_WORD, step))
                for word, step in zip(key, _KEY_STEPS, strict=True)
            ]
        for i, word in enumerate(word for state in states for word in state):
            builder.store(word, builder.gep(place, [ir.Constant(_WORD, i)]))
        return context.get_dummy_value()

    word = types.int64
    return types.void(out, word, word, word, word), emit


@instruction
def _words_on_stack(typing: Any, count: Any) -> Any:
    """Return a pointer to memory for `count` words, for as long as the function runs."""
    result = types.CPointer(types.int64)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return cgutils.alloca_once(builder, _WORD, size=ir.Constant(_WORD, count.literal_value))

    return result(count), emit


@instruction
def _halves_of(typing: Any, words: Any) -> Any:
    """Return a pointer to words as one to their halves, the low one first."""
    result = types.CPointer(types.uint32)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(32).as_pointer())

    return result(words), emit


@compiled
def words(seed: int, high: int, index: int, first: int, count: int, out: Any) -> None:
    """Write words [first, first + count) of a stream.

    Args:
        seed: 0 to 2**63 - 1.
        high: high word of the key, purpose + layer * 2**32.
        index: 0 to 2**63 - 1.
        first: place in the stream, from 0.
        count: how many words.
        out: pointer to 64-bit integers.
    """
    edge = _words_on_stack(_GROUP)
    done = 0
    while done < count:
        skipped = (first + done) % _BLOCK
        taken = min(_GROUP - skipped, count - done)
        whole = taken == _GROUP
        block = (first + done) // _BLOCK
        if whole:
            _draw_group(at(out, done), seed, high, index, block)
        else:
            _draw_group(edge, seed, high, index, block)
            for i in range(taken):
                out[done + i] = edge[skipped + i]
        done += taken


@compiled
def uniform(seed: int, high: int, index: int, first: int, count: int, out: Any) -> None:
    """Write uniform draws [first, first + count) of a stream to a pointer to doubles."""
    drawn = _words_on_stack(_CHUNK)
    for start in range(0, count, _CHUNK):
        n = min(_CHUNK, count - start)
        words(seed, high, index, first + start, n, drawn)
        here = at(out, start)
        for i in range(n):
            here[i] = float((drawn[i] >> 11) & _LOW_53) * 2.0**-53


@compiled
def _halves_at(seed: int, high: int, index: int, first: int, count: int, drawn: Any) -> Any:
    """Draw what holds halves [first, first + count) into `drawn`; return a pointer to the first."""
    odd = first % 2
    words(seed, high, index, first // 2, (odd + count + 1) // 2, drawn)
    return at(_halves_of(drawn), odd)


@compiled
def halves(seed: int, high: int, index: int, first: int, count: int, out: Any) -> None:
    """Write draws [first, first + count), two from each word: pointer to uint32, times 2**-32."""
    drawn = _words_on_stack(_STRADDLED)
    for start in range(0, count, 2 * _CHUNK):
        n, here = min(2 * _CHUNK, count - start), at(out, start)
        pairs = _halves_at(seed, high, index, first + start, n, drawn)
        for i in range(n):
            here[i] = pairs[i]


@compiled
def masks(
    seed: int, high: int, index: int, first: int, count: int, rate: float, kept: float, out: Any
) -> None:
    """Write `kept` where draw >= rate and 0 elsewhere, for draws as of `halves`.

    Args:
        seed: as of `words`.
        high: likewise.
        index: likewise.
        first: place among the draws, from 0.
        count: how many draws.
        rate: probability of 0.
        kept: the number in the other places.
        out: pointer to numbers.
    """
    drawn = _words_on_stack(_STRADDLED)
    for start in range(0, count, 2 * _CHUNK):
        n, here = min(2 * _CHUNK, count - start), at(out, start)
        pairs = _halves_at(seed, high, index, first + start, n, drawn)
        for i in range(n):
            here[i] = kept if pairs[i] * 2.0**-32 >= rate else 0.0


def _series(coefficients: tuple[float, ...]) -> Any:
    """Return a compiled polynomial, rounded as `sweep.elementary` rounds it: nothing is fused."""

    @instruction
    def series(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            (z,) = args
            *lower, last = [ir.Constant(z.type, [c] * x.width) for c in coefficients]
            total = builder.fmul(last, z)
            for constant in reversed(lower[1:]):
                total = builder.fmul(builder.fadd(total, constant), z)
            return builder.fadd(total, lower[0])

        return x(x), emit

    return series


_log_series, _sine_series, _cosine_series = _series(_LOG), _series(_SINE), _series(_COSINE)


@compiled(forceinline=True)
def _uniform_at(drawn: Any) -> Any:
    return to_float((load(drawn) >> 11) & _LOW_53) * 2.0**-53


@compiled(forceinline=True)
def _log(x: Any) -> Any:
    """Return logarithms with the operations of `sweep.elementary.log`."""
    k = (bits_of(x) - ROOT_HALF) >> MANTISSA_BITS
    f = from_bits(bits_of(x) - (k << MANTISSA_BITS)) - 1.0
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    power = to_float(k)
    return power * LN2_HIGH - ((half - (s * (_log_series(z) * z + half) + power * LN2_LOW)) - f)


@compiled(forceinline=True)
def _wave(turns: Any, shift: int) -> Any:
    """Return sin(2 pi t), or with a shift of 1 cos(2 pi t), as `sweep.elementary` has them."""
    quarters = nearest_integer(turns * 4.0)
    r = turns * 2.0 - quarters * 0.5
    z = r * r
    quadrant = to_integer(quarters) + shift
    sine, cosine = _sine_series(z) * r, _cosine_series(z)
    sign = to_float(1 - (quadrant & 2))
    return sign * choose(to_float(quadrant & 1) == 1.0, cosine, sine)


@compiled
def _box_muller(
    seed: int, high: int, index: int, pairs: int, first: int, count: int, shift: int, out: Any
) -> None:
    """Write the sines, or with a shift of 1 the cosines, of pairs [first, first + count)."""
    radii, turns = _words_on_stack(_CHUNK), _words_on_stack(_CHUNK)
    for start in range(0, count, _CHUNK):
        n = min(_CHUNK, count - start)
        words(seed, high, index, first + start, n, radii)
        words(seed, high, index, pairs + first + start, n, turns)
        for i in range(0, n, _WIDTH):
            radius = sqrt(_log(1.0 - _uniform_at(at(radii, i))) * -2.0)
            drawn = radius * _wave(_uniform_at(at(turns, i)), shift)
            if i + _WIDTH <= n:
                store(at(out, start + i), drawn)
            else:
                for j in range(n - i):
                    out[start + i + j] = element(drawn, j)


@compiled
def normal(seed: int, high: int, index: int, total: int, first: int, count: int, out: Any) -> None:
    """Write elements [first, first + count) of `total` standard normal draws of a stream.

    The cosines of all pairs come before their sines (Box and Muller 1958).

    Args:
        seed: as of `words`.
        high: likewise.
        index: likewise.
        total: how many draws there are in all; what a draw is depends on it.
        first: place among them, from 0.
        count: how many of them.
        out: pointer to doubles.
    """
    pairs = (total + 1) // 2
    cosines = max(0, min(first + count, pairs) - first)
    _box_muller(seed, high, index, pairs, first, cosines, plain(1), out)
    begin = max(first, pairs) - pairs
    _box_muller(seed, high, index, pairs, begin, count - cosines, plain(0), at(out, cosines))


@compiled(forceinline=True)
def _bucket(word: int, bits: int) -> int:
    return np.int64(np.uint64(word) >> np.uint64(64 - bits))  # type: ignore[return-value]


@compiled(glue=True)
def _sort_by_top_bits(
    drawn: Any, count: int, bits: int, out: Any, ordered: Any, places: Any
) -> None:
    """Order words by their first bits, which leaves a word or two to a bucket, in their order."""
    for i in range(min(1 << bits, 2 * count)):
        places[i] = 0
    for i in range(count):
        places[_bucket(drawn[i], bits)] += 1
    end = 0
    for i in range(min(1 << bits, 2 * count)):
        begin = end
        end += places[i]
        places[i] = begin
    for i in range(count):
        bucket = _bucket(drawn[i], bits)
        place = places[bucket]
        ordered[place], out[place] = drawn[i], i
        places[bucket] = place + 1


@compiled
def permutation(seed: int, epoch: int, count: int, out: Any, scratch: Any) -> None:
    """Write the order of `count` samples in an epoch, to a pointer to int64.

    Args:
        seed: 0 to 2**63 - 1.
        epoch: counted from 0.
        count: how many samples.
        out: where the order goes.
        scratch: pointer to int64, room for `SCRATCH_WORDS * count` numbers.
    """
    drawn, ordered, places = scratch, at(scratch, count), at(scratch, 2 * count)
    words(seed, SHUFFLE, epoch, 0, count, drawn)
    bits = 1
    while 2 << bits <= count:
        bits += 1
    _sort_by_top_bits(drawn, count, bits, out, ordered, places)
    for i in range(1, count):
        word, sample, j = ordered[i], out[i], i
        while j > 0 and np.uint64(ordered[j - 1]) > np.uint64(word):
            ordered[j], out[j] = ordered[j - 1], out[j - 1]
            j -= 1
        ordered[j], out[j] = word, sample
