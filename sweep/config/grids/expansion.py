"""Turns a sweep into axes of values that combine freely."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, replace
from functools import reduce
from itertools import islice

from sweep.components.networks import OWN
from sweep.config.grids.conditions import parse_rule
from sweep.config.grids.constraints import Constraints, interacting
from sweep.config.grids.intervals import interval_problems
from sweep.config.grids.product import AxisProduct, GridAxis
from sweep.config.grids.unknown_values import unknown_values
from sweep.config.grids.values import AxisValue, Problem, Seeds, problems_of, spread
from sweep.config.parameters.axis import MAX_WHOLE
from sweep.config.parameters.columns import NAMES
from sweep.config.parameters.interval import Interval
from sweep.config.scheduler import scheduler_problems
from sweep.config.size import combination_problems, size_problems
from sweep.config.sweepfile import Fixed, Grid, SweepConfig
from sweep.config.yaml_source import TreePath
from sweep.datasets import DatasetSpec
from sweep.trial import PARAMETERS

DEFAULTS: dict[str, object] = {
    name: PARAMETERS[name].default
    for name in NAMES
    if name in PARAMETERS and PARAMETERS[name].default is not MISSING
} | {"seed": 0, "sample_order": None, "dtype": "float32"}
"""What parameters are where the sweep file leaves them out; `sample_order` follows `batch_size`."""
MAX_PROBLEMS = 100
DECIDED = ("activation", "output_activation", "initialiser")
"""What must be given of a perceptron, and is `OWN` where a user's network decides it."""
PERCEPTRON = (
    *DECIDED,
    "bias_constant",
    "tied_weights",
    "biases",
    "normalisation",
    "skip",
    "flat_spot",
    "hidden_dropout",
    "contractive_penalty",
    "sparsity",
    "pretraining",
)
"""What only makes sense of perceptrons."""


@dataclass(frozen=True)
class Expansion:
    """An expanded sweep.

    Attributes:
        products: its grids. problems: what is wrong with them.
        datasets: how to load the data of each fingerprint.
        choices: of a search, each grid before the axes that constrain each other were joined.
    """

    products: tuple[AxisProduct, ...]
    problems: tuple[Problem, ...]
    datasets: Mapping[str, DatasetSpec]
    choices: tuple[AxisProduct, ...] = ()


def expand_config(config: SweepConfig) -> Expansion:
    """Spread a sweep into axes that combine; ask for `config.expansion`, which does so once.

    What it would come to is counted first, and refused where it is too much. Everything else is
    judged on the values of axes that interact, never on the whole product.
    """
    constraints = Constraints()
    problems = [*size_problems(config), *islice(interval_problems(config), MAX_PROBLEMS)]
    if problems:
        return Expansion((), tuple(problems), {})
    shared = _shared(config, problems)
    products: list[AxisProduct] = []
    choices: list[AxisProduct] = []
    for index, grid in enumerate(config.grid):
        if len(problems) < MAX_PROBLEMS:
            product = _product(grid, shared, ("grid", index), problems)
            if config.search:
                product = replace(product, axes=tuple(map(_placed, product.axes)))
                choices.append(product)
            searched = config.search is not None
            products.append(
                _settled(product, grid, ("grid", index), constraints, problems, searched=searched)
            )
    if len(products) > 1 and not problems and not config.search:
        problems += combination_problems(sum(map(len, products)), 0, ("grid",))
    where = config.resources.gpu.where if config.resources.gpu else []
    path = ("resources", "gpu", "where")
    unknown = unknown_values(where, path, products=products, datasets=constraints.datasets)
    problems.extend(islice(unknown, MAX_PROBLEMS))
    if config.scheduler:
        problems += scheduler_problems(
            config.scheduler, config.search, config.record, constraints.datasets
        )
    found = tuple(dict.fromkeys(problems))
    return Expansion(tuple(products), found, constraints.datasets, tuple(choices))


