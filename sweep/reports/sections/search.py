"""Writes the section on a search: the best points, and how they were found."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf

import numpy as np
import pandas as pd

from sweep.config.search import Objective, Quantile
from sweep.reports.figures.search import draw_course, draw_front
from sweep.reports.groups import factors_of
from sweep.reports.pareto import pareto_front
from sweep.reports.sections.registry import Context, section
from sweep.reports.tables.text import format_number, format_value, markdown_table, rest
from sweep.search.objectives import Judge, Values
from sweep.store.places.layout import TableName
from sweep.store.searches import RecordedSearch, read_searches
from sweep.store.tables.snapshot import read_rows

MOST_SHOWN = 20
FORM = ".4g"


@dataclass(frozen=True)
class _Course:
    """The points of a search whose trials are all in the table.

    Attributes:
        search: as it was recorded. judge: what points are judged by.
        numbers: of the points, from 1. values: what they came to. trials: the first of each.
    """

    search: RecordedSearch
    judge: Judge
    numbers: Sequence[int]
    values: Sequence[Values]
    trials: pd.DataFrame


@section(35)
def search_section(context: Context) -> str:
    """Write what a search found; nothing where all combinations are trained."""
    courses = [_course_of(search, context) for search in read_searches(context.directory)]
    return "\n\n".join(_written(course, context) for course in courses if course.numbers)


def _course_of(search: RecordedSearch, context: Context) -> _Course:
    directions = zip(search.columns, search.directions, strict=True)
    objectives = tuple(Objective(column=c, direction=d) for c, d in directions)  # type: ignore[arg-type]
    over = search.over if isinstance(search.over, str) else Quantile(quantile=search.over)
    judge = Judge(objectives, over)
    trials = _with_columns(context, judge.columns)
    rows = trials[["trial_id", "status", *judge.columns]].to_dict("records")
    values = {str(row["trial_id"]): judge.values_of(_plain(row)) for row in rows}
    values |= dict.fromkeys(context.population.failed["trial_id"], judge.worst)
    known = [
        (number, names)
        for number, names in enumerate(search.points, 1)
        if names and names[0] in trials.index and all(name in values for name in names)
    ]
    judged = [judge.judge([values[name] for name in names]) for _, names in known]
    firsts = trials.loc[[names[0] for _, names in known]]
    return _Course(search, judge, [number for number, _ in known], judged, firsts)


def _with_columns(context: Context, columns: Sequence[str]) -> pd.DataFrame:
    """Return the trials by identity, with columns that few sections need read from the table."""
    trials = context.trials.drop_duplicates("trial_id").set_index("trial_id", drop=False)
    lacking = [name for name in columns if name not in trials]
    if not lacking:
        return trials
    table = read_rows(context.directory.path, TableName.TRIALS, columns=["trial_id", *lacking])
    return trials.join(table.to_pandas().drop_duplicates("trial_id").set_index("trial_id"))


def _plain(row: Mapping[Hashable, object]) -> dict[str, object]:
    """Return a row of a data frame with None where it has no value."""
    missing = {name for name, value in row.items() if pd.isna(value)}  # type: ignore[call-overload]
    return {str(name): None if name in missing else value for name, value in row.items()}


def _written(course: _Course, context: Context) -> str:
    search, names = course.search, ", ".join(course.search.columns)
    over = search.over if isinstance(search.over, str) else f"{search.over:g} quantile"
    title = "## Search"
    intro = (
        f"{search.proposer} asked for {len(search.points):,} points, of which "
        f"{len(course.numbers):,} are trained. Each is judged by the {over} of its seeds in "
        f"{names}; a trial that diverged, failed or was pruned counts as the worst."
    )
    show = _front if len(course.judge.objectives) > 1 else _best
    return "\n\n".join([title, intro, *show(course, context)])


def _best(course: _Course, context: Context) -> list[str]:
    """Return how the best point was come down to."""
    values = np.array([value for (value,) in course.values])
    best = np.minimum.accumulate(values)
    better = np.flatnonzero(best < np.append(np.inf, best[:-1])).tolist()
    if not better:
        return ["No point was judged better than the worst."]
    shown = better[::-1][:MOST_SHOWN]
    sign = _sign(course, 0)
    name = course.search.columns[0]
    figure = draw_course(sign * values, sign * best, name)
    return [
        "The points that were the best so far, the last of them first:",
        _table(course, shown),
        *rest(len(better), len(shown), " points"),
        context.figures.show(f"search-{course.search.sweep}", "What the points came to", figure),
    ]


def _front(course: _Course, context: Context) -> list[str]:
    """Return the points that none is better than in every objective."""
    front = pareto_front(course.values)
    if not front:
        return ["No point was judged better than the worst."]
    columns = [
        _sign(course, i) * np.array([value[i] for value in course.values])
        for i in range(len(course.judge.objectives))
    ]
    figure = draw_front(columns, front, course.search.columns)
    return [
        "The Pareto front: the points that none is better than in every objective.",
        _table(course, front[:MOST_SHOWN]),
        *rest(len(front), min(len(front), MOST_SHOWN), " points"),
        context.figures.show(f"search-{course.search.sweep}", "Pareto front", figure),
    ]


def _table(course: _Course, places: Sequence[int]) -> str:
    varying = factors_of(course.trials)
    rows = [
        [
            f"{course.numbers[place]:,}",
            *(_number(course, i, place) for i in range(len(course.judge.objectives))),
            *(format_value(course.trials.iloc[place][name]) for name in varying),
            str(course.trials.iloc[place]["trial_id"]),
        ]
        for place in places
    ]
    return markdown_table(["point", *course.search.columns, *varying, "its first trial"], rows)


def _number(course: _Course, objective: int, place: int) -> str:
    value = _sign(course, objective) * course.values[place][objective]
    return "inf" if isinf(value) else format_number(value, FORM)


def _sign(course: _Course, objective: int) -> float:
    return 1.0 if course.judge.objectives[objective].direction == "minimise" else -1.0
