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
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache, _CacheLocator

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


def disk_cache(
    function: Callable[..., None], *, tag: str, sources: Iterable[Path]
) -> "FunctionCache | _Uncached":
    """Return what keeps the machine code of a function on disk, if it can be kept anywhere."""
    place = cache_place(function, tag=tag, sources=sources)
    if place is None:
        return _Uncached()
    locator = type("_Locator", (_Locator,), {"place": place})
    layout = type("_Layout", (CompileResultCacheImpl,), {"_locator_classes": [locator]})
    kept: FunctionCache = type("_Cache", (_Cache,), {"_impl_class": layout})(unwrap(function))
    return kept


def cache_place(function: Callable[..., None], *, tag: str, sources: Iterable[Path]) -> Path | None:
    """Return the directory of a function's machine code; None where nothing can be kept."""
    directory = cache_directory(tuple(sources))
    return None if directory is None else directory / f"{function.__name__.strip('_')}-{tag}"


def is_kept(place: Path | None) -> bool:
    """Return whether machine code is kept at a place."""
    return place is not None and any(place.glob("*.nbi"))


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


class _Cache(FunctionCache):
    """A cache that never fails: what it cannot read is compiled, what it cannot write is left."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (sig, codegen.magic_tuple())  # the directory's name says the rest

    def load_overload(self, *args: Any) -> Any:
        try:
            found = super().load_overload(*args)
        except Exception:  # a torn or foreign file can raise anything when unpickled
            found = None
        if found is None:
            _tell_of_compilation()
        return found

    def save_overload(self, *args: Any) -> None:
        try:
            super().save_overload(*args)
        except OSError:
            return


class _Uncached(NullCache):
    """What stands in where nothing can be kept."""

    def load_overload(self, *args: Any) -> None:
        _tell_of_compilation()
