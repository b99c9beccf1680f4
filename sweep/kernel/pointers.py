"""Compiled functions that others call by their address, so that each is compiled on its own.

A kernel that takes the address of what it calls need not be compiled anew for every activation or
optimizer; and what a pack does not use is not compiled at all.
"""

# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable, Iterable
from inspect import unwrap
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.ccallback import CFunc

from sweep.kernel.compilation import cache_place, compiling, disk_cache
from sweep.kernel.vectors import VectorType, instruction, places_at, vector_at, vector_loader


class Pointed:
    """A compiled function with an address, valid as long as this object lives."""

    def __init__(
        self,
        function: Callable[..., None],
        arguments: Iterable[types.Type],
        *,
        tag: str,
        sources: Iterable[Path],
    ) -> None:
        """Compile a function that returns nothing, or load it from the cache.

        Args:
            function: what to compile.
            arguments: their types.
            tag: names the types and whatever else `function` was made for.
            sources: all files that it depends on, but those of this package.
        """
        sources = tuple(sources)
        signature = types.void(*arguments)
        options = {"error_model": "numpy", "nopython": True}
        returns = (signature.args, signature.return_type)
        made: Any = CFunc(unwrap(function), returns, {}, options)
        made._cache = disk_cache(function, tag=tag, sources=sources)
        with compiling(cache_place(function, tag=tag, sources=sources)):
            made.compile()
        self._made, self.address = made, int(made.address)


@instruction
def call(typing: Any, address: Any, arguments: Any) -> Any:
    """Call the function at an address, which returns nothing, with a tuple of arguments."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = cgutils.unpack_tuple(builder, args[1])
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.int64, arguments), emit


@instruction
def vectors_at(typing: Any, pointer: Any, stride: Any, count: Any) -> Any:
    """Return a tuple of `count` vectors, `stride` numbers apart from `pointer` on."""
    fetch = vector_loader(pointer, repeat=False)
    result = types.UniTuple(vector_at(pointer), count.literal_value)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        places = places_at(builder, args[0], args[1], count.literal_value)
        values = [fetch(context, builder, place) for place in places]
        return context.make_tuple(builder, result, values)

    return result(pointer, types.intp, count), emit


@instruction
def store_vectors(typing: Any, pointer: Any, stride: Any, vectors: Any) -> Any:
    """Write a tuple of vectors, `stride` numbers apart from `pointer` on."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = cgutils.unpack_tuple(builder, args[2])
        for value, place in zip(
            values, places_at(builder, args[0], args[1], len(values)), strict=True
        ):
            whole = builder.bitcast(place, value.type.as_pointer())
            builder.store(value, whole, align=pointer.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vectors), emit


@instruction
def doubles_at(typing: Any, pointer: Any, like: Any, stride: Any, count: Any) -> Any:
    """Return a tuple of `count` vectors of doubles, each with as many as `like` has elements."""
    kind = VectorType(types.float64, like.width)
    result = types.UniTuple(kind, count.literal_value)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = context.get_value_type(kind)
        values = [
            builder.load(builder.bitcast(place, whole.as_pointer()), align=8)
            for place in places_at(builder, args[0], args[2], count.literal_value)
        ]
        return context.make_tuple(builder, result, values)

    return result(pointer, like, types.intp, count), emit


@instruction
def store_rounded(typing: Any, pointer: Any, stride: Any, vectors: Any) -> Any:
    """Write a tuple of vectors of doubles in the precision of what `pointer` points at."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = cgutils.unpack_tuple(builder, args[2])
        places = places_at(builder, args[0], args[1], len(values))
        for kind, value, place in zip(vectors.types, values, places, strict=True):
            own = context.get_value_type(VectorType(pointer.dtype, kind.width))
            rounded = value if value.type == own else builder.fptrunc(value, own)
            whole = builder.bitcast(place, own.as_pointer())
            builder.store(rounded, whole, align=pointer.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vectors), emit


def number_reader(count: int) -> Any:
    """Return what reads a tuple of `count` numbers, `stride` apart from `pointer` on."""

    @instruction
    def read(typing: Any, pointer: Any, stride: Any) -> Any:
        kind: Any = types.UniTuple(pointer.dtype, count)

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            places = places_at(builder, args[0], args[1], count)
            return context.make_tuple(builder, kind, list(map(builder.load, places)))

        return kind(pointer, types.intp), emit

    return read
