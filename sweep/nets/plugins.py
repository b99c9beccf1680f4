"""Loads a user's own code by its `package.module:name@hash`. Knows nothing of its use."""

import hashlib
import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sweep.errors import SweepError


class PluginError(SweepError):
    """A user's own function is not there, or is not the one that was planned."""


def is_plugin(name: str) -> bool:
    """Return whether `name` points at a user's own code."""
    return ":" in name


@cache
def load_plugin(name: str) -> Callable[..., Any]:
    """Import the function that `name` points at.

    Args:
        name: `package.module:function@digest`, the digest being 16 hex digits of the SHA-256 of the
            module's source as it was when the sweep was planned.

    Raises:
        PluginError: the source has changed since, or holds no such function.
    """
    place, _, digest = name.partition("@")
    module_name, _, attribute = place.partition(":")
    module = importlib.import_module(module_name)
    source = Path(module.__file__ or "").read_bytes()
    found = hashlib.sha256(source).hexdigest()[:16]
    if digest and found != digest:
        raise PluginError(
            f"{place}: source must be the plan's, digest {digest} (got {found} on this worker; "
            "install the same version everywhere and start the sweep again)"
        )
    if not callable(getattr(module, attribute, None)):
        raise PluginError(f"{place}: {module_name} must define the function {attribute!r}")
    function: Callable[..., Any] = getattr(module, attribute)
    return function
