"""Claims: draws, identities and the fused engine give the same bits with every instruction set.

Each set is had on one machine by the switches that NumPy, glibc, PyTorch and Numba have for it.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.digests import digests_of

ROOT = Path(__file__).parents[1]
FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
WIDE = [name for name in FOUND if "512" in name or name == "X86_V4"]
NO_AVX512 = {"NPY_DISABLE_CPU_FEATURES": " ".join(WIDE), "ATEN_CPU_CAPABILITY": "avx2"}
LEAST = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(FOUND),
    "ATEN_CPU_CAPABILITY": "default",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX512F",
}
INTEL = platform.machine() in ("x86_64", "AMD64")
SSE2 = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"} if INTEL else {}
AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi2"} if INTEL else {}


def digests_with(switches: dict[str, str], group: str) -> dict[str, str]:
    """Return the digests that a process of its own comes to with these switches."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.digests", group],
        cwd=ROOT,
        env=os.environ | switches,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("switches", [NO_AVX512, LEAST], ids=["without AVX-512", "the least"])
def test_draws_and_identities_do_not_depend_on_the_instruction_set(
    switches: dict[str, str],
) -> None:
    assert digests_with(switches, "cheap") == digests_of("cheap")


@pytest.mark.slow
def test_fused_training_does_not_depend_on_the_instruction_set() -> None:
    assert digests_with(LEAST | SSE2, "float64") == digests_of("float64")


@pytest.mark.long
@pytest.mark.skipif(not INTEL, reason="the instruction sets named are those of x86-64")
@pytest.mark.parametrize("group", ["float32", "float64"])
@pytest.mark.parametrize("switches", [NO_AVX512 | AVX2, LEAST | SSE2], ids=["AVX2", "SSE2"])
def test_fused_training_of_either_precision_does_not_either(
    switches: dict[str, str], group: str
) -> None:
    assert digests_with(switches, group) == digests_of(group)


@pytest.mark.long
@pytest.mark.skipif(not INTEL, reason="the instruction sets named are those of x86-64")
@pytest.mark.parametrize("switches", [NO_AVX512 | AVX2, LEAST | SSE2], ids=["AVX2", "SSE2"])
def test_what_the_gate_recorded_holds_with_every_instruction_set(switches: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_gate.py", "-k", "engine_gives"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | switches, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
