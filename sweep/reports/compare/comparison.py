"""Compares sweeps: two by two, with intervals that hold for all comparisons together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from sweep.errors import ConfigError, nearest
from sweep.reports.compare.contrasts import Measure, SettingRatio, asked_measures, setting_ratios
from sweep.reports.compare.differences import Difference, differences_of
from sweep.reports.compare.pairing import Pairing, pair
from sweep.reports.compare.sides import Side, read_sides
from sweep.reports.objective import objective_name, objective_of
from sweep.reports.population import has_converged, has_ended, has_rule
from sweep.reports.statistics.intervals import LEVEL, Estimate, Share, corrected
from sweep.reports.statistics.orders import median
from sweep.reports.tables.text import records
from sweep.store.places.layout import ResultsDir
from sweep.trial import PARAMETERS, SEED, Status


@dataclass(frozen=True)
class Contrast:
    """What one sweep came to beside another.

    Attributes:
        pairing: how their trials pair.
        measures: how much the second differs from the first; none where nothing can be compared.
        settings: the ratio of their losses for each setting that both have.
    """

    pairing: Pairing
    measures: list[Measure]
    settings: list[SettingRatio]


@dataclass(frozen=True)
class Comparison:
    """Two or more sweeps beside each other.

    Attributes:
        sides: the sweeps, in the order given.
        differences: what differs in what was asked for, and in what trained them.
        contrasts: each two of them, the later against the earlier.
        intervals: how many intervals the verdicts of all contrasts go by.
    """

    sides: list[Side]
    differences: list[Difference]
    contrasts: list[Contrast]
    intervals: int


def compare(directories: Sequence[ResultsDir], across: Sequence[str] = ()) -> Comparison:
    """Compare sweeps with each other.

    Args:
        directories: two or more results.
        across: parameters in which paired trials may differ although they vary within a sweep.

    Raises:
        ConfigError: a sweep is given twice, or `across` names no parameter, or too much.
        StoreError: results cannot be read, or no trial of them counts.
    """
    for name in across:
        if name not in PARAMETERS or name == SEED:
            must = "name a hyperparameter that is not the seed"
            hint = nearest(name, list(PARAMETERS))
            raise ConfigError.of("--across", must, got=repr(name), hint=hint)
    sides = read_sides(directories)
    pairings = [pair(first, second, across) for first, second in combinations(sides, 2)]
    asked = [asked_measures(pairing) for pairing in pairings]
    count = sum(measure.is_open for measures in asked for measure in measures)
    level = corrected(count)
    contrasts = [
        Contrast(pairing, [m.answered(level) for m in measures], setting_ratios(pairing))
        for pairing, measures in zip(pairings, asked, strict=True)
    ]
    return Comparison(sides, differences_of(sides), contrasts, count)


@dataclass(frozen=True)
class Overview:
    """What a sweep came to by itself.

    Attributes:
        converged: of the trials that had a rule to meet. diverged: of all that count.
        loss_name, loss: its median over the trials that ended, with its interval of 95%.
    """

    converged: Share
    diverged: Share
    loss_name: str
    loss: Estimate


def overview_of(side: Side) -> Overview:
    """Return what a sweep came to by itself."""
    trials = side.trials
    loss = objective_of(trials)
    known = loss[has_ended(trials) & np.isfinite(loss)].to_numpy(np.float64)
    return Overview(
        converged=Share.of(has_converged(trials)[has_rule(trials)]),
        diverged=Share.of(trials["status"] == Status.DIVERGED),
        loss_name=objective_name(trials),
        loss=median(known),
    )


def record_of(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as JSON would have it; null for what is not known or not finite."""
    return {
        "format": 1,
        "level": LEVEL,
        "intervals": comparison.intervals,
        "sweeps": [_side_record(side) for side in comparison.sides],
        "differences": [
            {
                "kind": str(item.kind),
                "name": item.name,
                "values": {
                    side.letter: list(levels)
                    for side, levels in zip(comparison.sides, item.values, strict=True)
                },
            }
            for item in comparison.differences
        ],
        "contrasts": [_contrast_record(contrast) for contrast in comparison.contrasts],
    }


def _side_record(side: Side) -> dict[str, object]:
    found = overview_of(side)
    return {
        "letter": side.letter,
        "name": side.name,
        "results": side.place,
        "trials": len(side.trials),
        "failed": len(side.population.failed),
        "missing": side.population.missing,
        "converged": {"count": found.converged.count, "of": found.converged.total}
        | _estimate_record(found.converged.estimate),
        "diverged": {"count": found.diverged.count, "of": found.diverged.total}
        | _estimate_record(found.diverged.estimate),
        "loss": {"name": found.loss_name} | _estimate_record(found.loss),
    }


def _contrast_record(contrast: Contrast) -> dict[str, object]:
    pairing = contrast.pairing
    first, second = pairing.first.letter, pairing.second.letter
    return {
        "first": first,
        "second": second,
        "compared": list(pairing.apart),
        "paired_by": [*pairing.shared, *pairing.repeats],
        "pairs": len(pairing),
        "settings": pairing.settings,
        "seeds": pairing.seeds,
        "same_trials": pairing.same,
        "alike": pairing.alike,
        "unpaired": {first: pairing.unpaired[0], second: pairing.unpaired[1]},
        "why_not": pairing.why_not or None,
        "measures": [
            {
                "name": measure.name,
                "kind": measure.kind,
                first: _finite(measure.first),
                second: _finite(measure.second),
                "verdict": measure.verdict or None,
                "of": measure.count,
            }
            | _estimate_record(measure.estimate)
            for measure in contrast.measures
        ],
        "by_setting": [
            {
                "setting": {name: _plain(value) for name, value in item.values.items()},
                "by_seed": item.by_seed,
                "trials": {first: item.counts[0], second: item.counts[1]},
            }
            | _estimate_record(item.ratio)
            for item in contrast.settings
        ],
    }


def _estimate_record(estimate: Estimate) -> dict[str, object]:
    return {
        "value": _finite(estimate.value),
        "low": _finite(estimate.low),
        "high": _finite(estimate.high),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(value: object) -> object:
    (row,) = records(pd.DataFrame({"value": [value]}))
    return row["value"]
