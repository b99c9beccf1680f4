"""The most that a core does in matrix products: NumPy's BLAS on large square ones."""

import numpy as np
from jaxtyping import Float64

SIZE = 1024


class Sgemm:
    """Products in float32, an epoch each."""

    name = "SGEMM by NumPy's BLAS"
    operations = 2.0 * SIZE**3

    def __init__(self) -> None:
        """Make two matrices."""
        generator = np.random.Generator(np.random.Philox(0))
        self._left, self._right = generator.random((2, SIZE, SIZE), np.float32)
        self._out = np.empty_like(self._left)

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        for _ in range(epochs):
            np.matmul(self._left, self._right, out=self._out)
        return np.array([0.0])
