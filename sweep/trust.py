"""Whether a user's own code may be run here."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

COMPONENTS = "sweep.components"
"""The entry point group by which an installed package says that it is meant for sweep files."""
NOT_PYTHONS = "name code of your own, not of Python's standard library"
INSTALLED = {"site-packages", "dist-packages"}
Ask = Callable[[str, Path], bool]

_refused: ContextVar[bool] = ContextVar("refused", default=False)
_unbuilt: ContextVar[bool] = ContextVar("unbuilt", default=False)
_ask: ContextVar[Ask | None] = ContextVar("ask", default=None)


@contextmanager
def refusing_plugins() -> Iterator[None]:
    """Within the block refuse every `package.module:name`, so that none is ever run."""
    token = _refused.set(True)
    try:
        yield
    finally:
        _refused.reset(token)


@contextmanager
def asking_for_plugins(ask: Ask) -> Iterator[None]:
    """Within the block ask, once a package, before code from elsewhere is run.

    Args:
        ask: takes the package and where it is, and returns whether it may run.
    """
    answers: dict[str, bool] = {}

    def once(package: str, place: Path) -> bool:
        if package not in answers:
            answers[package] = ask(package, place)
        return answers[package]

    token = _ask.set(once)
    try:
        yield
    finally:
        _ask.reset(token)


@contextmanager
def refusing_networks() -> Iterator[None]:
    """Within the block make no network of a user's own, where results are only read."""
    token = _unbuilt.set(True)
    try:
        yield
    finally:
        _unbuilt.reset(token)


@dataclass(frozen=True)
class Trust:
    """Whose code may run in a process that helps this one: what has run here, and no more.

    Attributes:
        refused: whether all code of users is refused.
        known: top-level packages that are imported here.
    """

    refused: bool
    known: tuple[str, ...]

    @classmethod
    def here(cls) -> Self:
        """Return the trust of this process as it is now."""
        return cls(_refused.get(), tuple(sorted({name.partition(".")[0] for name in sys.modules})))

    def applied(self) -> AbstractContextManager[None]:
        """Return a block in which this holds."""
        if self.refused:
            return refusing_plugins()
        return asking_for_plugins(lambda package, _: package in self.known)


def networks_are_refused() -> bool:
    return _unbuilt.get()


def plugins_are_refused() -> bool:
    return _refused.get()


def objection(name: str) -> str | None:
    """Return why `package.module:name` may not be run here, completing "must …"; None if it may.

    Never Python's own modules. Where a command asks, code from elsewhere only if allowed: what is
    neither below the working directory nor of a package that declares `COMPONENTS`.
    """
    package = name.partition(":")[0].partition(".")[0]
    if package in sys.stdlib_module_names:
        return NOT_PYTHONS
    ask = _ask.get()
    place = _place_of(package) if ask else None
    if ask is None or place is None or _is_here(place) or _declares(package):
        return None
    if ask(package, place):
        return None
    return f"name code below the working directory, or be allowed by --trust ({place} is elsewhere)"


def objection_to(code: Any) -> str | None:
    """Return why what a name led to may not be called, completing "must …"; None if it may.

    A module of one's own may have imported Python's: `from os import system`.
    """
    if not (inspect.isroutine(code) or inspect.isclass(code)):
        return None
    package = str(code.__module__).partition(".")[0]
    return NOT_PYTHONS if package in sys.stdlib_module_names else None


def _place_of(package: str) -> Path | None:
    """Return the file or folder of a package; nothing of it is run."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = [spec.origin, *(spec.submodule_search_locations or [])] if spec else []
    return next((Path(place).resolve() for place in places if place), None)


def _is_here(place: Path) -> bool:
    here = Path.cwd().resolve()
    return place.is_relative_to(here) and not INSTALLED & set(place.relative_to(here).parts)


def _declares(package: str) -> bool:
    declared = entry_points(group=COMPONENTS)
    return any(point.module.partition(".")[0] == package for point in declared)
