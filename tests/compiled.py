"""Calls compiled functions from tests, with arrays."""

# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable
from inspect import unwrap
from typing import Any

from numba import njit, types
from numba.core import cgutils

from sweep.kernel.vectors import instruction


def entry(function: Callable[..., None]) -> Any:
    """Compile a function that Python calls, at its first call."""
    return njit(error_model="numpy")(unwrap(function))


@instruction
def addresses(typing: Any, arrays: Any) -> Any:
    """Return a named tuple of arrays and numbers with a pointer in place of each array."""
    kinds = [types.CPointer(k.dtype) if isinstance(k, types.Array) else k for k in arrays.types]
    result = types.NamedTuple(kinds, arrays.instance_class)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = [
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(
                arrays.types, cgutils.unpack_tuple(builder, args[0]), strict=True
            )
        ]
        return context.make_tuple(builder, result, values)

    return result(arrays), emit
