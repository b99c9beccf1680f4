"""Compiles the kernel, its parts on two cores: a process beside this one does half of them.

python -m sweep.engines.fused.ahead float32
"""

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache

from sweep.engines.fused.parts import PIECES, SOURCES, is_cached, piece
from sweep.engines.fused.threads import cores
from sweep.kernel.compilation import cache_directory

BESIDE = ("pass", "gradients")
"""The parts that another process compiles, about half of the work."""


@cache
def kernel_of(dtype: str) -> Callable[..., None]:
    """Return the kernel for networks of a precision, which Python calls with integers.

    Python's lock is free while it runs. Where nothing is cached yet, `BESIDE` may still be on
    their way in another process when this returns: `piece` waits for them.
    """
    shared = cores() > 1 and cache_directory(SOURCES) is not None
    if shared and not any(is_cached(name, dtype) for name in PIECES):
        command = [sys.executable, "-m", "sweep.engines.fused.ahead", dtype]
        beside = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        threading.Thread(target=beside.wait, daemon=True).start()
    made = piece("run", dtype)
    words = [ctypes.c_int64] * PIECES["run"].arguments
    return ctypes.CFUNCTYPE(None, *words)(made.address)


if __name__ == "__main__":
    for part in BESIDE:
        piece(part, sys.argv[1])
