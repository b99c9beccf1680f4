"""The numbers and the figure of the page on searches at equal budgets."""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from bench.search import (
    BUDGET,
    COURSES,
    ETA,
    METHODS,
    POINTS,
    REFERENCE,
    REPETITIONS,
    asha_points,
    rungs,
)
from bench.search_rivals import RIVALS
from bench.search_space import CHOICES, EPOCHS, LEVELS, TRAINED_ON
from docs.experiments.source.page import SOURCE, fixed, percent, sig
from sweep.reports.figures.palette import colours_of
from sweep.reports.figures.panels import add_legend, make_panels
from sweep.reports.statistics.intervals import Estimate, corrected
from sweep.reports.statistics.orders import probability_less

MULTIVARIATE = "search_multivariate.jsonl"
TITLES = {"random": "random", "sobol": "Sobol", "tpe": "TPE", "cmaes": "CMA-ES", "asha": "ASHA"}
MARKS = (BUDGET // 4, BUDGET // 2, BUDGET)
SCALE = 1_000
"""What losses are multiplied by on the page."""
PAIRS = tuple(combinations(METHODS, 2))
LEVEL = corrected(len(PAIRS))
TICKS = (5, 7, 10, 15, 20, 30, 50)
PLACES = 400
"""Of the curves of the figure."""
Course = Mapping[str, Any]
Losses = Float64[np.ndarray, " repetitions"]


def numbers() -> dict[str, Any]:
    """Return what the page names."""
    courses, reference = _courses(), json.loads((SOURCE / REFERENCE).read_text("utf-8"))
    least = np.array(reference["least"])
    ends = {method: _at(courses[method], BUDGET) for method in METHODS}
    found, alone = (
        {pair: probability_less(ends[pair[0]], ends[pair[1]], level) for pair in PAIRS}
        for level in (LEVEL, corrected(1))
    )
    return {
        "repetitions": REPETITIONS,
        "epochs": EPOCHS,
        "budget": BUDGET,
        "points": POINTS,
        "trained_on": TRAINED_ON,
        "levels": LEVELS,
        "asha": {"points": asha_points(), "eta": ETA, "rungs": rungs()},
        "reference": reference,
        "best": SCALE * least[0],
        "level": f"{100 * LEVEL:.3g}%",
        "regrets": {
            TITLES[m]: [_regret(courses[m], mark, least[0]) for mark in MARKS] for m in TITLES
        },
        "ranks": {
            TITLES[m]: [_rank(courses[m], mark, reference) for mark in MARKS] for m in TITLES
        },
        "below": {TITLES[m]: int((ends[m] < least[0]).sum()) for m in TITLES},
        "pairs": [_pair(pair, estimate) for pair, estimate in found.items()],
        "shown": [
            _shown(pair, estimate) for pair, estimate in found.items() if _is_shown(estimate)
        ],
        "alone": [
            f"{_shown(pair, estimate)} ({percent(max(estimate.value, 1 - estimate.value))})"
            for pair, estimate in alone.items()
            if _is_shown(estimate) and not _is_shown(found[pair])
        ],
        "combinations": {
            TITLES[m]: [course["combinations"] for course in courses[m]] for m in TITLES
        },
        "all_combinations": prod(map(len, CHOICES.values())),
        "quick": {TITLES[m]: _quick(courses[m], ends["random"]) for m in TITLES if m != "random"},
        "proposer": {TITLES[m]: _share(courses[m]) for m in ("tpe", "cmaes")},
        "multivariate": _regret(_multivariate(), BUDGET, least[0]),
        "contests": _contests(),
    }


def _multivariate() -> list[Course]:
    """Return the courses of TPE as it was at first, all dimensions proposed together."""
    return [json.loads(line) for line in (SOURCE / MULTIVARIATE).read_text("utf-8").splitlines()]


def _courses() -> dict[str, list[Course]]:
    """Return the courses of each method, by repetition."""
    lines = map(json.loads, (SOURCE / COURSES).read_text("utf-8").splitlines())
    courses = sorted(lines, key=lambda course: course["repetition"])
    found = {method: [c for c in courses if c["method"] == method] for method in METHODS}
    for method, mine in found.items():
        assert [c["repetition"] for c in mine] == list(range(REPETITIONS)), method
    return found


def _at(courses: Sequence[Course], epochs: float) -> Losses:
    """Return the least loss of each search after so many epochs; inf before its first trial."""
    return np.array(
        [
            min(
                (v for e, v in zip(c["epochs"], c["losses"], strict=True) if e <= epochs),
                default=np.inf,
            )
            for c in courses
        ]
    )


def _regret(courses: Sequence[Course], mark: int, best: float) -> str:
    """Write the median regret, and the least and greatest."""
    regrets = SCALE * (_at(courses, mark) - best)
    return f"{fixed(np.median(regrets))} ({fixed(regrets.min())} to {fixed(regrets.max())})"


def _rank(courses: Sequence[Course], mark: int, reference: Mapping[str, Any]) -> str:
    """Write the median share of the reference's trials that are better."""
    better = np.searchsorted(reference["least"], _at(courses, mark))
    assert better.max() < len(reference["least"]), "keep more losses of the reference"
    return percent(float(np.median(better)) / reference["trials"], 2)


def _is_shown(less: Estimate) -> bool:
    return less.low > 0.5 or less.high < 0.5


def _pair(pair: tuple[str, str], less: Estimate) -> dict[str, str]:
    """Describe how often the first of two ends lower."""
    mark = "**" if _is_shown(less) else ""
    text = f"{less.value:.0%} ({less.low:.0%} to {less.high:.0%})"
    return {"first": TITLES[pair[0]], "second": TITLES[pair[1]], "text": f"{mark}{text}{mark}"}


def _shown(pair: tuple[str, str], less: Estimate) -> str:
    """Say which of two is shown to end lower."""
    first, second = pair if less.value > 0.5 else pair[::-1]
    return f"{TITLES[first]} below {TITLES[second]}"


def _quick(courses: Sequence[Course], random: Losses) -> dict[str, Any]:
    """Say when a method is where the median random search ends."""
    target = float(np.median(random))
    reached = [
        next((e for e, v in zip(c["epochs"], c["losses"], strict=True) if v <= target), np.inf)
        for c in courses
    ]
    return {"epochs": float(np.median(reached)), "count": int(np.isfinite(reached).sum())}


def _share(courses: Sequence[Course]) -> dict[str, Any]:
    """Return what share of the time of its runs a proposer took."""
    each = np.array([c["proposer_seconds"] / c["seconds"] for c in courses])
    return {"median": float(np.median(each)), "least": float(each.min()), "most": float(each.max())}


def _contests() -> dict[str, Any] | None:
    """Return what ran side by side with Optuna and a plain loop; None if nothing is kept."""
    path = SOURCE / RIVALS
    if not path.exists():
        return None
    kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for contest in kept["contests"]:
        contest["best"] = ["-" if v is None else fixed(SCALE * v) for v in contest["best"]]
    pairs = list(zip(kept["contests"][::2], kept["contests"][1::2], strict=True))
    kept["after"] = [f"{mark * kept['minutes']:g}" for mark in kept["marks"]]
    kept["times"] = [sig(ours["trials"] / theirs["trials"]) for ours, theirs in pairs]
    return kept


def draw() -> Figure:
    """Draw the median of the best so far by epochs, between quartiles, a line a method."""
    courses = _courses()
    best = json.loads((SOURCE / REFERENCE).read_text("utf-8"))["least"][0]
    figure, (axes,) = make_panels(1, width=9.0, height=4.2)
    epochs = np.geomspace(2 * EPOCHS, BUDGET, PLACES)
    colours = colours_of(TITLES.values())
    for method, title in TITLES.items():
        values = SCALE * np.array([_at(courses[method], e) for e in epochs])
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=1)
        axes.step(epochs, middle, where="post", color=colours[title], linewidth=1.6)
        axes.fill_between(
            epochs, low, high, step="post", color=colours[title], alpha=0.15, linewidth=0
        )
    axes.axhline(SCALE * best, color="#333333", linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_yticks(TICKS, [f"{tick}" for tick in TICKS])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("epochs, over all trials", fontsize=8)
    axes.set_ylabel("least held-out loss so far, x 1,000", fontsize=8)
    add_legend(axes, colours, None, styles={"best of the reference": "--"})
    return figure
