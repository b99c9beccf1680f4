"""The environment of a run: versions, host, revision."""

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sweep.result import machine


@dataclass(frozen=True)
class RunEnvironment:
    """What a run was made with.

    Attributes:
        ray_version: None where Ray is not used.
        git_revision: of the working directory, `-dirty` if it has changes; None outside of git.
    """

    sweep_version: str
    torch_version: str
    ray_version: str | None
    python_version: str
    git_revision: str | None
    host: str
    platform: str
    directory: str


def read_environment(ray_version: str | None) -> RunEnvironment:
    """Return what a run started now is made with."""
    return RunEnvironment(
        ray_version=ray_version,
        git_revision=git_revision(),
        platform=platform.platform(),
        directory=str(Path.cwd()),
        **machine(),
    )


def git_revision() -> str | None:
    """Return the revision of the working directory, None where there is none."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