def _shared(config: SweepConfig, problems: list[Problem]) -> dict[str, GridAxis]:
    """Return the parameters of all grids: fixed ones, and the data and stop rules."""
    axes = _axes(config.fixed, ("fixed",), problems)
    for name, axis in axes.items():
        if len(axis.values) > 1:
            hint, got = "put what should vary in grid", f"{len(axis.values)} values"
            path = ("fixed", name)
            problems.append(Problem(path=path, must="hold one value", got=got, hint=hint))
    for name in ("dataset", "convergence"):
        given = getattr(config, name)
        if given is None:
            continue
        if name in axes:
            problems.append(Problem(path=(name,), must=f"be given once, not also as fixed.{name}"))
        axes[name] = _axis(name, given, (name,), problems)
    return axes


def _axes(parameters: Fixed | Grid, path: TreePath, problems: list[Problem]) -> dict[str, GridAxis]:
    given = {name: getattr(parameters, name) for name in NAMES}
    return {
        name: _axis(name, values, (*path, name), problems)
        for name, values in given.items()
        if values is not None
    }


def _axis(name: str, values: Sequence[object], path: TreePath, problems: list[Problem]) -> GridAxis:
    found = []
    for index, value in enumerate(values):
        for columns in spread(name, value):
            problems.extend(problems_of(columns, (*path, index)))
            found.append(AxisValue(columns, {name: (*path, index)}))
    return GridAxis((name,), tuple(found))


def _product(
    grid: Grid,
    shared: Mapping[str, GridAxis],
    path: TreePath,
    problems: list[Problem],
) -> AxisProduct:
    """Return the axes of a grid, as given."""
    varying = _axes(grid, path, problems)
    for name in varying.keys() & shared.keys():
        must = "be in grid or be fixed, not both"
        problems.append(Problem(path=(*path, name), must=must))
    base = {**shared, **varying}
    if grid.replicates is not None:
        base["seed"] = varying["seed"] = _seeds(grid, shared, path, problems)
    if "network" in base:
        problems.extend(_own_problems(base))
        varying = {n: axis for n, axis in varying.items() if n not in ("topology", *PERCEPTRON)}
        base = {name: axis for name, axis in base.items() if name not in PERCEPTRON}
        base |= {name: _sole(name, OWN, path) for name in DECIDED}
        base["topology"] = _sole("topology", (), path)  # known once the network is made
    for name in (name for name in NAMES if name not in base):
        if name in DEFAULTS:
            base[name] = _sole(name, DEFAULTS[name], path)
        else:
            must = "be given, in fixed or in grid"
            problems.append(Problem(path=path[:1], key=name, must=must))
    axes = _zipped(grid, base, varying, path, problems)
    return AxisProduct(tuple(axes), tuple(map(parse_rule, grid.exclude)))


def _placed(axis: GridAxis) -> GridAxis:
    """Return an axis whose values know their places in it."""
    if isinstance(axis.values, Seeds):
        return axis
    places = (dict.fromkeys(axis.names, place) for place in range(len(axis.values)))
    values = zip(axis.values, places, strict=True)
    return GridAxis(axis.names, tuple(replace(value, places=place) for value, place in values))


def _settled(
    product: AxisProduct,
    grid: Grid,
    path: TreePath,
    constraints: Constraints,
    problems: list[Problem],
    *,
    searched: bool,
) -> AxisProduct:
    """Return a grid with the axes that constrain each other joined, and note what is wrong."""
    found: list[Problem] = []
    settled = _bound(product, constraints, found)
    excluded = (*path, "exclude")
    entries = len(grid.exclude)
    too_many = [] if searched else combination_problems(len(settled), entries, excluded)
    if too_many:
        problems.extend(found + too_many)
        return settled
    found += islice(constraints.clashes(settled), MAX_PROBLEMS)
    either = [product, settled]  # a batch of all samples goes by its size as well as by null
    unknown = unknown_values(grid.exclude, excluded, products=either, datasets=constraints.datasets)
    found += islice(unknown, MAX_PROBLEMS)
    if not found and grid.exclude and not searched and settled.is_empty:
        found.append(Problem(path=excluded, key="grid", must="leave at least one trial"))
    problems.extend(found)
    return settled


