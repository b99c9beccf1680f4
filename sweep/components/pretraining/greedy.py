"""Greedy layer-wise pretraining: Bengio et al. 2007."""

from sweep.components.pretraining import Part, Pretraining


class Greedy(Pretraining):
    """Each pair of mirrored layers as a shallow autoencoder of the codes of the encoder so far.

    Bengio et al. 2007, "Greedy layer-wise training of deep networks".
    """

    name = "greedy"

    def parts(self, depth: int, *, layers: int) -> tuple[Part, ...]:
        return tuple(Part((k, depth - 1 - k), below=k) for k in range(depth // 2))
