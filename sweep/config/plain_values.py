"""Turns values as Python and NumPy have them into those that a sweep file can say."""

from collections.abc import Callable, Mapping
from typing import Any

from sweep.config.yaml_source import MAX_DIGITS, TreePath, dotted, is_too_long
from sweep.errors import ConfigError, Fault


def plain(tree: Any, *, source: str) -> Any:
    """Return a tree of dicts, lists and scalars: mappings, tuples, ranges, arrays, functions.

    A function becomes its name, `package.module:function`, by which workers can import it.

    Args:
        tree: what a caller gave as a sweep.
        source: name of it, for messages.

    Raises:
        ConfigError: a function cannot be imported by its name, or a number is too long.
    """
    faults: list[Fault] = []
    copied = _plain(tree, (), source, faults)
    if faults:
        raise ConfigError(faults)
    return copied


def _plain(value: Any, path: TreePath, source: str, faults: list[Fault]) -> Any:
    if isinstance(value, Mapping):
        items = ((str(key), inner) for key, inner in value.items())
        return {key: _plain(inner, (*path, key), source, faults) for key, inner in items}
    if isinstance(value, list | tuple | range):
        return [_plain(v, (*path, place), source, faults) for place, v in enumerate(value)]
    if callable(getattr(value, "tolist", None)):  # arrays and scalars of NumPy, columns of pandas
        return value.tolist()
    if callable(value):
        return _named(value, path, source, faults)
    if isinstance(value, int) and is_too_long(value):
        must = f"be a whole number of at most {MAX_DIGITS:,} digits"
        faults.append(Fault(where=source, key=dotted(path), must=must))
    return value


def _named(
    function: Callable[..., Any], path: TreePath, source: str, faults: list[Fault]
) -> str | None:
    """Return the name by which a function can be imported, or note that there is none."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", "")
    if module and module != "__main__" and name.isidentifier():
        return f"{module}:{name}"
    shown = name or type(function).__name__
    faults.append(
        Fault(
            where=source,
            key=dotted(path),
            must="be a function that workers can import",
            got=f"{shown} of {'this session' if module == '__main__' else module}",
            hint="write it to a file beside the notebook, `%%writefile mine.py`, and name it "
            f"'mine:{shown.rpartition('.')[2]}'",
        )
    )
    return None
