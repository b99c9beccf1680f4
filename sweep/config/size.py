"""Counts the trials of a sweep before it is expanded, from the lengths of its lists alone."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from sweep.config.grids.constraints import MEETING
from sweep.config.grids.values import Problem
from sweep.config.parameters.axis import Block
from sweep.config.parameters.choice import Choice
from sweep.config.parameters.columns import NAMES
from sweep.config.parameters.components import Convergence
from sweep.config.parameters.data_sets import OneHot, PluginDataset, Source, Uniform
from sweep.config.sweepfile import Fixed, Grid, SweepConfig
from sweep.config.yaml_source import TreePath
from sweep.datasets.arrays import MAX_GENERATED as MAX_ONE

MAX_COMBINATIONS = 10_000_000
MAX_MEETINGS = 100_000
MAX_DATASETS = 1_000
MAX_GENERATED = 40_000_000
MAX_DROPPED = 200_000_000
READABLE = 10**15
SPLIT = "split the sweep"


def size_problems(config: SweepConfig) -> Iterator[Problem]:
    """Yield the problems of a sweep that is too large, from the lengths of its lists alone.

    The combinations are counted as if everything that meets in the data were one, since what of
    that is left shows only once the data are known.
    """
    shared = _axes(config.fixed) | {
        name: values
        for name, values in (("dataset", config.dataset), ("convergence", config.convergence))
        if values is not None
    }
    combinations = meetings = 0
    for index, grid in enumerate(config.grid):
        free, met = _counts(grid, shared)
        if config.search:
            free = config.search.budget * _seeds(grid, shared)
            combinations = max(combinations, free)
        else:
            combinations += free
        meetings += met
        if combinations <= MAX_COMBINATIONS:
            path = ("grid", index, "exclude")
            yield from combination_problems(free, len(grid.exclude), path)
    wheres = config.resources.gpu.where if config.resources.gpu else []
    yield from combination_problems(combinations, len(wheres), ("resources", "gpu", "where"))
    if meetings > MAX_MEETINGS:
        yield Problem(
            path=("grid",),
            must=f"have dataset, topology, batch_size and sample_order, and what is zipped with "
            f"them, meet in at most {MAX_MEETINGS:,} ways",
            got=_written(meetings),
            hint=SPLIT,
        )
    yield from _data_problems(config, shared)


def combination_problems(combinations: int, entries: int, path: TreePath) -> list[Problem]:
    """Return the problem of too many combinations for so many lists of conditions.

    Args:
        combinations: of a grid, or of all.
        entries: lists of conditions.
        path: where these stand.
    """
    if combinations > MAX_COMBINATIONS:
        must, got = f"hold at most {MAX_COMBINATIONS:,} combinations", _written(combinations)
        return [Problem(path=("grid",), key="grid", must=must, got=got, hint=SPLIT)]
    if combinations * entries > MAX_DROPPED:
        most = MAX_DROPPED // combinations
        must = f"hold at most {most:,} entries for {combinations:,} combinations"
        return [Problem(path=path, must=must, got=f"{entries:,}")]
    return []


def _axes(block: Fixed | Grid) -> dict[str, Sequence[object]]:
    given = {name: getattr(block, name) for name in NAMES}
    return {name: values for name, values in given.items() if values is not None}


def _counts(grid: Grid, shared: Mapping[str, Sequence[object]]) -> tuple[int, int]:
    """Return the combinations of independent axes, and those of axes tied by the data."""
    own = {name: sum(map(_count, values)) for name, values in _axes(grid).items()}
    sizes = {name: sum(map(_count, values)) for name, values in shared.items()} | own
    if grid.replicates is not None:
        sizes["seed"] = own["seed"] = grid.replicates
    free = met = 1
    for names in [*grid.zip, *([name] for name in sizes)]:
        counts = {sizes.pop(name) for name in names if name in sizes}
        if len(counts) > 1:
            continue  # a fault of its own
        factor = next(iter(counts), 1)
        if set(names) & MEETING:
            met *= factor
        else:
            free *= factor
    return free, met


def _seeds(grid: Grid, shared: Mapping[str, Sequence[object]]) -> int:
    """Return how many trials a point of a search is, at least."""
    return grid.replicates or len(grid.seed or shared.get("seed", (0,)))


def _count(value: object) -> int:
    """Return how many values one becomes, its options combined."""
    if isinstance(value, Source):
        return _count_data(value)
    if isinstance(value, Choice | Convergence):
        return _count_options(value)
    return 1


def _count_options(block: Block) -> int:
    options = (getattr(block, name) for name in type(block).model_fields if name != "name")
    return prod(
        _count_options(option) if isinstance(option, Block) else len(option)
        for option in options
        if option is not None
    )


def _count_data(source: Source) -> int:
    if isinstance(source, PluginDataset):
        return _count_variations(source)
    apart = ("name", *source.lists, *Source.model_fields)
    options = [getattr(source, name) for name in type(source).model_fields if name not in apart]
    return _count_variations(source) * prod(len(o) for o in options if o is not None)


def _count_variations(source: Source) -> int:
    options = [getattr(source, name) for name in Source.model_fields if name != "name"]
    return prod(len(option) for option in options if option is not None)


def _data_problems(
    config: SweepConfig, shared: Mapping[str, Sequence[object]]
) -> Iterator[Problem]:
    """Yield too many data sets, or too many numbers to generate for them, as asked for in all."""
    places: list[tuple[TreePath, Sequence[object]]] = [(("dataset",), shared.get("dataset", ()))]
    places += [(("grid", i, "dataset"), grid.dataset or ()) for i, grid in enumerate(config.grid)]
    everywhere = [config.fixed, *config.grid]
    widths = {t[0] for block in everywhere for t in block.topology or ()}
    sets = numbers = 0
    for path, sources in places:
        for source in sources:
            assert isinstance(source, Source)
            sets += _count_data(source) * (len(widths) if _takes_width(source) else 1)
            numbers += _generated(source, widths)
        if sets > MAX_DATASETS:
            must, got = f"be at most {MAX_DATASETS:,} data sets in all", _written(sets)
            yield Problem(path=path, must=must, got=got, hint=SPLIT)
            return
        if numbers > MAX_GENERATED:
            must = f"generate at most {MAX_GENERATED:,} numbers in all"
            yield Problem(path=path, must=must, got=_written(numbers), hint=SPLIT)
            return


def _takes_width(source: Source) -> bool:
    return isinstance(source, OneHot) and source.size is None


def _generated(source: Source, widths: set[int]) -> int:
    common = _count_variations(source)
    if isinstance(source, OneHot):
        sizes = (size * size for size in source.size or widths)
        return common * sum(size for size in sizes if size <= MAX_ONE)  # others are never made
    if isinstance(source, Uniform):
        copies = len(source.low) * len(source.high) * len(source.seed)
        return common * copies * sum(source.samples) * sum(source.features)
    return 0


def _written(count: int) -> str:
    """Write a count for people, however large."""
    return f"{count:,}" if count < READABLE else f"more than {READABLE:,}"
