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
from sweep.kernel.vectors import VECTOR_BYTES, instruction, places_at, vector_at, vector_loader

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


@instruction
def _tile(
    typing: Any,
    out: Any,
    first: Any,
    left: Any,
    right: Any,
    along: Any,
    i: Any,
    j: Any,
    rows: Any,
    columns: Any,
    repeat_left: Any,
    repeat_right: Any,
) -> Any:
    """Do the tile of a product from row i and column j on: `rows` by `columns` sums in registers.

    Emitted as a whole, not written as Python: most of what compiling would cost is typing.
    """
    m, n, pointer = rows.literal_value, columns.literal_value, out.types[0]
    fetch_left = vector_loader(pointer, repeat=repeat_left.literal_value)
    fetch_right = vector_loader(pointer, repeat=repeat_right.literal_value)
    kind = vector_at(pointer)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        outs, begins, a, b, whole = (cgutils.unpack_tuple(builder, given) for given in args[:5])
        first_row, first_column = args[5:7]
        word = first_row.type

        def rest_of(table: Any, row: Any, column: Any) -> Any:
            start, across, step = table
            place = builder.add(builder.mul(row, across), builder.mul(column, step))
            return builder.gep(start, [place])

        def grid_of(table: Any) -> list[Any]:
            place = rest_of(table, first_row, first_column)
            lines = places_at(builder, place, table[1], m)
            return [p for line in lines for p in places_at(builder, line, table[2], n)]

        zero = ir.Constant(word, 0)
        left_start, right_start = rest_of(a, first_row, zero), rest_of(b, first_column, zero)
        length, piece, jump = whole
        vector = context.get_value_type(kind)
        sums = [cgutils.alloca_once(builder, vector) for _ in range(m * n)]
        for place, total in zip(grid_of(begins), sums, strict=True):
            builder.store(fetch_right(context, builder, place), total)
        fma = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector] * 3),
            f"llvm.fma.v{kind.width}f{kind.element.bitwidth}",
        )
        n_pieces = builder.sdiv(
            builder.sub(builder.add(length, piece), ir.Constant(word, 1)), piece
        )
        with cgutils.for_range(builder, n_pieces) as pieces:
            done = builder.mul(pieces.index, piece)
            left_piece = builder.gep(left_start, [builder.mul(pieces.index, jump)])
            right_piece = builder.gep(right_start, [builder.mul(done, b[2])])
            left_over = builder.sub(length, done)
            short = builder.icmp_signed("<", left_over, piece)
            with cgutils.for_range(builder, builder.select(short, left_over, piece)) as steps:
                k = steps.index
                at_left = builder.gep(left_piece, [builder.mul(k, a[2])])
                at_right = builder.gep(right_piece, [builder.mul(k, b[2])])
                lefts = [
                    fetch_left(context, builder, p) for p in places_at(builder, at_left, a[1], m)
                ]
                rights = [
                    fetch_right(context, builder, p) for p in places_at(builder, at_right, b[1], n)
                ]
                for place, total in enumerate(sums):
                    factors = lefts[place // n], rights[place % n]
                    builder.store(builder.call(fma, (*factors, builder.load(total))), total)
        for place, total in zip(grid_of(outs), sums, strict=True):
            whole_place = builder.bitcast(place, vector.as_pointer())
            builder.store(builder.load(total), whole_place, align=kind.element.bitwidth // 8)
        return context.get_dummy_value()

    numbers = (rows, columns, repeat_left, repeat_right)
    return types.void(out, first, left, right, along, types.intp, types.intp, *numbers), emit


def _product(repeat_left: bool, repeat_right: bool) -> Any:
    """Compile out[i, j] = first[i, j] + sum over k of left[i, k] * right[j, k].

    `repeat_left` says that `left` holds single numbers, the same for the whole vector;
    `repeat_right` says so of `right` and of `first`.
    """

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
            tall = i + TALL <= rows
            while j < columns:
                wide = j + WIDE <= columns
                if tall and wide:
                    _tile(
                        out, first, left, right, along, i, j, TALL, WIDE, repeat_left, repeat_right
                    )
                elif tall:
                    _tile(out, first, left, right, along, i, j, TALL, 1, repeat_left, repeat_right)
                elif wide:
                    _tile(out, first, left, right, along, i, j, 1, WIDE, repeat_left, repeat_right)
                else:
                    _tile(out, first, left, right, along, i, j, 1, 1, repeat_left, repeat_right)
                j += WIDE if wide else 1
            i += TALL if tall else 1

    return product


product = _product(repeat_left=False, repeat_right=False)
product_of_numbers = _product(repeat_left=True, repeat_right=False)
product_with_numbers = _product(repeat_left=False, repeat_right=True)
