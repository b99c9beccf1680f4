"""One grid of a sweep: every combination of its axes.

A trial is known by its position until it is needed: identities, pack keys and the rest are computed
for all positions at once from what each axis contributes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain, compress, groupby, product
from math import prod
from operator import itemgetter

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt64

from sweep.config.grids.conditions import Rule
from sweep.config.grids.matching import matching_rules
from sweep.config.grids.product import AxisProduct, GridAxis
from sweep.trial import PARAMETERS, Scope, identity_lines

Key = tuple[object, ...]
DEFAULTS = {
    name: None if item.default is MISSING else item.default for name, item in PARAMETERS.items()
}
"""What columns hold that no axis fills; those without a default are filled by some."""


@dataclass(frozen=True)
class TrialProduct:
    """One grid of a sweep: its axes and the rules that drop combinations."""

    source: AxisProduct

    @cached_property
    def axes(self) -> tuple[GridAxis, ...]:
        """The axes, those with a single value made one."""
        single = [axis for axis in self.source.axes if len(axis.values) == 1]
        varying = [axis for axis in self.source.axes if len(axis.values) != 1]
        if not single:
            return tuple(varying)
        values = single[0].values[0]
        for axis in single[1:]:
            values = values.joined(axis.values[0])
        names = tuple(name for axis in single for name in axis.names)
        return (GridAxis(names, (values,)), *varying)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    def __len__(self) -> int:
        return prod(self.sizes)

    @cached_property
    def kept(self) -> Bool[np.ndarray, " combinations"]:
        """Whether each combination, the last axis varying fastest, is a trial."""
        return ~self.holds_any(self.source.rules)

    def holds_any(self, rules: Collection[Rule]) -> Bool[np.ndarray, " combinations"]:
        """Return whether any of the rules holds for each combination."""
        return matching_rules(rules, self.axes)

    def columns(self, positions: Int64[np.ndarray, " positions"]) -> Iterator[Mapping[str, object]]:
        """Yield a value for every column of the trials at these positions of the product."""
        places = [part.tolist() for part in np.unravel_index(positions, self.sizes)]
        parts = [
            {place: axis.values[place].columns for place in set(there)}
            for axis, there in zip(self.axes, places, strict=True)
        ]
        for row in zip(*places, strict=True):
            columns = dict(DEFAULTS)
            for part, place in zip(parts, row, strict=True):
                columns |= part[place]
            yield columns

    def identities(self) -> tuple[UInt64[np.ndarray, " kept"], UInt64[np.ndarray, " kept"]]:
        """Return the trial and path identities of the combinations kept, as numbers."""
        kept = self.kept.tolist()
        paths = compress(self._texts(Scope.PATH), kept)
        stops = compress(self._texts(Scope.STOP), kept)
        trial_digests, path_digests = bytearray(), bytearray()
        for path, stop in zip(paths, stops, strict=True):
            digest = sha256(path[1:].encode())
            path_digests += digest.digest()[:8]
            trial = digest.hexdigest()[:16] + stop
            trial_digests += sha256(trial.encode()).digest()[:8]
        return _numbers(trial_digests), _numbers(path_digests)

    def _texts(self, scope: Scope) -> Iterator[str]:
        """Yield for each combination what identity hashes, a line break before every line.

        The lines of a trial are sorted by column; each axis gives its own columns' lines in pieces
        that fit between the other axes' columns, so that a trial's text is a plain join.
        """
        owner = {column: i for i, axis in enumerate(self.axes) for column in axis.columns}
        columns = [c for c, item in PARAMETERS.items() if item.metadata["scope"] is scope]
        ordered = sorted((c for c in columns if c in owner), key=lambda c: c + "=")
        runs = [(i, tuple(run)) for i, run in groupby(ordered, key=owner.__getitem__)]
        mine = [[run for i, run in runs if i == axis] for axis in range(len(self.axes))]
        starts = np.cumsum([0, *map(len, mine)]).tolist()
        order = [
            starts[axis] + [i for i, _ in runs[:position]].count(axis)
            for position, (axis, _) in enumerate(runs)
        ]
        pieces = [
            [_pieces(value.columns, own, scope) for value in axis.values]
            if own
            else [()] * len(axis.values)
            for axis, own in zip(self.axes, mine, strict=True)
        ]
        blank = starts[-1]
        pick = itemgetter(*order, blank, blank)
        rows = product(*pieces, [("",)])
        return map("".join, map(pick, map(tuple, map(chain.from_iterable, rows))))

    def codes(self, names: Sequence[str]) -> tuple[Int64[np.ndarray, " combinations"], list[Key]]:
        """Return for each combination a number that stands for its values in these columns.

        Returns:
            The numbers, and the values (in the order of `names`) that each number stands for.
        """
        code = np.zeros(1, np.int64)
        classes: list[list[Mapping[str, object]]] = []
        for axis in self.axes:
            parts, each = _classes(axis, names)
            code = np.add.outer(code * len(parts), each).reshape(-1)
            classes.append(parts)
        found, code = np.unique(code, return_inverse=True)
        sizes = tuple(map(len, classes))
        keys = []
        for number in found:
            columns: dict[str, object] = {}
            for parts, place in zip(classes, np.unravel_index(number, sizes), strict=True):
                columns |= parts[int(place)]
            keys.append(tuple(columns.get(n, PARAMETERS[n].default) for n in names))
        return code.reshape(-1), keys

    def numbers(self, column: str) -> Float64[np.ndarray, " combinations"]:
        """Return a numeric column for every combination, 0 where it has no value."""
        code, keys = self.codes([column])
        values = [key[0] if isinstance(key[0], int | float) else 0.0 for key in keys]
        return np.asarray(np.array(values, np.float64)[code])


def _classes(
    axis: GridAxis, names: Sequence[str]
) -> tuple[list[Mapping[str, object]], Int64[np.ndarray, " values"]]:
    """Return the distinct parts that these columns see of an axis, and which each value has."""
    own = [name for name in names if name in axis.columns]
    if not own:
        return [{}], np.zeros(len(axis.values), np.int64)
    seen: dict[Key, int] = {}
    parts: list[Mapping[str, object]] = []
    each = []
    for value in axis.values:
        part = {name: value.columns[name] for name in own if name in value.columns}
        each.append(seen.setdefault(tuple(part.items()), len(seen)))
        if each[-1] == len(parts):
            parts.append(part)
    return parts, np.array(each, np.int64)


def _numbers(digests: bytearray) -> UInt64[np.ndarray, " digests"]:
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _pieces(
    columns: Mapping[str, object], runs: Sequence[Sequence[str]], scope: Scope
) -> tuple[str, ...]:
    pieces = []
    for run in runs:
        values = {column: columns[column] for column in run if column in columns}
        pieces.append("".join(f"\n{line}" for line in identity_lines(values, scope)))
    return tuple(pieces)
