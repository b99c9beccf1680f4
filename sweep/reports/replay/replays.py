"""What a scheduler or another stop rule would have saved and lost, from curves. Trains nothing.

Every curve keeps the loss at rungs, so a scheduler's decisions are those that it would have made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int64

from sweep.config.scheduler import Rungs
from sweep.ladder import Rung
from sweep.reports.rejudging import describe_rung, read_ladder_of
from sweep.reports.replay.courses import Courses, courses_by_rule, courses_of
from sweep.reports.replay.replayable import Scale, read_replayable
from sweep.scheduling.rungs import first_rungs, rule_of
from sweep.store.places.layout import ResultsDir

TOP = 0.1
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Replayed:
    """What came of one replay.

    Attributes:
        saved: share of epochs not trained.
        winner_kept: whether the setting of the least loss is the one that is chosen.
        top_kept: share of the best tenth, one at least, that trained to the end.
        regret: loss of what is chosen less the least of all.
    """

    saved: float
    winner_kept: float
    top_kept: float
    regret: float


def replay(courses: Courses, scheduler: Rungs | None) -> Replayed:
    """Replay a scheduler; None where each setting ends by its own rule."""
    n_rungs = courses.values.shape[1]
    reached = np.full(len(courses.whole), n_rungs)
    if scheduler is not None:
        reached = _reached(courses, scheduler)
    costs = courses.costs[np.arange(len(reached)), reached]
    kept = (reached == n_rungs) | (costs >= courses.whole)  # what ended before its rung has its row
    least = courses.finals.min()
    chosen = np.where(kept, courses.ends, np.inf)
    found = courses.ends[chosen.argmin()] if kept.any() else np.inf
    final = courses.finals[chosen.argmin()] if kept.any() else np.inf
    top = np.argsort(courses.finals, kind="stable")[: max(1, round(TOP * len(kept)))]
    return Replayed(
        saved=float(1 - costs.sum() / courses.whole.sum()),
        winner_kept=float(final == least),
        top_kept=float(kept[top].mean()),
        regret=float(found - least) if np.isfinite(least) else 0.0,
    )


def resample(
    courses: Courses, scheduler: Rungs | None, *, resamples: int, seed: int
) -> list[Replayed]:
    """Replay samples of the settings, drawn with replacement, in random orders and brackets."""
    rng, n = np.random.default_rng(seed), len(courses.whole)
    return [
        replay(courses.take(rng.integers(n, size=n), rng.random(n)), scheduler)
        for _ in range(resamples)
    ]


def summarise(whole: Replayed, drawn: Sequence[Replayed]) -> dict[str, float]:
    """Return what came of a replay, with 95% intervals over resamples where there are any."""
    columns: dict[str, float] = {}
    for name, value in vars(whole).items():
        columns[name] = value
        if drawn:
            values = np.array([getattr(one, name) for one in drawn])
            if name == "winner_kept":
                columns["winner_kept_share"] = float(values.mean())
            else:
                low, high = np.percentile(values, INTERVAL)
                columns |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return columns


def replays(
    directory: ResultsDir,
    schedulers: Sequence[Rungs],
    rung: Rung | None,
    *,
    resamples: int,
    seed: int,
) -> tuple[pd.DataFrame, int]:
    """Replay schedulers, and a rule of the ladder, on the trials of a table.

    Args:
        directory: the results.
        schedulers: those to replay.
        rung: the rule; None for none.
        resamples: samples of the settings for intervals.
        seed: key of their draw.

    Returns:
        A row for each scale and each of them; how many trials did not end by themselves.

    Raises:
        StoreError: the results do not tell.
    """
    held = read_replayable(directory)
    ladder = pd.DataFrame() if rung is None else read_ladder_of(directory, rung)
    rows = []
    for scale in held.scales():
        first = scale.trials.iloc[0]
        for name, scheduler, courses in _asked(scale, schedulers, rung, ladder):
            drawn = resample(courses, scheduler, resamples=resamples, seed=seed)
            about = {"replayed": name, "dataset": first["dataset"], "loss": first["loss"]}
            counts = {"settings": len(courses.whole), "epochs": int(courses.whole.sum())}
            rows.append(about | counts | summarise(replay(courses, scheduler), drawn))
    return pd.DataFrame(rows), held.left_out


def _asked(
    scale: Scale, schedulers: Sequence[Rungs], rung: Rung | None, ladder: pd.DataFrame
) -> Iterator[tuple[str, Rungs | None, Courses]]:
    """Yield the name of each replay, its scheduler if it has one, and the courses."""
    for scheduler in schedulers:
        yield describe_scheduler(scheduler), scheduler, courses_of(scale, scheduler)
    if rung is not None:
        yield describe_rung(rung), None, courses_by_rule(scale, ladder, rung)


def describe_scheduler(scheduler: Rungs) -> str:
    """Write a scheduler as it is asked for."""
    given = scheduler.model_dump(exclude_unset=True)
    options = [f"{name}={value:g}" for name, value in given.items() if isinstance(value, float)]
    options += [
        f"{name}={value}"
        for name, value in given.items()
        if name != "name" and not isinstance(value, float)
    ]
    return ",".join([str(given["name"]), *options])


def _reached(courses: Courses, scheduler: Rungs) -> Int64[np.ndarray, " settings"]:
    """Return the rung at which each setting stops, the number of rungs for those that end."""
    n_rungs = courses.values.shape[1]
    firsts, passing = first_rungs(scheduler, courses.places, n_rungs), rule_of(scheduler)
    reached = np.full(len(firsts), n_rungs)
    for first in np.unique(firsts).tolist():
        inside = np.flatnonzero(firsts == first)
        n_settings = len(inside)
        for rung in range(first, n_rungs):
            goes_on: Bool[np.ndarray, " inside"] = passing(
                courses.values[inside, first : rung + 1], n_settings
            )
            reached[inside[~goes_on]] = rung
            inside = inside[goes_on]
    return reached
