"""Threads that train one lane together, each a share of its columns, weights and updates."""

import ctypes
from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from sweep.kernel.compilation import compiled
from sweep.kernel.pointers import call
from sweep.kernel.records import Words
from sweep.kernel.vectors import instruction

SPINS = 2000  # about 20 us of waiting before the processor is offered to others


class Team(NamedTuple):
    """The threads of a call.

    Attributes:
        rank, size: which of how many this is.
        arrivals: how often any has come to a meeting, shared. meetings: how many this one has.
        going: lanes of the block that still train, shared. due: of how many of them the loss on
            held-out samples is taken after this epoch.
        give_way: address of what lets other threads run.
    """

    rank: int
    size: int
    arrivals: Words
    meetings: Words
    going: Words
    due: Words
    give_way: int


@cache
def yield_address() -> int:
    """Return the address of the C library's sched_yield."""
    return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0


@instruction
def _arrive(typing: Any, pointer: Any) -> Any:
    """Add 1 to what `pointer` points at, so that all threads see it and what was written before."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(pointer), emit


@instruction
def _seen(typing: Any, pointer: Any) -> Any:
    """Return what `pointer` points at, as the other threads have left it."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(args[0], "seq_cst", 8)

    return types.int64(pointer), emit


@compiled
def meet(team: Team) -> None:
    """Wait until every thread of the team has come here."""
    if team.size == 1:
        return
    team.meetings[0] += 1
    all_here = team.meetings[0] * team.size
    _arrive(team.arrivals)
    spins = 0
    while _seen(team.arrivals) < all_here:
        spins += 1
        if spins > SPINS:
            call(team.give_way, ())
            spins = 0


@compiled(glue=True)
def share(rank: int, size: int, count: int) -> Any:
    """Return where a thread's part of `count` things begins and ends."""
    return count * rank // size, count * (rank + 1) // size
