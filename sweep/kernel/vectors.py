"""A short vector of numbers as a type that Numba compiles to SIMD registers.

LLVM's loop vectoriser decides by heuristics what to do with a scalar loop; a kernel written in
these vectors is in SIMD by construction, and rounds alike at every width: each operation below is
one IEEE operation on each element, and nothing is contracted or reordered.

Numba's documented low-level extension API is all that is used:
https://numba.readthedocs.io/en/stable/extending/low-level.html
"""

# mypy: disable-error-code="no-untyped-call"

import operator
from collections.abc import Callable
from itertools import product
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

VECTOR_BYTES = 64 if llvm.get_host_cpu_features().get("avx512f") else 32


def vector_width(dtype: np.dtype) -> int:
    """Return how many elements of `dtype` one SIMD register of this host holds."""
    return VECTOR_BYTES // np.dtype(dtype).itemsize


class VectorType(types.Type):
    """`width` elements of a Numba number type, side by side."""

    def __init__(self, element: Any, width: int) -> None:
        self.element = element
        self.width = width
        super().__init__(name=f"Vector({element}, {width})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: VectorType) -> None:
        super().__init__(manager, kind, _llvm_type(kind))


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of compiled code from one that types its call and emits LLVM for it."""
    made: Callable[..., Any] = intrinsic(prefer_literal=True)(function)
    return made


_LLVM = {
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
    types.int32: ir.IntType(32),
    types.int64: ir.IntType(64),
    types.boolean: ir.IntType(1),
}
_BITS_OF = {types.float32: types.int32, types.float64: types.int64}
_FLOAT_OF = {bits: real for real, bits in _BITS_OF.items()}
_SHORT = {types.float32: "f32", types.float64: "f64"}


def _llvm_type(kind: VectorType) -> ir.VectorType:
    return ir.VectorType(_LLVM[kind.element], kind.width)


def _widened(context: Any, builder: Any, value: Any, kind: types.Type, to: VectorType) -> Any:
    """Return `value` as the vector `to`: itself, or a number repeated."""
    if isinstance(kind, VectorType):
        return value
    scalar = context.cast(builder, value, kind, to.element)
    first = builder.insert_element(
        ir.Constant(_llvm_type(to), ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), to.width), [0] * to.width)
    return builder.shuffle_vector(first, first, zeros)


def _vector_among(args: tuple[types.Type, ...]) -> VectorType | None:
    vectors = [kind for kind in args if isinstance(kind, VectorType)]
    assert all(kind == vectors[0] for kind in vectors), args
    return vectors[0] if vectors else None


def _define(operation: Any, arity: int, emit: Callable[..., Any], *, mask: bool = False) -> None:
    """Teach Numba `operation` on vectors, any of whose operands may be a plain number."""

    @infer_global(operation)
    class _Template(AbstractTemplate):
        def generic(self, args: tuple[types.Type, ...], _: Any) -> Any:
            if len(args) != arity or not any(isinstance(kind, VectorType) for kind in args):
                return None
            kind = _vector_among(args)
            assert kind is not None
            result = VectorType(types.boolean, kind.width) if mask else kind
            return signature(result, *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = _vector_among(sig.args)
        assert kind is not None
        values = [
            _widened(context, builder, value, given, kind)
            for value, given in zip(args, sig.args, strict=True)
        ]
        return emit(builder, kind, *values)

    for pattern in product((VectorType, types.Number), repeat=arity):
        if VectorType in pattern:
            lower_builtin(operation, *pattern)(lower)


def _by_kind(floating: str, integer: str) -> Callable[..., Any]:
    def emit(builder: Any, kind: VectorType, *values: Any) -> Any:
        name = floating if kind.element in _BITS_OF else integer
        return getattr(builder, name)(*values)

    return emit


def _comparison(sign: str) -> Callable[..., Any]:
    def emit(builder: Any, kind: VectorType, left: Any, right: Any) -> Any:
        if sign == "!=":
            return builder.fcmp_unordered(sign, left, right)
        return builder.fcmp_ordered(sign, left, right)

    return emit


def _library(name: str) -> Callable[..., Any]:
    """Return what emits LLVM's intrinsic `name`, one machine instruction an element."""

    def emit(builder: Any, kind: VectorType, *values: Any) -> Any:
        whole = _llvm_type(kind)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(whole, [whole] * len(values)),
            f"llvm.{name}.v{kind.width}{_SHORT[kind.element]}",
        )
        return builder.call(function, values)

    return emit


