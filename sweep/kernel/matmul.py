"""Matrix products over vectors, in tiles that stay in registers.

Each number of a product is one chain of fused multiply-adds along `k`, ascending: tiling changes
which numbers are under way together, never the order of what is added to one of them, so that the
bits do not depend on it.
"""

# mypy: disable-error-code="no-untyped-call"

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils

from sweep.kernel.compilation import compiled
from sweep.kernel.vectors import VECTOR_BYTES, at, instruction, places_at, vector_at, vector_loader

WIDE = 4
TALL = 4 if VECTOR_BYTES == 64 else 2  # as many sums as AVX-512's or AVX2's registers hold


class Matrix(NamedTuple):
    """A matrix in memory: element (i, j) lies `i * across + j * along` numbers after `start`."""

    start: Any
    across: int
    along: int


class Along(NamedTuple):
    """How to go along `k`: in pieces, after each of which the left side jumps to its next.

    Attributes:
        length: of the sum. piece: of each piece, but for a shorter last.
        jump: numbers of the left side from the start of one piece to that of the next.
    """

    length: int
    piece: int
    jump: int


@compiled(glue=True)
def _from(table: Matrix, i: int, j: int) -> Matrix:
    """Return the rest of a table from element (i, j) on."""
    return Matrix(at(table.start, i * table.across + j * table.along), table.across, table.along)


def _grid_type(pointer: types.CPointer, rows: Any, columns: Any) -> types.UniTuple:
    return types.UniTuple(vector_at(pointer), rows.literal_value * columns.literal_value)


@instruction
def _grid_loaded(
    typing: Any, start: Any, across: Any, along: Any, rows: Any, columns: Any, repeat: Any
) -> Any:
    """Return the vectors of a grid of elements; `repeat` repeats single numbers."""
    grid = _grid_type(start, rows, columns)
    fetch = vector_loader(start, repeat=repeat.literal_value)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = [
            fetch(context, builder, place)
            for row in places_at(builder, args[0], args[1], rows.literal_value)
            for place in places_at(builder, row, args[2], columns.literal_value)
        ]
        return context.make_tuple(builder, grid, values)

    return grid(start, types.intp, types.intp, rows, columns, repeat), emit


@instruction
def _grid_advanced(
    typing: Any,
    grid: Any,
    left: Any,
    left_across: Any,
    right: Any,
    right_across: Any,
    rows: Any,
    columns: Any,
    repeat_left: Any,
    repeat_right: Any,
) -> Any:
    """Return the grid with left_i * right_j added to each of its elements."""
    fetch_left = vector_loader(left, repeat=repeat_left.literal_value)
    fetch_right = vector_loader(right, repeat=repeat_right.literal_value)
    m, n = rows.literal_value, columns.literal_value

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lefts = [fetch_left(context, builder, p) for p in places_at(builder, args[1], args[2], m)]
        rights = [fetch_right(context, builder, p) for p in places_at(builder, args[3], args[4], n)]
        sums = cgutils.unpack_tuple(builder, args[0])
        whole = sums[0].type
        kind = grid.dtype
        fma = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(whole, [whole] * 3),
            f"llvm.fma.v{kind.width}f{kind.element.bitwidth}",
        )
        values = [
            builder.call(fma, (lefts[i], rights[j], sums[i * n + j]))
            for i in range(m)
            for j in range(n)
        ]
        return context.make_tuple(builder, grid, values)

    numbers = (rows, columns, repeat_left, repeat_right)
    return grid(grid, left, types.intp, right, types.intp, *numbers), emit


@instruction
def _grid_stored(
    typing: Any, grid: Any, start: Any, across: Any, along: Any, rows: Any, columns: Any
) -> Any:
    """Write the grid to memory, row by row."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = iter(cgutils.unpack_tuple(builder, args[0]))
        for row in places_at(builder, args[1], args[2], rows.literal_value):
            for place in places_at(builder, row, args[3], columns.literal_value):
                value = next(values)
                vector = builder.bitcast(place, value.type.as_pointer())
                builder.store(value, vector, align=start.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(grid, start, types.intp, types.intp, rows, columns), emit


def _tile(rows: int, columns: int, repeat_left: bool, repeat_right: bool) -> Any:
    """Compile one tile of a product, of `rows` by `columns` sums."""

    @compiled(forceinline=True)
    def tile(out: Matrix, first: Matrix, left: Matrix, right: Matrix, along: Along) -> None:
        grid = _grid_loaded(first.start, first.across, first.along, rows, columns, repeat_right)
        lefts, rights, done = left.start, right.start, 0
        while done < along.length:
            for k in range(min(along.piece, along.length - done)):
                grid = _grid_advanced(
                    grid,
                    at(lefts, k * left.along),
                    left.across,
                    at(rights, k * right.along),
                    right.across,
                    rows,
                    columns,
                    repeat_left,
                    repeat_right,
                )
            done += along.piece
            lefts, rights = at(lefts, along.jump), at(rights, along.piece * right.along)
        _grid_stored(grid, out.start, out.across, out.along, rows, columns)

    return tile


def _product(repeat_left: bool, repeat_right: bool) -> Any:
    """Compile out[i, j] = first[i, j] + sum over k of left[i, k] * right[j, k].

    `repeat_left` says that `left` holds single numbers, the same for the whole vector;
    `repeat_right` says so of `right` and of `first`.
    """
    whole = _tile(TALL, WIDE, repeat_left, repeat_right)
    tall = _tile(TALL, 1, repeat_left, repeat_right)
    wide = _tile(1, WIDE, repeat_left, repeat_right)
    single = _tile(1, 1, repeat_left, repeat_right)

    @compiled
    def product(
        out: Matrix,
        first: Matrix,
        left: Matrix,
        right: Matrix,
        rows: int,
        columns: int,
        along: Along,
    ) -> None:
        i = 0
        while i < rows:
            j = 0
            tall_enough = i + TALL <= rows
            while j < columns:
                wide_enough = j + WIDE <= columns
                o, f = _from(out, i, j), _from(first, i, j)
                a, b = _from(left, i, 0), _from(right, j, 0)
                if tall_enough and wide_enough:
                    whole(o, f, a, b, along)
                elif tall_enough:
                    tall(o, f, a, b, along)
                elif wide_enough:
                    wide(o, f, a, b, along)
                else:
                    single(o, f, a, b, along)
                j += WIDE if wide_enough else 1
            i += TALL if tall_enough else 1

    return product


product = _product(repeat_left=False, repeat_right=False)
product_of_numbers = _product(repeat_left=True, repeat_right=False)
product_with_numbers = _product(repeat_left=False, repeat_right=True)
