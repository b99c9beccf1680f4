"""Proposes points by Optuna's samplers, in an order that decides everything they do.

What a sampler proposes depends on the order of questions and answers alone, never on time: whoever
keeps to one order gets the same proposals again. Optuna is an extra, imported when it is used.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sweep.config.search import Search
from sweep.errors import SweepError
from sweep.search.dimensions import Dimension
from sweep.search.grid_space import Point
from sweep.search.objectives import Judge, Values
from sweep.search.space import Space

MOST_TRIES = 200
"""Proposals that exclude drops, one after the other, before the search ends."""
LEAST_BATCH = 4
BATCH = {"tpe": 64, "gp": 8, "cmaes": 16, "nsga2": 64}
"""Points proposed at a time, at most; cmaes and gp lose more by large batches."""
POPULATION = 32
"""Of nsga2: of one generation, from whose best the next is bred."""


def batch_size(search: Search, proposed: int) -> int:
    """Return how many points to propose after so many.

    Left out, batches grow with what there is to learn from, whatever the budget, which may grow
    later; those of cmaes are its generations.
    """
    most = BATCH[str(search.optuna)]
    if search.batch is not None:
        return search.batch
    return most if search.optuna == "cmaes" else min(most, max(LEAST_BATCH, proposed // 8))


@dataclass(frozen=True)
class Proposal:
    """A point that was proposed, under Optuna's number."""

    number: int
    point: Point


class Proposer:
    """A study of Optuna over a space.

    Args:
        space: what to propose points of.
        search: the sampler, and its seed.
        judge: what points are judged by.

    Raises:
        SweepError: Optuna is not installed.
    """

    def __init__(self, space: Space, search: Search, judge: Judge) -> None:
        self._space, self._judge = space, judge
        with _quiet():
            optuna = _optuna()
            optuna.logging.set_verbosity(optuna.logging.ERROR)
            self._study = optuna.create_study(
                sampler=_sampler(search), directions=["minimize"] * len(judge.objectives)
            )

    def propose(self, count: int) -> list[Proposal]:
        """Return so many points, fewer where exclude leaves hardly any."""
        with _quiet():
            found = (self._ask() for _ in range(count))
            return [proposal for proposal in found if proposal is not None]

    def learn(self, chosen: Mapping[Dimension, float], values: Values) -> None:
        """Learn what a point came to that was not proposed here."""
        with _quiet():
            params = {d.name: _external(d, value) for d, value in chosen.items()}
            known = {d.name: _distribution(d) for d in chosen}
            create = _optuna().trial.create_trial
            self._study.add_trial(create(params=params, distributions=known, values=list(values)))

    def tell(self, results: Iterable[tuple[Proposal, Values]]) -> None:
        """Learn what points came to."""
        with _quiet():
            for proposal, values in results:
                self._study.tell(proposal.number, list(values))

    def _ask(self) -> Proposal | None:
        for _ in range(MOST_TRIES):
            trial = self._study.ask()
            point = self._space.choose(partial(_suggest, trial))
            if self._space.kept([point])[0]:
                return Proposal(trial.number, point)
            self._study.tell(trial, list(self._judge.worst))
        return None


def _suggest(trial: Any, dimension: Dimension) -> float:
    """Return what a trial of Optuna has for a dimension."""
    interval = dimension.interval
    if interval is None:
        places = list(range(len(dimension.options)))
        return int(trial.suggest_categorical(dimension.name, places))
    if interval.whole:
        low, high = int(interval.low), int(interval.high)
        return int(trial.suggest_int(dimension.name, low, high, log=interval.log))
    drawn = trial.suggest_float(dimension.name, interval.low, interval.high, log=interval.log)
    return interval.nearest(drawn)


def _distribution(dimension: Dimension) -> Any:
    """Return what `_suggest` asks Optuna for."""
    distributions, interval = _optuna().distributions, dimension.interval
    if interval is None:
        return distributions.CategoricalDistribution(range(len(dimension.options)))
    if interval.whole:
        low, high = int(interval.low), int(interval.high)
        return distributions.IntDistribution(low, high, log=interval.log)
    return distributions.FloatDistribution(interval.low, interval.high, log=interval.log)


def _external(dimension: Dimension, value: float) -> float:
    return value if dimension.interval and not dimension.interval.whole else int(value)


def _sampler(search: Search) -> Any:
    """Return a sampler; what Optuna's versions have different defaults for is said."""
    samplers = _optuna().samplers
    seed = search.seed % 2**32
    match search.optuna:
        case "tpe":
            # Multivariate, it keeps to one combination of choices from the first good points on.
            return samplers.TPESampler(seed=seed, multivariate=False, constant_liar=True)
        case "gp":
            return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        case "cmaes":
            size = max(LEAST_BATCH, batch_size(search, 0))
            return samplers.CmaEsSampler(seed=seed, popsize=size, warn_independent_sampling=False)
        case _:
            return samplers.NSGAIISampler(seed=seed, population_size=POPULATION)


def _optuna() -> Any:
    try:
        import cmaes  # noqa: F401
        import optuna
    except ModuleNotFoundError as error:
        raise SweepError(
            "search.optuna must have Optuna to ask (got none; pip install "
            "'autoencoder-sweep[search]', or search with random or sobol points)"
        ) from error
    return optuna


def _quiet() -> "warnings.catch_warnings[None]":
    """Keep to itself what Optuna warns of: experimental parts, and infinite values."""
    return warnings.catch_warnings(action="ignore")