def fma(x: Any, y: Any, z: Any) -> Any:
    """Return x * y + z, rounded once. In compiled code only."""
    raise NotImplementedError


def sqrt(x: Any) -> Any:
    """Return the correctly rounded square root. In compiled code only."""
    raise NotImplementedError


def nearest_integer(x: Any) -> Any:
    """Return x rounded to an integer, ties to even. In compiled code only."""
    raise NotImplementedError


def floor(x: Any) -> Any:
    """Return the largest integer that is not above x. In compiled code only."""
    raise NotImplementedError


def magnitude(x: Any) -> Any:
    """Return |x|. In compiled code only."""
    raise NotImplementedError


def with_sign(x: Any, y: Any) -> Any:
    """Return |x| with the sign of y. In compiled code only."""
    raise NotImplementedError


for _operation, _floating, _integer in (
    (operator.add, "fadd", "add"),
    (operator.sub, "fsub", "sub"),
    (operator.mul, "fmul", "mul"),
    (operator.truediv, "fdiv", "sdiv"),
    (operator.and_, "and_", "and_"),
    (operator.or_, "or_", "or_"),
    (operator.lshift, "shl", "shl"),
    (operator.rshift, "ashr", "ashr"),
):
    _define(_operation, 2, _by_kind(_floating, _integer))
for _operation, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _define(_operation, 2, _comparison(_sign), mask=True)
_define(operator.neg, 1, _by_kind("fneg", "neg"))
_define(fma, 3, _library("fma"))
_define(sqrt, 1, _library("sqrt"))
_define(nearest_integer, 1, _library("rint"))
_define(floor, 1, _library("floor"))
_define(magnitude, 1, _library("fabs"))
_define(with_sign, 2, _library("copysign"))


@instruction
def plain(typing: Any, value: Any) -> Any:
    """Return a constant as any other number: functions are compiled once, not for each constant."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.cast(builder, args[0], sig.args[0], sig.return_type)

    return types.unliteral(value)(value), emit


@instruction
def at(typing: Any, pointer: Any, index: Any) -> Any:
    """Return the pointer `index` elements further on."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), emit


