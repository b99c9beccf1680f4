"""Where the arrays of each layer lie, for the kernel."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sweep.engines.fused.network import Network
from sweep.nets.layout import Array, Role, layout_of, mirror_of
from sweep.nets.topology import Layer, layers_of
from sweep.trial import Trial

NOWHERE = -1


@dataclass(frozen=True)
class Layers:
    """The layers of weights of the networks of one pack key."""

    shape: Trial

    @classmethod
    def of(cls, shape: Trial) -> "Layers":
        return cls(shape)

    @property
    def n_buffers(self) -> int:
        """Numbers that training keeps besides the parameters."""
        buffers = layout_of(self.shape).buffers
        return buffers[-1].stop - buffers[0].start if buffers else 0

    @cached_property
    def n_extra(self) -> int:
        """Gradients of tied weights, which those of their mirrors take up."""
        return sum(la.fan_in * la.fan_out for la in self._layers if mirror_of(self.shape, la))

    def turned(self, net: Network) -> int:
        """Return how many numbers the rows of hidden layers take."""
        return int(self._turns(net)[-1])

    def spread(self, net: Network) -> int:
        """Return how many numbers the gradients take, as rows of padded length."""
        return int(self._pads(net)[1]) if net.alone else 0

    def tables(self, net: Network) -> dict[str, np.ndarray]:
        """Return the tables of `Memory` that say where things are."""
        mirrors = [mirror_of(self.shape, layer) for layer in self._layers]
        weights = [
            self._start(layer if mirror is None else mirror, Role.WEIGHT)
            for layer, mirror in zip(self._layers, mirrors, strict=True)
        ]
        tied = [mirror is not None for mirror in mirrors]
        fan_in, fan_out = self._widths[:-1], self._widths[1:]
        pads, _, gate_pads = self._pads(net)
        tables = {
            "widths": self._widths,
            "heights": np.concatenate([[0, 0], np.cumsum(fan_out)]),
            "weights": weights,
            "across": np.where(tied, 1, fan_in),
            "along": np.where(tied, fan_out, 1),
            "biases": self._starts(Role.BIAS),
            "scales": self._starts(Role.SCALE),
            "gates": self._starts(Role.GATE),
            "gate_biases": self._starts(Role.GATE_BIAS),
            "means": self._means(),
            "mirrors": np.where(tied, weights, NOWHERE),
            "gradients": self._gradients(weights, tied),
            "pads": pads,
            "gate_pads": gate_pads,
            "turns": self._turns(net),
        }
        return {name: np.array(table, np.int64) for name, table in tables.items()}

    @property
    def _layers(self) -> tuple[Layer, ...]:
        return tuple(layers_of(self.shape.topology))

    @property
    def _widths(self) -> np.ndarray:
        return np.array(self.shape.topology, np.int64)

    @cached_property
    def _arrays(self) -> dict[tuple[int, Role], Array]:
        layout = layout_of(self.shape)
        return {(a.layer.index, a.role): a for a in (*layout.parameters, *layout.buffers)}

    def _start(self, layer: Layer, role: Role) -> int:
        array = self._arrays.get((layer.index, role))
        return NOWHERE if array is None else array.start

    def _starts(self, role: Role) -> list[int]:
        return [self._start(layer, role) for layer in self._layers]

    def _means(self) -> list[int]:
        first = layout_of(self.shape).n_parameters
        return [start if start < 0 else start - first for start in self._starts(Role.MEAN)]

    def _gradients(self, weights: list[int], tied: list[bool]) -> list[int]:
        """Return where gradients of weights lie: of tied ones behind those of all parameters."""
        places, end = [], layout_of(self.shape).n_parameters
        for layer, start, shared in zip(self._layers, weights, tied, strict=True):
            places.append(end if shared else start)
            end += layer.fan_in * layer.fan_out if shared else 0
        return places

    def _pads(self, net: Network) -> tuple[np.ndarray, int, np.ndarray]:
        """Return where spread gradients of weights begin, where all end, and those of gates."""
        rows = -(-self._widths[:-1] // net.width) * net.width
        sizes = rows * self._widths[1:]
        ends = np.cumsum(sizes)
        gated = np.array(self._starts(Role.GATE)) >= 0
        gate_ends = ends[-1] + np.cumsum(sizes * gated)
        return ends - sizes, int(gate_ends[-1]), gate_ends - sizes * gated

    def _turns(self, net: Network) -> np.ndarray:
        """Return where each layer's inputs begin among turned values, and where they end."""
        rows = -(-self._widths[1:-1] // net.width) * net.width
        samples = net.tile * net.width if net.alone else 0
        return np.concatenate([[0, 0], np.cumsum(rows * samples)])
