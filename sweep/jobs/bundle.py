"""Bundles the files that a sweep needs elsewhere: its own, the user's, and sweep itself."""

import ast
import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sweep
from sweep.config import SweepConfig
from sweep.errors import SweepError
from sweep.plugins.sources import PLUGIN, find_module

MOST_BYTES = 50 * 2**20
"""Ray's job server takes requests of up to 100 MiB; what is larger belongs where nodes can read."""

LARGEST_NAMED = 5
UNWANTED = {"__pycache__", "results", "venv"}


@dataclass
class Bundle:
    """Files to send.

    Attributes:
        entry: the sweep file, as it is called in the bundle.
        files: what to send, by its path in the bundle; text where it is not a file here.
    """

    entry: str
    files: dict[str, Path | str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Put everything into a folder, unless it is too much.

        Raises:
            SweepError: naming the largest files.
        """
        self._require_size()
        for name, content in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode() if isinstance(content, str) else content.read_bytes()
            target.write_bytes(data)

    def _require_size(self) -> None:
        paths = {name: file for name, file in self.files.items() if isinstance(file, Path)}
        sizes = {name: file.stat().st_size for name, file in paths.items()}
        if sum(sizes.values()) <= MOST_BYTES:
            return
        largest = sorted(sizes, key=lambda name: -sizes[name])[:LARGEST_NAMED]
        named = ", ".join(f"{name} {sizes[name] / 2**20:.1f} MiB" for name in largest)
        raise SweepError(
            f"a job must take at most {MOST_BYTES >> 20} MiB along (got "
            f"{sum(sizes.values()) / 2**20:.1f} MiB; the largest: {named}); put large data where "
            "every node can read them, and name them by their absolute path"
        )


def make_bundle(
    path: Path, config: SweepConfig, *, include: Sequence[Path] = (), with_sweep: bool
) -> Bundle:
    """Gather a sweep file with the modules and data under the working directory that it names.

    Args:
        path: the sweep file.
        config: what it holds.
        include: files and folders to send besides.
        with_sweep: whether to send the sources of sweep too.

    Raises:
        SweepError: something named lies where it cannot be sent from.
    """
    roots = [Path.cwd(), path.parent.resolve()]
    bundle = Bundle(_name(path.resolve(), roots))
    bundle.files[bundle.entry] = path
    tree = config.model_dump(mode="json")
    for module in _modules(tree, roots):
        _add(bundle, module.resolve(), roots)
    for data in _data(tree):  # found there as it is named here, links included
        _add(bundle, Path(os.path.normpath(Path.cwd() / data)), roots[:1])
    for path in include:
        _add(bundle, path.resolve(), roots)
    if with_sweep:
        _add_sweep(bundle)
    return bundle


def _add(bundle: Bundle, path: Path, roots: Sequence[Path]) -> None:
    for file in _files(path):
        bundle.files[_name(file, roots)] = file


def _add_sweep(bundle: Bundle) -> None:
    """Add the package, and what says which version it is."""
    package = Path(sweep.__file__).parent
    for file in package.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:  # what pages are made of too
            bundle.files[f"sweep/{file.relative_to(package)}"] = file
    name, number = "autoencoder-sweep", version("autoencoder-sweep")
    about = f"autoencoder_sweep-{number}.dist-info/METADATA"
    bundle.files[about] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder but hidden ones, results and environments."""
    if not path.exists():
        raise SweepError(f"{path}: must exist to be sent")
    if path.is_file():
        yield path
        return
    for inner in sorted(path.iterdir()):
        environment = (inner / "pyvenv.cfg").exists()
        if inner.name[0] != "." and inner.name not in UNWANTED and not environment:
            yield from _files(inner)


def _name(path: Path, roots: Sequence[Path]) -> str:
    """Return what a file is called in the bundle: its path below one of the roots."""
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    raise SweepError(
        f"{path}: must lie in the working directory to be sent; copy it there, or put it where "
        "every node can read it and name it by its absolute path"
    )


def _modules(tree: Any, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the user's modules that the sweep names and those that they import, each once."""
    names = [text.partition(":")[0] for text in _texts(tree) if _is_plugin(text)]
    seen: set[Path] = set()
    while names:
        file = find_module(names.pop())
        module = _whole(file, roots) if file else None
        if module is None or module in seen:
            continue
        seen.add(module)
        yield module
        for source in [module] if module.is_file() else module.rglob("*.py"):
            names += _imports(source)


def _whole(file: Path, roots: Sequence[Path]) -> Path | None:
    """Return the module or package at a root that holds this file; None for what is installed."""
    for root in roots:
        inner = file.relative_to(root) if file.is_relative_to(root) else None
        if inner and not any(part[0] == "." or part == "site-packages" for part in inner.parts):
            return root / inner.parts[0]
    return None


def _imports(source: Path) -> list[str]:
    """Return the packages that a module imports; none of one that Python cannot read either."""
    try:
        nodes = list(ast.walk(ast.parse(source.read_bytes())))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return [name.partition(".")[0] for name in [*plain, *(str(node.module) for node in froms)]]


def _data(tree: Any) -> Iterator[Path]:
    """Yield the files and folders that data sets name relative to here, by path or in options."""
    for named in _named(tree):
        for text in _texts(named):
            path = Path(text)
            with contextlib.suppress(OSError):  # a text that is too long for a name
                if not path.is_absolute() and text.strip(".") and path.exists():
                    yield path


def _named(tree: Any) -> Iterator[Any]:
    """Yield the values that may name files: options of a function, paths of what is built in."""
    if isinstance(tree, dict):
        yield from (value for name, value in tree.items() if name in ("options", "path"))
    for inner in _inner(tree):
        yield from _named(inner)


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    for inner in _inner(tree):
        yield from _texts(inner)


def _inner(tree: Any) -> Iterable[Any]:
    if isinstance(tree, dict):
        return list(tree.values())
    return tree if isinstance(tree, list) else []


def _is_plugin(text: str) -> bool:
    return PLUGIN.fullmatch(text.partition("@")[0]) is not None
