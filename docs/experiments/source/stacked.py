"""The numbers of the page on deep and stacked autoencoders."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from docs.experiments.source.page import EXAMPLES, fixed
from sweep.reports.statistics.intervals import LEVEL, Estimate, corrected, format_estimate
from sweep.reports.statistics.orders import median_ratio
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_trials
from sweep.studies.stacking.cells import DEEP, Cell
from sweep.studies.stacking.pairs import Pair, growth_of_spread, pairs_of, spread_of
from sweep.studies.stacking.section import count_comparisons, stacked_settings

VARIANTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("plain", {}),
    ("masking 0.1", {"input_noise_rate": 0.1}),
    ("masking 0.3", {"input_noise_rate": 0.3}),
    ("gaussian 0.1", {"input_noise_scale": 0.1}),
    ("gaussian 0.3", {"input_noise_scale": 0.3}),
    ("code_penalty 0.001", {"code_penalty": 0.001}),
    ("code_penalty 0.01", {"code_penalty": 0.01}),
    ("tied weights", {"tied_weights": True}),
)


def numbers() -> dict[str, Any]:
    """Return what the page names."""
    return {
        "mini": _sweep("stacked"),
        "full": _sweep("stacked_full_batch"),
        "variants": _variants(),
    }


def _sweep(name: str) -> dict[str, Any]:
    """Return a sweep's settings by label, each with its rows and what is shown of it."""
    directory = ResultsDir(EXAMPLES / name)
    trials = read_trials(directory.path)
    found = stacked_settings(directory, trials)
    comparisons = sum(count_comparisons(cells) for _, cells in found)
    level = corrected(comparisons)
    return {
        "n_trials": len(trials),
        "seeds": int(trials.groupby("topology")["seed"].nunique().max()),
        "seconds": float(trials["seconds_share"].sum()),
        "comparisons": comparisons,
        "settings": {group.label: _setting(cells, level) for group, cells in found},
    }


def _setting(cells: Sequence[Cell], level: float) -> dict[str, Any]:
    pairs = {(pair.stacked.depth, pair.stacked.way): pair for pair in pairs_of(cells)}
    sure = pairs_of(cells, level)
    deep = [cell for cell in cells if cell.way == DEEP]
    return {
        "rows": [_row(cell, pairs.get((cell.depth, cell.way))) for cell in cells],
        "deep": [float(cell.losses.median()) for cell in deep],
        "by_way": {
            way: [float(cell.losses.median()) for cell in cells if cell.way == way]
            for way in {cell.way for cell in cells}
        },
        "level": deep[0].level,
        "growth": _signed(growth_of_spread(deep[-1], deep[0])),
        "grows": growth_of_spread(deep[-1], deep[0], level).sign,
        "depths": [cell.depth for cell in deep],
        "worst": [float(cell.losses.max()) for cell in cells],
        "best": [float(cell.losses.min()) for cell in cells],
        "higher": _where(sure, "loss", 1.0, above=True),
        "lower": _where(sure, "loss", 1.0, above=False),
        "less_reliable": _where(sure, "reliable", 0.0, above=False),
        "more_reliable": _where(sure, "reliable", 0.0, above=True),
        "wider": _where(sure, "spread", 0.0, above=True),
        "narrower": _where(sure, "spread", 0.0, above=False),
        "later": _where(sure, "sooner", 0.5, above=False),
        "sooner": _where(sure, "sooner", 0.5, above=True),
        "pairs": {
            f"{way} {depth}": {"loss": _times(pair.loss), "reliable": _points(pair.reliable)}
            for (depth, way), pair in pairs.items()
        },
    }


def _where(pairs: Sequence[Pair], measure: str, neutral: float, *, above: bool) -> str:
    """Say where a difference is shown: `greedy at 4 and 6 layers`; `nowhere` if it is not."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        estimate: Estimate = getattr(pair, measure)
        shown = estimate.low > neutral if above else estimate.high < neutral
        if shown:
            found.setdefault(pair.stacked.way, []).append(f"{pair.stacked.depth}")
    told = [f"{way} at {' and '.join(depths)} layers" for way, depths in found.items()]
    return ", ".join(told) or "nowhere"


def _row(cell: Cell, pair: Pair | None) -> str:
    """Write the cells of a row of the page's table."""
    shown = [
        f"{cell.depth}",
        cell.way,
        fixed(float(cell.losses.median()), 3),
        fixed(float(cell.validation.median()), 3),
        format_estimate(spread_of(cell), ".3f"),
        f"{cell.reliable.count} of {cell.reliable.total}",
        _times(pair.loss) if pair else "",
        format_estimate(pair.sooner, ".0%") if pair else "",
    ]
    return " | ".join(shown)


def _times(ratio: Estimate) -> str:
    return f"× {format_estimate(ratio, '.2f')}"


def _points(difference: Estimate) -> str:
    return _signed(difference.times(100), 0)


def _signed(estimate: Estimate, decimals: int = 3) -> str:
    low, high = fixed(estimate.low, decimals), fixed(estimate.high, decimals)
    return f"{fixed(estimate.value, decimals)} ({low} to {high})"


def _variants() -> dict[str, Any]:
    trials = read_trials(EXAMPLES / "variants")
    losses = {name: _validation(trials, changes) for name, changes in VARIANTS}
    level = corrected(len(VARIANTS) - 1)
    against = {
        name: _against(rows, losses["plain"], level)
        for name, rows in losses.items()
        if name != "plain"
    }
    best = min(losses, key=lambda name: float(losses[name].median()))
    parameters = trials.groupby("tied_weights")["n_parameters"].first()
    gap = (trials["validation_loss"] - trials["final_loss"]) / trials["final_loss"]
    return {
        "seeds": len(losses["plain"]),
        "rows": [
            {
                "name": name,
                "loss": f"**{_middle(rows)}**" if name == best else _middle(rows),
                "quartiles": [float(rows.quantile(q)) for q in (0.25, 0.75)],
                "against": _times(against[name]) if name in against else "",
            }
            for name, rows in losses.items()
        ],
        "level": f"{100 * level:.3g}%",
        "best": best,
        "worse": [name for name, found in against.items() if found.low > 1],
        "better": [name for name, found in against.items() if found.high < 1],
        "parameters": int(parameters[False]),
        "tied_parameters": int(parameters[True]),
        "gap": float(gap.abs().max()),
        "confidence": LEVEL,
    }


def _validation(trials: pd.DataFrame, changes: dict[str, object]) -> "pd.Series[float]":
    names = ("input_noise_rate", "input_noise_scale", "code_penalty", "tied_weights")
    neutral: dict[str, object] = {"code_penalty": 0.0, "tied_weights": False}
    rows = trials
    for name in names:
        value = {**neutral, **changes}.get(name)
        rows = rows[rows[name].isna() if value is None else rows[name] == value]
    return rows.set_index("seed")["validation_loss"].astype("float64").sort_index()


def _against(rows: "pd.Series[float]", plain: "pd.Series[float]", level: float) -> Estimate:
    """Return the median ratio over the seeds that both have."""
    both = pd.concat([rows, plain], axis=1, join="inner").to_numpy()
    return median_ratio(both[:, 0], both[:, 1], level)


def _middle(rows: "pd.Series[float]") -> str:
    return fixed(float(rows.median()), 3)
