"""Pretraining by growth."""

from sweep.components.pretraining import Part, Pretraining


class Grow(Pretraining):
    """Ever deeper networks: the outer layers first, then going on with the inner ones."""

    name = "grow"

    def parts(self, depth: int, *, layers: int) -> tuple[Part, ...]:
        ends = [range(k + 1) for k in range(depth // 2 - 1)]
        return tuple(Part((*e, *(depth - 1 - i for i in reversed(e))), below=0) for e in ends)