def _sole(name: str, value: object, path: TreePath) -> GridAxis:
    return GridAxis((name,), (AxisValue({name: value}, {name: path}),))


def _own_problems(base: Mapping[str, GridAxis]) -> Iterator[Problem]:
    """Yield the problem of parameters that a user's network has no use for."""
    path = base["network"].values[0].paths["network"][:-1]
    given = [name for name in PERCEPTRON if name in base]
    if "topology" in base:
        yield Problem(path=path, must="stand in place of topology, not beside it")
    if given:
        hint = "its own code decides them; of other grids' networks say them there, not in fixed"
        must = "stand without what is said of perceptrons alone"
        yield Problem(path=path, must=must, got=", ".join(given), hint=hint)


def _seeds(
    grid: Grid, shared: Mapping[str, GridAxis], path: TreePath, problems: list[Problem]
) -> GridAxis:
    if grid.seed is not None:
        must = "not stand beside a list of seeds"
        problems.append(Problem(path=(*path, "replicates"), must=must))
    first = shared["seed"].values[0].columns["seed"] if "seed" in shared else 0
    assert isinstance(first, int)
    assert grid.replicates is not None
    paths = {"seed": (*path, "replicates")}
    last = first + grid.replicates - 1
    if last > MAX_WHOLE:
        must = f"have a last seed <= {MAX_WHOLE}"
        problems.append(Problem(path=paths["seed"], must=must, got=f"seeds from {first} to {last}"))
    return GridAxis(("seed",), Seeds(range(first, first + grid.replicates), paths))


def _zipped(
    grid: Grid,
    base: Mapping[str, GridAxis],
    varying: Mapping[str, GridAxis],
    path: TreePath,
    problems: list[Problem],
) -> list[GridAxis]:
    """Return the axes, with those that are zipped joined into one."""
    zipped: dict[str, None] = {}
    axes = []
    for index, names in enumerate(grid.zip):
        found = list(_zip_problems(names, zipped, varying, (*path, "zip", index)))
        zipped |= dict.fromkeys(names)
        problems.extend(found)
        parts = [base[name] for name in names if name in base]
        if not found:
            rows = zip(*(part.values for part in parts), strict=True)
            axes.append(
                GridAxis(tuple(names), tuple(reduce(AxisValue.joined, row) for row in rows))
            )
        else:
            axes.extend(parts)
    return [*(axis for name, axis in base.items() if name not in zipped), *axes]


def _zip_problems(
    names: Sequence[str], zipped: Iterable[str], varying: Mapping[str, GridAxis], path: TreePath
) -> Iterator[Problem]:
    unknown = [name for name in names if name not in varying]
    if unknown:
        yield Problem(path=path, must="name parameters of this grid", got=", ".join(unknown))
    elif len(set(names)) < len(names) or set(names) & set(zipped):
        yield Problem(path=path, must="name each parameter once", got=", ".join(names))
    elif len({len(varying[name].values) for name in names}) > 1:
        got = ", ".join(f"{name} has {len(varying[name].values)}" for name in names)
        yield Problem(path=path, must="name parameters with equally many values", got=got)


def _bound(product: AxisProduct, constraints: Constraints, problems: list[Problem]) -> AxisProduct:
    """Join the axes that constrain each other, and complete their columns."""
    axes = list(product.axes)
    for names in interacting({name: axis.values for axis in axes for name in axis.names}):
        parts = [axis for axis in axes if set(axis.names) & set(names)]
        joint = tuple(name for part in parts for name in part.names)
        known = GridAxis(joint, ()).columns - _drawn_columns(parts)
        rules = [rule for rule in product.rules if rule.columns <= known]
        bound = tuple(constraints.bind(parts, rules, problems))
        axes = [axis for axis in axes if axis not in parts] + [GridAxis(joint, bound)]
    return AxisProduct(tuple(axes), product.rules)


def _drawn_columns(axes: Iterable[GridAxis]) -> frozenset[str]:
    """Return the columns of which a value is an interval: what rules say of it shows when drawn."""
    values = (value for axis in axes for value in axis.values)
    return frozenset(n for v in values for n, c in v.columns.items() if isinstance(c, Interval))
