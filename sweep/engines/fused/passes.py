"""What is done with a tile of samples: functions compiled on their own, called by their address."""

from collections.abc import Callable
from pathlib import Path

from numba import types

from sweep.engines.fused.forward_backward import backward, compare_outputs, forward
from sweep.engines.fused.gradients import add_gradients, settle_gradient
from sweep.engines.fused.network import Memory, Network, columns_of, scale_of
from sweep.engines.fused.samples import load_tile, tile_of
from sweep.engines.fused.teams import share
from sweep.kernel.pointers import Pointed
from sweep.kernel.records import record_reader

_SOURCES = sorted(Path(__file__).parent.glob("*.py"))
_kept: dict[str, Pointed] = {}


def pass_address(dtype: str) -> int:
    """Return the address of what takes a thread's columns of a tile forward and back.

    (network, memory, first, samples, batch, training, back, held, want_errors, rank, size): two
    addresses of records; which samples, in the order of the epoch or as they lie; how many an
    update or the whole loss is over; whether this trains, wants gradients, is of held-out samples,
    wants the errors of outputs; and which thread of how many this is.
    """

    def make() -> Callable[..., None]:
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

    return _address(make, 11, tag=f"pass-{dtype}")


def gradients_address(dtype: str) -> int:
    """Return the address of what adds a tile to the gradients, a thread's share of their rows.

    (network, memory, first, samples, training, fresh, last, rank, size): `fresh` and `last` say
    whether the tile is the first and the last of its batch.
    """

    def make() -> Callable[..., None]:
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

    return _address(make, 9, tag=f"gradients-{dtype}")


def _address(make: Callable[[], Callable[..., None]], n_words: int, *, tag: str) -> int:
    if tag not in _kept:
        _kept[tag] = Pointed(make(), [types.int64] * n_words, tag=tag, sources=_SOURCES)
    return _kept[tag].address
