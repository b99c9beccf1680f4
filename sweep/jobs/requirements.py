"""The versions of the packages that sweep is installed with here, as requirements."""

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = "autoencoder-sweep"
INHERITED = {"ray", "pip", "setuptools"}
"""A job runs on the Ray of its node, which no environment of a job may replace; the others belong
to whatever environment they install into."""


def pinned_requirements() -> list[str]:
    """Return NAME==VERSION of every package that sweep needs, directly or not, but Ray's own.

    Builds of one version, such as 2.13.0+cpu, count as that version: nodes may have another.
    """
    pins: dict[str, str] = {}
    wanted = _needs(NAME)
    while wanted:
        name = wanted.pop()
        if name in INHERITED or name in pins:
            continue
        try:
            pins[name] = distribution(name).version.partition("+")[0]
        except PackageNotFoundError:  # needed by a package only under conditions not met here
            continue
        wanted += _needs(name)
    return sorted(f"{name}=={version}" for name, version in pins.items())


def _needs(name: str) -> list[str]:
    """Return the packages that one needs, without its extras."""
    requirements = map(Requirement, distribution(name).requires or [])
    return [
        canonicalize_name(requirement.name)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
