"""Finds a user's own code, named `package.module:name`, without running it. Knows no engine."""

import ast
import hashlib
import importlib.util
import re
import sys
from functools import lru_cache
from pathlib import Path

from sweep.errors import SweepError
from sweep.trust import objection, plugins_are_refused

PLUGIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class PluginError(SweepError):
    """A user's own code is not there, or is not the one that was planned."""


def is_plugin(name: str) -> bool:
    """Return whether `name` points to a user's own code."""
    return ":" in name


def make_importable(*folders: Path) -> None:
    """Let modules be found in these folders, after all others."""
    for folder in folders:
        if str(folder.resolve()) not in sys.path:
            sys.path.append(str(folder.resolve()))


def pin_plugin(name: str) -> str:
    """Return `package.module:name@HASH`, 16 hex digits of the SHA-256 of the module's source.

    Raises:
        PluginError: plugins are refused, or this one; the name is malformed; the module or the name
            in it is missing; or the source is not that of the hash given. The message completes
            "must …".
    """
    if plugins_are_refused():
        raise PluginError("be the name of something built in, as --no-plugins is given")
    name, _, wanted = name.partition("@")
    if not PLUGIN.fullmatch(name):
        raise PluginError("be of the form package.module:name")
    if against := objection(name):
        raise PluginError(against)
    module, _, attribute = name.partition(":")
    source = _source(module)
    if attribute not in _names(source, module)[0]:
        raise PluginError(f"name something defined at the top of module {module}")
    digest = hashlib.sha256(source).hexdigest()[:16]
    if wanted not in ("", digest):
        raise PluginError(f"name a module whose source has the hash {wanted}, not {digest}")
    return f"{name}@{digest}"


def digest_of(module: str) -> str | None:
    """Return 16 hex digits of the SHA-256 of a module's source, None where none is found."""
    path = find_module(module)
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _source(module: str) -> bytes:
    path = find_module(module)
    if path is None:
        raise PluginError(
            "name a Python module that can be imported from here or the file's folder"
        )
    return path.read_bytes()


def find_module(module: str) -> Path | None:
    """Return the file of a module, None if there is none; nothing of the module is run."""
    package, _, _ = module.partition(".")  # `find_spec` on a dotted name would run its packages
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    parts = module.split(".")[1:]
    if not parts:
        return _python_file(spec.origin)
    folders = spec.submodule_search_locations or []
    candidates = [Path(f, *parts) for f in folders]
    for path in candidates:
        for file in (path.with_name(path.name + ".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def _python_file(origin: str | None) -> Path | None:
    return Path(origin) if origin and origin.endswith(".py") else None


@lru_cache(maxsize=256)
def is_class(name: str) -> bool:
    """Return whether a pinned `package.module:name@HASH` is a class that can be found."""
    module, _, attribute = name.partition("@")[0].partition(":")
    path = find_module(module)
    return path is not None and attribute in _names(path.read_bytes(), module)[1]


@lru_cache(maxsize=64)
def _names(source: bytes, module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a module's source defines at its top, and those that are classes."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise PluginError(f"name a module without syntax errors ({module}: {error})") from error
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {t.id for t in targets if isinstance(t, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return frozenset(names), frozenset(classes)
