"""Applies `key=value` overrides to a document."""

import copy
from collections.abc import Sequence
from typing import Any

from sweep.config.placement import Draft, MisplacedError, every_place, make_place
from sweep.config.yaml_source import Document, TreePath, dotted, parse_document
from sweep.errors import ConfigError, Fault

SOURCE = "command line"


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """Return the document with each `a.b.0.c=VALUE` set in turn, VALUE being read as YAML.

    Mappings that are missing on the way are made; numbers index lists; `grid.KEY` sets the key of
    every grid where there are several. A parameter that stands elsewhere, fixed and not in a grid
    or the other way round, is brought to where it is named.

    Raises:
        ConfigError: with every override that cannot be read or placed.
    """
    draft = Draft(copy.deepcopy(document.tree), dict(document.places))
    faults: list[Fault] = []
    for text in overrides:
        try:
            path, value = _parse(text)
            for place in every_place(draft, path):
                resolved = _resolve(draft.tree, place)
                make_place(draft, resolved, value)
                draft.put(_resolve(draft.tree, resolved), Draft(value, {(): SOURCE}))
        except MisplacedError as error:
            faults.append(_fault(text, str(error)))
        except ConfigError as error:
            faults.extend(_fault(text, fault.must, got=fault.got) for fault in error.faults)
    if faults:
        raise ConfigError(faults)
    return Document(document.source, draft.tree, draft.places)


def _fault(text: str, must: str, *, got: str | None = None) -> Fault:
    return Fault(where=SOURCE, key=f"override {text!r}", must=must, got=got)


def _parse(text: str) -> tuple[TreePath, Any]:
    key, equals, value = text.partition("=")
    steps = tuple(key.strip().split("."))
    if not equals or not all(steps):
        raise MisplacedError("be of the form KEY=VALUE, such as grid.learning_rate=[0.1,0.01]")
    return steps, parse_document(value, source=SOURCE).tree


def _resolve(tree: Any, path: TreePath) -> TreePath:
    """Turn the steps that index lists into numbers."""
    resolved: list[str | int] = []
    node = tree
    for step in path:
        here = dotted(tuple(resolved)) or "the file"
        if isinstance(node, list):
            if not str(step).isdecimal() or int(step) >= len(node):
                raise MisplacedError(f"name an item of {here}: 0 to {len(node) - 1}")
            resolved.append(int(step))
            node = node[int(step)]
        elif node is None or isinstance(node, dict):
            resolved.append(step)
            node = (node or {}).get(step)
        else:
            raise MisplacedError(f"go through mappings and lists only; {here} is {node!r}")
    return tuple(resolved)
