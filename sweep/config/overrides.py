"""Applies `key=value` overrides to a document. Knows nothing of what the keys mean."""

import copy
from collections.abc import Sequence
from typing import Any

from sweep.config.document import Document, TreePath, dotted, parse_document
from sweep.errors import ConfigError, Fault

SOURCE = "command line"


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """Return the document with each `a.b.0.c=VALUE` set in turn, VALUE being read as YAML.

    Mappings that are missing on the way are made; numbers index lists.

    Raises:
        ConfigError: with every override that cannot be read or placed.
    """
    tree, places = copy.deepcopy(document.tree), dict(document.places)
    faults: list[Fault] = []
    for text in overrides:
        try:
            path, value = _parse(text)
            path = _resolve(tree, path)
            tree = _set({} if tree is None else tree, path, value)
        except _MisplacedError as error:
            faults.append(_fault(text, str(error)))
        except ConfigError as error:
            faults.extend(_fault(text, fault.must, got=fault.got) for fault in error.faults)
        else:
            places = {p: w for p, w in places.items() if p[: len(path)] != path}
            places[path] = SOURCE
    if faults:
        raise ConfigError(faults)
    return Document(document.source, tree, places)


class _MisplacedError(Exception):
    """An override is not of the form asked for or has no place in the tree."""


def _fault(text: str, must: str, *, got: str | None = None) -> Fault:
    return Fault(where=SOURCE, key=f"override {text!r}", must=must, got=got)


def _parse(text: str) -> tuple[TreePath, Any]:
    key, equals, value = text.partition("=")
    steps = tuple(key.strip().split("."))
    if not equals or not all(steps):
        raise _MisplacedError("be of the form KEY=VALUE, such as grid.learning_rate=[0.1,0.01]")
    return steps, parse_document(value, source=SOURCE).tree


def _resolve(tree: Any, path: TreePath) -> TreePath:
    """Turn the steps that index lists into numbers."""
    resolved: list[str | int] = []
    node = tree
    for step in path:
        here = dotted(tuple(resolved)) or "the file"
        if isinstance(node, list):
            if not str(step).isdecimal() or int(step) >= len(node):
                raise _MisplacedError(f"name an item of {here}: 0 to {len(node) - 1}")
            resolved.append(int(step))
            node = node[int(step)]
        elif node is None or isinstance(node, dict):
            resolved.append(step)
            node = (node or {}).get(step)
        else:
            raise _MisplacedError(f"go through mappings and lists only; {here} is {node!r}")
    return tuple(resolved)


def _set(node: Any, path: TreePath, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    child = node[int(step)] if isinstance(node, list) else node.get(step)
    if child is None and rest:
        child = {}
    node[step] = _set(child, tuple(rest), value)
    return node
