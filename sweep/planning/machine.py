"""What this machine offers to train on."""

import os

MOST_WORKERS_PER_CPU = 16
"""Beyond this the processes alone, about 400 MB each, are more than a machine holds."""


def available_cpus() -> int:
    """Return how many CPUs this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lacking_here(*, workers: int | None, cpus_per_pack: float) -> list[str]:
    """Say what a sweep asks for that this machine does not have; for a cluster that may be right.

    Args:
        workers: packs to train at a time, None for as many as there are CPUs.
        cpus_per_pack: CPUs that each takes.
    """
    cpus = available_cpus()
    said = []
    if workers and workers > cpus:
        said.append(
            f"resources.workers {workers:,}: this machine has {cpus:,} CPUs, which they share"
            + ("; that is more than it can start" if workers > cpus * MOST_WORKERS_PER_CPU else "")
        )
    if cpus_per_pack > cpus:
        said.append(
            f"resources.cpus_per_pack {cpus_per_pack:g}: this machine has {cpus:,} CPUs, so "
            "that no pack could start here"
        )
    return said
