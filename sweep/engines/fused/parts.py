"""The parts of the kernel, each compiled on its own: what is done with a tile, and all epochs."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from numba import types

from sweep import ladder
from sweep.components import stopping
from sweep.engines import state
from sweep.engines.fused.forward_backward import backward, compare_outputs, forward
from sweep.engines.fused.gradients import add_gradients, settle_gradient
from sweep.engines.fused.kernel import make_run
from sweep.engines.fused.network import Memory, Network, columns_of, scale_of
from sweep.engines.fused.samples import load_tile, tile_of
from sweep.engines.fused.teams import share
from sweep.kernel.compilation import is_kept
from sweep.kernel.pointers import Pointed
from sweep.kernel.records import record_reader

_kept: dict[tuple[str, str], Pointed] = {}


def _pass(dtype: str) -> Callable[..., None]:
    """Return what takes a thread's columns of a tile forward and back.

    (network, memory, first, samples, batch, training, back, held, want_errors, rank, size): two
    addresses of records; which samples, in the order of the epoch or as they lie; how many an
    update or the whole loss is over; whether this trains, wants gradients, is of held-out samples,
    wants the errors of outputs; and which thread of how many this is.
    """
    network, memory = record_reader(Network, dtype), record_reader(Memory, dtype)

    def take_tile(
        network_at: int,
        memory_at: int,
        first: int,
        samples: int,
        batch: int,
        training: int,
        back: int,
        held: int,
        want_errors: int,
        rank: int,
        size: int,
    ) -> None:
        net, m = network(network_at), memory(memory_at)
        tile = tile_of(net, m, first, samples, training != 0, back != 0, held != 0)
        column, stop = share(rank, size, columns_of(net, samples))
        if held:
            load_tile(net, m, tile, column, stop, m.held_inputs, m.held_targets)
        elif not net.resident:
            load_tile(net, m, tile, column, stop, m.given_inputs, m.given_targets)
        forward(net, m, tile, column, stop)
        form, scale = net.held_out_loss if held else net.loss, scale_of(net, batch)
        compare_outputs(net, m, tile, column, stop, form, scale, want_errors != 0)
        if back:
            backward(net, m, tile, column, stop, batch)

    return take_tile


def _gradients(dtype: str) -> Callable[..., None]:
    """Return what adds a tile to the gradients, a thread's share of their rows.

    (network, memory, first, samples, training, fresh, last, rank, size): `fresh` and `last` say
    whether the tile is the first and the last of its batch.
    """
    network, memory = record_reader(Network, dtype), record_reader(Memory, dtype)

    def add_tile(
        network_at: int,
        memory_at: int,
        first: int,
        samples: int,
        training: int,
        fresh: int,
        last: int,
        rank: int,
        size: int,
    ) -> None:
        net, m = network(network_at), memory(memory_at)
        tile = tile_of(net, m, first, samples, training != 0, True, False)
        add_gradients(net, m, tile, rank, size, fresh != 0)
        if last:
            settle_gradient(net, m, rank, size)

    return add_tile


class Piece(NamedTuple):
    """A part of the kernel that is compiled on its own, with integers as its arguments."""

    make: Callable[[str], Callable[..., None]]
    arguments: int


def piece(name: str, dtype: str) -> Pointed:
    """Return a part of the kernel for networks of a precision, compiled unless it is cached."""
    if (name, dtype) not in _kept:
        make, arguments = PIECES[name]
        tag = f"{name}-{dtype}"
        made = Pointed(make(dtype), [types.int64] * arguments, tag=tag, sources=SOURCES)
        _kept[name, dtype] = made
    return _kept[name, dtype]


def is_cached(name: str, dtype: str) -> bool:
    """Return whether a part of the kernel is in the cache on disk."""
    function = PIECES[name].make(dtype)
    return is_kept(function, tag=f"{name}-{dtype}", sources=SOURCES)


PIECES = {"pass": Piece(_pass, 11), "gradients": Piece(_gradients, 9), "run": Piece(make_run, 12)}
SOURCES = (
    *sorted(Path(__file__).parent.glob("*.py")),
    *sorted(Path(str(stopping.__file__)).parent.glob("*.py")),
    *(Path(str(module.__file__)) for module in (ladder, state)),  # their constants
)