def vector_at(pointer: types.CPointer) -> VectorType:
    """Return the type of the vector that fills a register with what `pointer` points at."""
    element: Any = pointer.dtype
    return VectorType(element, VECTOR_BYTES * 8 // element.bitwidth)


def places_at(builder: Any, start: Any, stride: Any, count: int) -> list[Any]:
    """Return the pointers to `count` elements, `stride` numbers apart."""
    word = stride.type
    return [builder.gep(start, [builder.mul(stride, ir.Constant(word, i))]) for i in range(count)]


def vector_loader(pointer: types.CPointer, *, repeat: bool) -> Callable[..., Any]:
    """Return what emits a load of a vector, or of one number that is then repeated."""
    kind = vector_at(pointer)

    def load_whole(context: Any, builder: Any, place: Any) -> Any:
        whole = builder.bitcast(place, _llvm_type(kind).as_pointer())
        return builder.load(whole, align=kind.element.bitwidth // 8)

    def load_single(context: Any, builder: Any, place: Any) -> Any:
        return _widened(context, builder, builder.load(place), kind.element, kind)

    return load_single if repeat else load_whole


@instruction
def load(typing: Any, pointer: Any) -> Any:
    """Return the vector that lies at `pointer`."""
    fetch = vector_loader(pointer, repeat=False)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return fetch(context, builder, args[0])

    return vector_at(pointer)(pointer), emit


@instruction
def load_repeated(typing: Any, pointer: Any) -> Any:
    """Return the number that lies at `pointer`, in every element."""
    fetch = vector_loader(pointer, repeat=True)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return fetch(context, builder, args[0])

    return vector_at(pointer)(pointer), emit


@instruction
def load_doubles(typing: Any, pointer: Any, like: Any) -> Any:
    """Return as many float64 numbers from `pointer` on as the vector `like` has elements."""
    kind = VectorType(types.float64, like.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = builder.bitcast(args[0], _llvm_type(kind).as_pointer())
        return builder.load(whole, align=8)

    return kind(pointer, like), emit


@instruction
def store(typing: Any, pointer: Any, vector: Any) -> Any:
    """Write the vector to where `pointer` points: width elements of the pointer's kind."""
    assert pointer.dtype == vector.element, (pointer, vector)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = builder.bitcast(args[0], _llvm_type(vector).as_pointer())
        builder.store(args[1], place, align=vector.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(pointer, vector), emit


@instruction
def store_turned(typing: Any, out: Any, out_stride: Any, source: Any, stride: Any) -> Any:
    """Write the transpose of a square table: its rows are vectors, `stride` numbers apart."""
    kind = vector_at(source)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        count, whole = kind.width, _llvm_type(kind)
        rows = [
            builder.load(builder.bitcast(p, whole.as_pointer()), align=kind.element.bitwidth // 8)
            for p in places_at(builder, args[2], args[3], count)
        ]
        half = count // 2
        while half:
            for i in (i for i in range(count) if not i & half):
                rows[i], rows[i + half] = _swapped(builder, rows[i], rows[i + half], half, count)
            half //= 2
        for row, p in zip(rows, places_at(builder, args[0], args[1], count), strict=True):
            builder.store(
                row, builder.bitcast(p, whole.as_pointer()), align=kind.element.bitwidth // 8
            )
        return context.get_dummy_value()

    return types.void(out, types.intp, source, types.intp), emit


def _swapped(builder: Any, a: Any, b: Any, half: int, count: int) -> tuple[Any, Any]:
    """Exchange the elements of `a` whose place has the bit `half` with those of `b` without it."""
    low = [i if not i & half else i - half + count for i in range(count)]
    high = [i + half if not i & half else i + count for i in range(count)]
    kind = ir.VectorType(ir.IntType(32), count)
    first, second = (
        builder.shuffle_vector(a, b, ir.Constant(kind, places)) for places in (low, high)
    )
    return first, second


@instruction
def repeated(typing: Any, number: Any, like: Any) -> Any:
    """Return a vector of the kind of `like` with `number` in every element."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _widened(context, builder, args[0], sig.args[0], like)

    return like(number, like), emit


@instruction
def choose(typing: Any, mask: Any, yes: Any, no: Any) -> Any:
    """Return, element by element, `yes` where the mask holds and `no` elsewhere."""
    kind = _vector_among((yes, no))
    assert kind is not None, "one of the two must be a vector"

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        chosen = _widened(context, builder, args[1], sig.args[1], kind)
        other = _widened(context, builder, args[2], sig.args[2], kind)
        return builder.select(args[0], chosen, other)

    return kind(mask, yes, no), emit


@instruction
def bits_of(typing: Any, x: Any) -> Any:
    """Return the integers that have the bits of the numbers `x`."""
    kind = VectorType(_BITS_OF[x.element], x.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], _llvm_type(kind))

    return kind(x), emit


@instruction
def from_bits(typing: Any, bits: Any) -> Any:
    """Return the numbers that have the bits of the integers `bits`."""
    kind = VectorType(_FLOAT_OF[bits.element], bits.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], _llvm_type(kind))

    return kind(bits), emit


@instruction
def to_float(typing: Any, integers: Any) -> Any:
    """Return integers as numbers of the same size."""
    kind = VectorType(_FLOAT_OF[integers.element], integers.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.sitofp(args[0], _llvm_type(kind))

    return kind(integers), emit


@instruction
def to_integer(typing: Any, x: Any) -> Any:
    """Return whole numbers as integers of the same size."""
    kind = VectorType(_BITS_OF[x.element], x.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fptosi(args[0], _llvm_type(kind))

    return kind(x), emit


@instruction
def element(typing: Any, x: Any, place: Any) -> Any:
    """Return one number of a vector."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.extract_element(args[0], args[1])

    return x.element(x, types.intp), emit


@instruction
def to_double(typing: Any, x: Any) -> Any:
    """Return the numbers in float64, exactly."""
    kind = VectorType(types.float64, x.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return args[0] if x == kind else builder.fpext(args[0], _llvm_type(kind))

    return kind(x), emit


def horner(coefficients: tuple[float, ...]) -> Any:
    """Return a compiled polynomial of a vector, `coefficients` from the constant term on."""

    @instruction
    def polynomial(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            constants = [
                ir.Constant(_llvm_type(x), [float(np.dtype(str(x.element)).type(c))] * x.width)
                for c in coefficients
            ]
            total = constants.pop()
            while constants:
                total = _library("fma")(builder, x, total, args[0], constants.pop())
            return total

        return x(x), emit

    return polynomial


@instruction
def to_precision(typing: Any, x: Any, pointer: Any) -> Any:
    """Return float64 numbers rounded to the precision of what `pointer` points at."""
    kind = VectorType(pointer.dtype, x.width)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return args[0] if x == kind else builder.fptrunc(args[0], _llvm_type(kind))

    return kind(x, pointer), emit
