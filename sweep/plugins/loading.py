"""Loads a user's own code by its `package.module:name@hash`."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sweep.plugins.sources import PluginError
from sweep.trust import objection, objection_to, plugins_are_refused

_PACKAGES: dict[str, str] = {}
"""The digests of the packages that were imported for a user's function."""


def load_plugin(name: str) -> Callable[..., Any]:
    """Import the function that `name` points at.

    Args:
        name: `package.module:function@digest`, the digest being 16 hex digits of the SHA-256 of the
            module's source as it was when the sweep was planned.

    Raises:
        PluginError: plugins are refused, the source has changed since, raises, or holds no such
            function.
    """
    if plugins_are_refused():
        raise PluginError(f"{name}: must not be needed, as --no-plugins is given")
    if against := objection(name):
        raise PluginError(f"{name}: must {against}")
    return _loaded(name)


@cache
def _loaded(name: str) -> Callable[..., Any]:
    place, _, digest = name.partition("@")
    module_name, _, attribute = place.partition(":")
    path = _source_of(module_name)
    source = path.read_bytes()
    found = hashlib.sha256(source).hexdigest()[:16]
    if digest and found != digest:
        raise PluginError(
            f"{place}: source must be the plan's, digest {digest} (got {found} on this worker; "
            "install the same version everywhere and start the sweep again)"
        )
    if path.name == "__init__.py":
        module = _package(module_name, found)
    else:
        module = _load(f"{module_name}@{found}", path, source)
    if not callable(getattr(module, attribute, None)):
        raise PluginError(f"{place}: {module_name} must define the function {attribute!r}")
    function: Callable[..., Any] = getattr(module, attribute)
    if against := objection_to(function):
        raise PluginError(f"{place}: must {against}")
    return function


def _source_of(module_name: str) -> Path:
    try:
        spec = importlib.util.find_spec(module_name)
    except Exception as error:  # the packages around a module run, and may raise anything
        raise _unimportable(module_name, error) from error
    if spec is None or spec.origin is None:
        raise PluginError(f"{module_name}: must be a Python module that this worker can import")
    return Path(spec.origin)


def _package(name: str, digest: str) -> ModuleType:
    """Import a package, which may not bear to be run twice."""
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise _unimportable(name, error) from error
    if _PACKAGES.setdefault(name, digest) != digest:
        raise PluginError(f"{name}: must be as this Python has loaded it; start Python anew")
    return module


def _load(name: str, path: Path, source: bytes) -> ModuleType:
    """Run a module under a name that carries its digest: one edited since is loaded anew."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # no bytecode of an older source
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        raise _unimportable(name.partition("@")[0], error) from error
    return module


def _unimportable(module_name: str, error: Exception) -> PluginError:
    return PluginError(f"{module_name}: must run when imported (it raised {error!r})")
