"""Describes the machine and the software that were measured. Measures nothing."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

OURS = ["autoencoder-sweep", "torch", "ray", "numba", "numpy", "pyarrow"]
THEIRS = ["jax", "joblib", "onednn-cpu-gomp", "optuna", "scikit-learn"]


def describe_machine() -> dict[str, str]:
    """Return what the figures depend on, by name, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "compiler": _first_line("g++", "--version"),
        "python": platform.python_version(),
        "revision": _first_line("git", "describe", "--always", "--dirty"),
        "load before": f"{os.getloadavg()[0]:.2f}",
    } | {name: _version(name) for name in OURS + THEIRS}


def _processor() -> str:
    """Return what lscpu calls it, and the widest vectors it has."""
    fields = dict(line.split(":", 1) for line in _output("lscpu").splitlines() if ":" in line)
    name, flags = fields.get("Model name", "unknown").strip(), fields.get("Flags", "").split()
    family = (
        f"family {fields.get('CPU family', '?').strip()} model {fields.get('Model', '?').strip()}"
    )
    vectors = next((v for v in ("avx512f", "avx2", "asimd") if v in flags), "no wide vectors")
    return f"{name} ({family}, {vectors})"


def _first_line(*command: str) -> str:
    return (_output(*command).splitlines() or ["none"])[0]


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
