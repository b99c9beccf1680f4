"""Pretraining in links."""

from sweep.components.pretraining import Part, Pretraining
from sweep.components.spec import count


class Chain(Pretraining):
    """Links of so many layers, each trained alone to give back what the links before it give."""

    name = "chain"

    layers = count("layers of weights in a link", chooses_code=True)

    def parts(self, depth: int, *, layers: int) -> tuple[Part, ...]:
        starts = range(0, depth, layers)
        return tuple(Part(tuple(range(k, k + layers)), below=k) for k in starts)
