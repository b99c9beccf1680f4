"""Reads YAML 1.2 into a plain tree that remembers where each value stood, and writes it.

Nothing else reads YAML: what a text means is decided here alone, and files are UTF-8.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from sweep.errors import ConfigError, Fault

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML without libyaml: the same, some six times slower

    class CParser(Reader, Scanner, Parser):  # type: ignore[no-redef]
        """What reads YAML where there is no libyaml."""

        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)


MAX_BYTES = 4_000_000
MAX_NODES = 200_000
MAX_DEPTH = 40
MAX_DIGITS = 4_300  # as Python has it
MAX_SHOWN = 40
_TOO_LONG: int = 10**MAX_DIGITS
MAX_RAW_NODES = 2 * MAX_NODES  # with the keys
TOO_MANY = f"hold at most {MAX_NODES:,} values, aliases expanded"
TOO_DEEP = f"be nested at most {MAX_DEPTH} levels deep"
TreePath = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """A tree of plain values and the place of each.

    Attributes:
        source: file name, or what else the text is.
        tree: mappings with textual keys, lists, text, numbers, booleans and None.
        places: `file:line` of the paths into the tree; a path without one takes its parent's.
    """

    source: str
    tree: Any
    places: Mapping[TreePath, str] = field(default_factory=dict)

    def where(self, path: TreePath) -> str:
        """Return the place of `path`, or of its nearest known ancestor."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.source


def dotted(path: TreePath) -> str:
    """Write a path as a user reads it, such as `grid.learning_rate[2]`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).removeprefix(".")


def read_text(path: Path) -> str:
    """Return the text of a YAML file.

    Raises:
        ConfigError: it cannot be read, is too large or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            held = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError.of(str(path), "be a readable YAML file", got=reason) from error
    _check_size(len(held), str(path))
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = held[: error.start].count(b"\n") + 1
        raise ConfigError.of(f"{path}:{line}", "be UTF-8 text") from error


def parse_document(text: str, *, source: str) -> Document:
    """Parse YAML text.

    Raises:
        ConfigError: with every fault that leaves the tree in doubt.
    """
    _check_size(len(text), source)
    try:
        node = _Loader(text, source).get_single_node()
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # half a surrogate, for one
        raise _syntax_error(error, text=text, source=source) from error
    builder = _Builder(source)
    tree = None if node is None else builder.build(node, ())
    if builder.faults:
        raise ConfigError(builder.faults)
    return Document(source, tree, builder.places)


def write_yaml(tree: Any) -> str:
    """Return plain values as YAML that `parse_document` reads back as they are."""
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def _check_size(size: int, source: str) -> None:
    if size > MAX_BYTES:
        must = f"hold at most {MAX_BYTES:,} bytes; data can have a file of their own"
        raise ConfigError.of(source, must)


def _syntax_error(error: Exception, *, text: str, source: str) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", 0)
    line = mark.line + 1 if mark else text[:position].count("\n") + 1
    line = min(line, len(text.splitlines()))  # of what is missing, libyaml says the line after all
    problem = getattr(error, "problem", None) or getattr(error, "reason", "unreadable text")
    return ConfigError.of(f"{source}:{line}", "be valid YAML", got=problem)


class _Loader(Composer, CParser, Resolver):
    """Composes nodes, refusing too many as soon as they are.

    Plain scalars are resolved as YAML 1.2 does: `1e-7` is a number, `on` and `no` are text.
    """

    def __init__(self, text: str, source: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        Resolver.__init__(self)
        self._source = source
        self._nodes = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._nodes += 1
        self._depth += 1
        if self._nodes > MAX_RAW_NODES:
            raise self._refused(TOO_MANY)
        if self._depth > MAX_DEPTH + 1:
            raise self._refused(TOO_DEEP)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refused(self, must: str) -> ConfigError:
        mark = getattr(self.peek_event(), "start_mark", None)
        return ConfigError.of(f"{self._source}:{mark.line + 1}" if mark else self._source, must)


_Loader.yaml_implicit_resolvers = {}

_SCALARS = {
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)"
    r"|\.(nan|NaN|NAN)",
    "merge": r"<<",
    "null": r"~|null|Null|NULL|",
}
for _kind, _pattern in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), None)


class _Dumper(yaml.SafeDumper):
    """Quotes text that `_Loader` would take for something else."""


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


class _Builder:
    """Turns nodes into plain values, noting places and faults."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: dict[TreePath, str] = {}
        self.faults: list[Fault] = []
        self._nodes = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: TreePath) -> Any:
        self._nodes += 1
        place = self.places.setdefault(path, f"{self.source}:{node.start_mark.line + 1}")
        if self._nodes > MAX_NODES:
            raise ConfigError.of(place, TOO_MANY)
        if id(node) in self._open:
            self._fault(node, path, "not contain itself through an alias")
            return None
        if len(self._open) >= MAX_DEPTH:
            self._fault(node, path, TOO_DEEP)
            return None
        self._open.add(id(node))
        value = self._value(node, path)
        self._open.discard(id(node))
        return value

    def _value(self, node: yaml.Node, path: TreePath) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: TreePath) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for base in self._bases(value, path):
                    merged = self._mapping(base, path) | merged
            elif not isinstance(key, yaml.ScalarNode):
                self._fault(key, path, "have keys that are plain text")
            elif key.value in tree:
                self._fault(key, (*path, key.value), "be given once", got="a duplicate key")
            else:
                self.places[*path, key.value] = f"{self.source}:{key.start_mark.line + 1}"
                tree[key.value] = self.build(value, (*path, key.value))
        return merged | tree

    def _bases(self, node: yaml.Node, path: TreePath) -> Iterator[yaml.MappingNode]:
        """Yield the mappings that a merge key names, unless one holds the key itself."""
        for base in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            self._nodes += 1
            if not isinstance(base, yaml.MappingNode) or id(base) in self._open:
                self._fault(node, path, "merge (<<) only other mappings")
            else:
                self._open.add(id(base))
                yield base
                self._open.discard(id(base))

    def _scalar(self, node: yaml.Node, path: TreePath) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_TAG)
        try:
            return _convert(text, kind)
        except (ValueError, OverflowError):
            shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
            must = "be text, a number, true, false or null"
            if kind == "int":
                must = f"be a whole number of at most {MAX_DIGITS:,} digits"
            self._fault(node, path, must, got=f"{node.tag} {shown}")
            return None

    def _fault(self, node: yaml.Node, path: TreePath, must: str, *, got: str | None = None) -> None:
        where = f"{self.source}:{node.start_mark.line + 1}"
        self.faults.append(Fault(where=where, key=dotted(path), must=must, got=got))


def is_too_long(number: int) -> bool:
    """Return whether a whole number has more digits than Python writes out."""
    return abs(number) >= _TOO_LONG


def _convert(text: str, kind: str) -> str | int | float | bool | None:
    """Return the value of a scalar; raises ValueError where the text is not of its kind."""
    match kind:
        case "str" | "merge":
            return text
        case "int":
            number = int(text, 0) if text.startswith(("0o", "0x")) else int(text)
            if is_too_long(number):
                raise ValueError(text)
            return number
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        case "bool" if text.lower() in ("true", "false"):
            return text.lower() == "true"
        case "null":
            return None
    raise ValueError(kind)
