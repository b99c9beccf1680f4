"""NumPy with the gradients by hand, and matrix products by its own BLAS or by oneDNN.

No graph, nothing allocated in the loop: what is left of a loop in Python when a framework goes.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from importlib.metadata import distribution
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from bench.works import BETAS, EPSILON, LEARNING_RATE, ORDERS, Work

Matrix = Float32[np.ndarray, "rows columns"]
Product = Callable[[Matrix, Matrix, Matrix], None]
PACKAGE, LIBRARY = "onednn-cpu-gomp", "libdnnl.so.3"


def by_numpy(left: Matrix, right: Matrix, out: Matrix) -> None:
    """Write a product."""
    np.matmul(left, right, out=out)


def by_onednn(left: Matrix, right: Matrix, out: Matrix) -> None:
    """Write a product by oneDNN's SGEMM, which takes transposed matrices as they lie in memory."""
    (a, a_t, a_step), (b, b_t, b_step) = _argument(left), _argument(right)
    (m, k), n = left.shape, right.shape[1]
    status = _sgemm()(a_t, b_t, m, n, k, 1.0, a, a_step, b, b_step, 0.0, out.ctypes.data, n)
    assert status == 0, status


def _argument(matrix: Matrix) -> tuple[int, bytes, int]:
    """Return where a matrix lies, whether transposed, and the length of what is a row there."""
    if matrix.flags.c_contiguous:
        return matrix.ctypes.data, b"N", matrix.shape[1]
    assert matrix.flags.f_contiguous, matrix.strides
    return matrix.ctypes.data, b"T", matrix.shape[0]


@cache
def _sgemm() -> Callable[..., int]:
    installed = distribution(PACKAGE)
    (place,) = (file for file in installed.files or () if file.name == LIBRARY)
    function = ctypes.CDLL(str(installed.locate_file(place))).dnnl_sgemm
    word, real, address = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
    sizes: list[Any] = [ctypes.c_char, ctypes.c_char, word, word, word]
    function.argtypes = [*sizes, real, address, word, address, word, real, address, word]
    return function


class ByHand:
    """One network, without noise, dropout or normalisation."""

    def __init__(self, work: Work, lanes: int = 1, *, product: Product = by_numpy) -> None:
        """Begin with the network of seed 0."""
        assert lanes == 1, lanes
        assert not work.draws, work
        assert not work.normalised, work
        assert work.output == "sigmoid", work.output
        self.name = f"{'NumPy' if product is by_numpy else 'oneDNN'} by hand"
        self._work, self._product = work, product
        self._orders, self._epoch, self._updates = work.orders(), 0, 0
        arrays = work.start()
        self._flat = np.concatenate([array.ravel() for array in arrays.values()])
        self._slopes, self._mean, self._square, self._spare = (
            np.zeros_like(self._flat) for _ in range(4)
        )
        self._weights, self._biases = _views(self._flat, work)
        self._weight_slopes, self._bias_slopes = _views(self._slopes, work)
        sizes = {work.batch, len(work.samples) % work.batch} - {0}
        self._buffers = {size: _buffers(size, work.topology) for size in sizes}

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        for _ in range(epochs):
            order = self._orders[self._epoch % ORDERS]
            total = 0.0
            for start in range(0, len(order), self._work.batch):
                total += self._update(order[start : start + self._work.batch])
            self._epoch += 1
        return np.array([total / self._work.samples.size])

    def _update(self, indices: np.ndarray) -> float:
        """Train on a batch and return its squared errors' sum."""
        values, slopes = self._buffers[len(indices)]
        np.take(self._work.inputs, indices, axis=0, out=values[0])
        last = len(self._weights) - 1
        for i, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            out = values[i + 1]
            self._product(values[i], weight.T, out)
            out += bias
            _sigmoid(out) if i == last else np.maximum(out, 0.0, out=out)
        delta = np.subtract(values[-1], values[0], out=slopes[-1])
        loss = float(np.vdot(delta, delta))
        delta *= np.float32(2.0 / delta.size)
        delta *= values[-1]
        np.subtract(np.float32(1.0), values[-1], out=values[-1])
        delta *= values[-1]
        for i in range(last, -1, -1):
            self._product(slopes[i + 1].T, values[i], self._weight_slopes[i])
            np.sum(slopes[i + 1], axis=0, out=self._bias_slopes[i])
            if i:
                self._product(slopes[i + 1], self._weights[i], slopes[i])
                slopes[i] *= values[i] > 0.0
        self._step()
        return loss

    def _step(self) -> None:
        """Adam, on all parameters at once."""
        self._updates += 1
        g, spare = self._slopes, self._spare
        for moment, beta in zip((self._mean, self._square), BETAS, strict=True):
            np.multiply(g, np.float32(1.0 - beta), out=spare)
            if moment is self._square:
                spare *= g
            moment *= np.float32(beta)
            moment += spare
        first, second = (1.0 - beta**self._updates for beta in BETAS)
        np.sqrt(self._square, out=spare)
        spare *= np.float32(second**-0.5)
        spare += np.float32(EPSILON)
        np.divide(self._mean, spare, out=spare)
        spare *= np.float32(LEARNING_RATE / first)
        self._flat -= spare


def _sigmoid(values: Matrix) -> None:
    np.negative(values, out=values)
    np.exp(values, out=values)
    values += np.float32(1.0)
    np.reciprocal(values, out=values)


def _views(flat: np.ndarray, work: Work) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the weights and the biases of each layer within one vector."""
    arrays = [flat[a.place].reshape(a.shape) for a in work.layout]
    return arrays[0::2], arrays[1::2]


def _buffers(size: int, topology: tuple[int, ...]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return room for the activations of a batch and for their slopes."""
    values, slopes = ([np.empty((size, n), np.float32) for n in topology] for _ in range(2))
    return values, slopes
