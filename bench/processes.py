"""Runs whole commands and measures their time and memory."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ran:
    """A command that has ended well.

    Attributes:
        seconds: from start to end. peak_mb: most memory its own process had resident, 10**6 bytes.
        output: what it wrote to stdout.
    """

    seconds: float
    peak_mb: float
    output: str


def run(*command: str | Path, timeout: float) -> Ran:
    """Run a command from the repository's root.

    Raises:
        subprocess.CalledProcessError: it failed. subprocess.TimeoutExpired: it took too long.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=errors)
        peak = _wait(process, timeout)
        seconds = time.perf_counter() - began
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            said = errors.read()
            sys.stderr.write(said)
            raise subprocess.CalledProcessError(process.returncode, words, stderr=said)
        return Ran(seconds, peak, output.read())


def python(*words: str | Path, timeout: float) -> Ran:
    """Run this Python with the arguments `words`."""
    return run(sys.executable, *words, timeout=timeout)


def sweep(*words: str | Path, timeout: float) -> Ran:
    """Run the `sweep` command."""
    return run(BIN / "sweep", *words, timeout=timeout)


def median_seconds(*words: str | Path, times: int, timeout: float) -> float:
    """Return the median over several runs of a `sweep` command."""
    return median(sweep(*words, timeout=timeout).seconds for _ in range(times))


def _wait(process: subprocess.Popen[bytes], timeout: float) -> float:
    """Wait, and return the peak memory that was seen: the kernel's own high-water mark."""
    peak, deadline = 0.0, time.monotonic() + timeout
    while process.poll() is None:
        peak = max(peak, _high_water(process.pid))
        if time.monotonic() > deadline:
            process.terminate()
            process.wait()
            raise subprocess.TimeoutExpired(process.args, timeout)
        time.sleep(0.01)
    return peak


def _high_water(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    kilobytes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes[0]) * 1024 / 1e6 if kilobytes else 0.0


def cores() -> int:
    return len(os.sched_getaffinity(0))
