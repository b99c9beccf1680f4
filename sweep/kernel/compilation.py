"""How kernels are compiled, and kept on disk from one process to the next.

Numba's own cache would not do: it sees changes in the file of the function alone, not in those that
it calls; it gives up where neither the package nor the home can be written; and two processes that
compile different signatures at once can each name the other's file. Here the directory is named by
a digest of every source of the kernel, of the compiler and of the processor, and holds one entry.
"""

# mypy: disable-error-code="no-untyped-call"

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache, partial
from inspect import unwrap
from pathlib import Path
from typing import Any, TypeVar, overload

import llvmlite
import llvmlite.binding as llvm
import numba
from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from sweep.kernel.shared import is_safe, shared_folders
from sweep.scratch import is_ours

if sys.platform != "win32":
    import fcntl

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(*, forceinline: bool = ..., glue: bool = ...) -> Callable[[F], F]: ...
def compiled(
    function: Callable[..., Any] | None = None, *, forceinline: bool = False, glue: bool = False
) -> Any:
    """Compile a function for use by other compiled functions; it cannot be called from Python.

    Args:
        function: what to compile; None when used with arguments.
        forceinline: put its machine code into its callers: for vectors to stay in registers.
        glue: put its source into its callers': for functions called from one place, which compile
            sooner that way.
    """
    inline = "always" if glue else "never"
    options = _OPTIONS | {"inline": inline, "forceinline": forceinline, "no_cpython_wrapper": True}
    decorate = njit(**options)
    return partial(_apply, decorate) if function is None else _apply(decorate, function)


def inlined(function: F) -> F:
    """Compile a function whose source goes into that of its callers."""
    made: F = compiled(glue=True)(function)
    return made


def _apply(decorate: Callable[..., Any], function: Callable[..., Any]) -> Any:
    # Shape checks wrap every function while the tests run; Numba wants what they wrap.
    return decorate(unwrap(function))


_tell: ContextVar[Callable[[], None] | None] = ContextVar("_tell", default=None)


@contextmanager
def telling_of_compilation(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` before each function that is compiled within the block, not loaded."""
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


def _tell_of_compilation() -> None:
    if (tell := _tell.get()) is not None:
        tell()


def disk_cache(function: Callable[..., None], *, tag: str, sources: Iterable[Path]) -> "_Cache":
    """Return what keeps the machine code of a function on disk, if it can be kept anywhere."""
    sources = tuple(sources)
    place = cache_place(function, tag=tag, sources=sources)
    shared = _shared_places(function, tag=tag, sources=sources)
    return _Cache(
        own=None if place is None else _cache_at(place, function),
        shared=[_cache_at(lent, function) for lent in shared],
    )


def _cache_at(place: Path, function: Callable[..., None]) -> FunctionCache:
    locator = type("_Locator", (_Locator,), {"place": place})
    layout = type("_Layout", (CompileResultCacheImpl,), {"_locator_classes": [locator]})
    kept: FunctionCache = type("_Kept", (_Kept,), {"_impl_class": layout})(unwrap(function))
    return kept


def cache_place(function: Callable[..., None], *, tag: str, sources: Iterable[Path]) -> Path | None:
    """Return the directory of a function's machine code; None where nothing can be kept."""
    directory = cache_directory(tuple(sources))
    return None if directory is None else directory / _name(function, tag)


def _shared_places(
    function: Callable[..., None], *, tag: str, sources: tuple[Path, ...]
) -> list[Path]:
    """Return the directories of a function's machine code that users share, the safe ones."""
    name = _name(function, tag)
    places = (folder / _digest(sources) / name for folder in shared_folders())
    return [place for place in places if is_safe(place)]


def _name(function: Callable[..., None], tag: str) -> str:
    return f"{function.__name__.strip('_')}-{tag}"


def is_kept(function: Callable[..., None], *, tag: str, sources: Iterable[Path]) -> bool:
    """Return whether machine code of a function is on disk, one's own or shared."""
    sources = tuple(sources)
    own = cache_place(function, tag=tag, sources=sources)
    places = [*([own] if own else []), *_shared_places(function, tag=tag, sources=sources)]
    return any(any(place.glob("*.nbi")) for place in places)


@contextmanager
def compiling(place: Path | None) -> Iterator[None]:
    """Hold the right to compile what is kept at a place: of several processes one does it.

    The others wait, and find it there. A process that is killed loses the right. Where locks
    cannot be had each compiles for itself.
    """
    if place is None or sys.platform == "win32":
        yield
        return
    with ExitStack() as held:
        with suppress(OSError):
            lock = held.enter_context(place.with_name(f"{place.name}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def cache_directory(sources: tuple[Path, ...]) -> Path | None:
    """Return where what is compiled of `sources` is kept: the first candidate that can be written.

    They are `SWEEP_CACHE_DIR`, `XDG_CACHE_HOME` or `~/.cache`, and a directory of the user's own
    among the temporary files. None where nothing can be written: every process compiles.
    """
    given = os.environ.get("SWEEP_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    user = os.getuid() if hasattr(os, "getuid") else "user"
    shared = Path(tempfile.gettempdir()) / f"sweep-kernels-{user}"
    for base in (*([Path(given)] if given else []), Path(home) / "sweep" / "kernels", shared):
        directory = base / _digest(sources)
        if _can_write(base, directory) and (base != shared or is_ours(base)):
            return directory
    return None


def _can_write(base: Path, directory: Path) -> bool:
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


@cache
def _digest(sources: tuple[Path, ...]) -> str:
    parts = [numba.__version__, llvmlite.__version__, platform.python_version()]
    parts += [llvm.get_host_cpu_name(), *sorted(llvm.get_host_cpu_features().flatten().split(","))]
    hashed = hashlib.sha256("\n".join(parts).encode())
    own = Path(__file__).parent
    for source in [*sorted(own.glob("*.py")), own.parent / "elementary.py", *sources]:
        hashed.update(source.read_bytes())
    return hashed.hexdigest()[:16]


class _Locator(_CacheLocator):
    """Keeps a function's machine code at `place`, whose name says all that it depends on."""

    place: Path

    def get_cache_path(self) -> str:
        return str(self.place)

    def get_source_stamp(self) -> str:
        return ""

    def get_disambiguator(self) -> str:
        return ""

    @classmethod
    def from_function(cls, function: Any, file: str) -> "_Locator":
        return cls()


class _Kept(FunctionCache):
    """What Numba keeps of one function."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (sig, codegen.magic_tuple())  # the directory's name says the rest


class _Cache:
    """A cache that never fails: what it cannot read is compiled, what it cannot write is left.

    Args:
        own: where this user's machine code is read and written; None where nothing can be.
        shared: where it is read if it is not there.
    """

    def __init__(self, own: FunctionCache | None, shared: Iterable[FunctionCache]) -> None:
        self._own, self._readable = own, [*([own] if own else []), *shared]

    def load_overload(self, *args: Any) -> Any:
        for kept in self._readable:
            with suppress(Exception):  # a torn or foreign file can raise anything when unpickled
                if (found := kept.load_overload(*args)) is not None:
                    return found
        _tell_of_compilation()
        return None

    def save_overload(self, *args: Any) -> None:
        if self._own is not None:
            with suppress(OSError):
                self._own.save_overload(*args)
