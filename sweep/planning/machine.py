"""What this machine offers to train on. Knows nothing of sweeps."""

import os


def available_cpus() -> int:
    """Return how many CPUs this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
