"""The C++ limit, compiled for this machine when the bench runs, for one topology."""

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from bench.contenders.contender import Weights
from bench.problem import STUDY

SOURCE = Path(__file__).with_name("limit.cpp")
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-std=c++17"]
LANES = (8, 16)


class Limit:
    """Networks in vector registers."""

    name = "C++ limit"

    def __init__(self, weights: Weights, topology: tuple[int, ...], *, lanes: int = 8) -> None:
        """Begin at `weights`, a multiple of `lanes` networks."""
        assert topology == STUDY, topology
        assert len(weights) % lanes == 0, len(weights)
        self.name = f"C++ limit, {lanes} lanes"
        blocks = weights.reshape(-1, lanes, weights.shape[1]).transpose(0, 2, 1)
        self._weights = np.ascontiguousarray(blocks)
        self._squares = np.zeros_like(self._weights)
        self._inputs = np.eye(topology[0], dtype=np.float32)
        self._losses = np.zeros(len(weights))
        self._library = _compiled(lanes)

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        arrays = (self._weights, self._squares, self._inputs, self._losses)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        self._library.advance(*pointers, len(self._weights), ctypes.c_int64(epochs))
        return self._losses.copy()


@cache
def _compiled(lanes: int) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "limit.so"
        command = ["g++", *FLAGS, f"-DLANES={lanes}", "-shared", "-fPIC"]
        subprocess.run([*command, str(SOURCE), "-o", str(library)], check=True)
        return ctypes.CDLL(str(library))
