"""Where a parameter may stand in a sweep file, and how an override moves it.

A parameter is fixed or it is in a grid, and the data and the stop rules may stand at the top. An
override that names a parameter at one of these places brings it there from the others.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sweep.config.parameters.columns import NAMES
from sweep.config.yaml_source import TreePath, dotted

TOP = ("dataset", "convergence")
REPLICATES = "replicates"


class MisplacedError(Exception):
    """An override is not of the form asked for or has no place in the tree."""


@dataclass
class Draft:
    """A document that changes: its tree, and where each part of it stood."""

    tree: Any
    places: dict[TreePath, str]

    def holds(self, path: TreePath) -> bool:
        """Return whether there is a value at `path`, null or not."""
        return self.is_mapping(path[:-1]) and path[-1] in self._at(path[:-1])

    def is_mapping(self, path: TreePath) -> bool:
        """Return whether a mapping is at `path`."""
        return isinstance(self._at(path), dict)

    def pop(self, path: TreePath) -> "Draft":
        """Take a value out, with the places of its parts."""
        taken = {p[len(path) :]: w for p, w in self.places.items() if p[: len(path)] == path}
        self.places = {p: w for p, w in self.places.items() if p[: len(path)] != path}
        return Draft(self._at(path[:-1]).pop(path[-1]), taken)

    def put(self, path: TreePath, value: "Draft") -> None:
        """Set a value, with the places of its parts; mappings that are missing are made."""
        self.tree = _set({} if self.tree is None else self.tree, path, copy.deepcopy(value.tree))
        self.places = {p: w for p, w in self.places.items() if p[: len(path)] != path}
        self.places |= {(*path, *p): w for p, w in value.places.items()}

    @property
    def grids(self) -> list[TreePath]:
        """Return the path of every grid."""
        grid = self._at(("grid",))
        several = isinstance(grid, list)
        return [("grid", i) for i in range(len(grid))] if several else [("grid",)]

    def unzip(self, grid: TreePath, name: str) -> None:
        """Let a parameter that leaves a grid no longer advance with others."""
        block = self._at(grid)
        zips = block.get("zip") if isinstance(block, dict) else None
        if not isinstance(zips, list) or not zips:
            return
        one = all(isinstance(item, str) for item in zips)
        lists = [zips] if one else [item for item in zips if isinstance(item, list)]
        if any(name in names for names in lists):
            kept = [[other for other in names if other != name] for names in lists]
            block["zip"] = [names for names in kept if len(names) > 1]

    def _at(self, path: TreePath) -> Any:
        node = self.tree
        for step in path:
            inner = isinstance(node, dict) or (isinstance(node, list) and isinstance(step, int))
            try:
                node = node[step] if inner else None
            except (KeyError, IndexError):
                return None
        return node


def every_place(draft: Draft, path: TreePath) -> list[TreePath]:
    """Return the paths that an override means: `grid.KEY` is the key of every grid of a list."""
    several = draft.grids != [("grid",)]
    if several and path[0] == "grid" and len(path) > 1 and not str(path[1]).isdecimal():
        return [(*grid, *path[1:]) for grid in draft.grids]
    return [path]


def make_place(draft: Draft, path: TreePath, value: Any) -> None:
    """Bring the parameters that an override names to where it names them.

    A parameter that is replaced as a whole just leaves its other places; one of which an override
    changes a part is moved. Where one of several grids takes a fixed parameter, the other grids
    keep its value. Null takes a parameter away from its place, and brings none.

    Raises:
        MisplacedError: a part of a parameter is to change that has several values to be moved.
    """
    for home in _homes_named(path, value):
        name = str(home[-1])
        if path == home and value is None:
            continue
        if name == REPLICATES:
            _leave(draft, (*home[:-1], "seed"))
        elif name in NAMES:
            _bring(draft, home, whole=len(path) <= len(home))


def _homes_named(path: TreePath, value: Any) -> Iterator[TreePath]:
    """Yield where the parameters stand that an override of `path` sets, in part or as a whole."""
    block = next((b for b in _blocks_of(path) if len(path) >= len(b)), None)
    if block is None:
        if path[0] in TOP:
            yield path[:1]
    elif len(path) > len(block):
        yield path[: len(block) + 1]
    elif isinstance(value, dict):
        yield from ((*block, name) for name, inner in value.items() if inner is not None)


def _blocks_of(path: TreePath) -> Iterator[TreePath]:
    if path[0] == "fixed":
        yield path[:1]
    if path[0] == "grid":
        yield path[:2] if len(path) > 1 and isinstance(path[1], int) else path[:1]


def _bring(draft: Draft, home: TreePath, *, whole: bool) -> None:
    name = str(home[-1])
    grids = [(*grid, name) for grid in draft.grids]
    shared: list[TreePath] = [("fixed", name)]
    if name in TOP:
        shared.insert(0, (name,))
    others = [p for p in shared if p != home] + (grids if home in shared else [])
    popped = [draft.pop(path) for path in others if draft.holds(path)]
    found = [value for value in popped if value.tree is not None]
    if name == "seed" and home in grids:
        _leave(draft, (*home[:-1], REPLICATES))
    if home in shared:
        for grid in draft.grids:
            draft.unzip(grid, name)
    if not found:
        return
    if not whole and not draft.holds(home):
        if any(value.tree != found[0].tree for value in found):
            named = ", ".join(dotted(path) for path in others)
            raise MisplacedError(f"give {name} as a whole: it is in {named}")
        draft.put(home, found[0])
    for other in grids if home in grids else []:
        if other != home and draft.is_mapping(other[:-1]) and not draft.holds(other):
            draft.put(other, found[0])


def _leave(draft: Draft, path: TreePath) -> None:
    if draft.holds(path):
        draft.pop(path)
        draft.unzip(path[:-1], str(path[-1]))


def _set(node: Any, path: TreePath, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    child = node[int(step)] if isinstance(node, list) else node.get(step)
    if child is None and rest:
        child = {}
    node[step] = _set(child, tuple(rest), value)
    return node
