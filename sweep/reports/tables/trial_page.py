"""Gathers everything about one trial."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64

from sweep.errors import ConfigError
from sweep.printable import printable_line
from sweep.reports.objective import HELD_OUT, NAMES
from sweep.reports.tables.text import format_value, records
from sweep.result import Outcome, Provenance
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_curves, read_trials

LOSS = "loss"
CALLED = {LOSS: "loss", HELD_OUT: NAMES[HELD_OUT]}
"""Columns of a curve, and what to call them."""
IDENTITY = ("trial_id", "path_id", "sweep")
MOST_MATCHES = 5
LISTS = "`sweep results` lists them, --results DIR says where to look"
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60
ROUNDING = 1e-9


@dataclass(frozen=True)
class TrialPage:
    """One trial: its row, and its curve with columns phase, epoch and loss, and `validation_loss`.

    The last only where it was recorded.
    """

    row: pd.DataFrame
    curve: pd.DataFrame

    @property
    def record(self) -> Mapping[str, object]:
        """The page as JSON would have it."""
        return {**records(self.row)[0], "curve": records(self.curve)}


def find_trial(places: Sequence[ResultsDir], prefix: str) -> TrialPage:
    """Find the trial whose identity begins with `prefix`, in any of `places`.

    Raises:
        ConfigError: if none does, or more than one.
    """
    place, trial_id = locate_trial(places, prefix)
    trials = read_trials(place.path)
    curve = read_curves(place.path, [trial_id])
    losses = [name for name in (LOSS, HELD_OUT) if curve[name].notna().any()]
    curve = curve[["phase", "epoch", *(losses or [LOSS])]]
    return TrialPage(trials[trials["trial_id"] == trial_id], curve)


def locate_trial(places: Sequence[ResultsDir], prefix: str) -> tuple[ResultsDir, str]:
    """Return where the trial whose identity begins with `prefix` lies, and its whole identity.

    Raises:
        ConfigError: if none does, or more than one.
    """
    found: dict[str, ResultsDir] = {}
    for place in places:
        trials = read_trials(place.path)
        rows = trials[trials["trial_id"].str.startswith(prefix)]
        found |= dict.fromkeys(rows["trial_id"], place)
    if len(found) != 1:
        raise _unclear(prefix, list(found), places)
    ((trial_id, place),) = found.items()
    return place, trial_id


def format_page(page: TrialPage) -> str:
    """Write a page for people: what was asked for, how it ended, where it ran, its curve."""
    row = page.row.iloc[0]
    outcome, provenance = ([item.name for item in fields(r)] for r in (Outcome, Provenance))
    parameters = [n for n in page.row.columns if n not in {*IDENTITY, *outcome, *provenance}]
    parts = {
        "trial": IDENTITY,
        "parameters": parameters,
        "outcome": [name for name in outcome if name != "traceback"],
        "provenance": provenance,
    }
    sections = [_section(title, row, names) for title, names in parts.items()]
    sections += _curves(page.curve)
    if pd.notna(row["traceback"]):
        lines = row["traceback"].split("\n")
        sections.append("\n".join(["traceback", *(f"  {printable_line(line)}" for line in lines)]))
    return "\n\n".join(sections)


def sparkline(epochs: Int64[np.ndarray, " points"], values: Float[np.ndarray, " points"]) -> str:
    """Draw values against the logarithm of the epoch, on a logarithmic scale if all are positive.

    Values that are not finite are drawn as gaps.
    """
    if not len(values):
        return ""
    at = np.log(np.maximum(epochs, 1))
    wanted = np.linspace(at[0], at[-1], min(WIDTH, len(at)))
    marks = np.searchsorted(at, wanted + ROUNDING, side="right") - 1
    chosen = values[np.unique(marks)]
    finite = chosen[np.isfinite(chosen)]
    if not len(finite):
        return " " * len(chosen)
    heights = np.log(chosen) if finite.min() > 0 else chosen
    low, high = np.min(heights[np.isfinite(heights)]), np.max(heights[np.isfinite(heights)])
    return "".join(_bar(float(height), float(low), float(high)) for height in heights)


def _bar(height: float, low: float, high: float) -> str:
    if not math.isfinite(height):
        return " "
    share = (height - low) / (high - low) if high > low else 0.0
    return BARS[round(share * (len(BARS) - 1))]


def _section(title: str, row: pd.Series, names: Sequence[str]) -> str:
    """A titled list of the values that apply."""
    present = [name for name in names if pd.notna(row[name])]
    width = max(map(len, present))
    lines = [f"  {name:<{width}}  {printable_line(format_value(row[name]))}" for name in present]
    return "\n".join([title, *lines])


def _curves(curve: pd.DataFrame) -> list[str]:
    """Return the curves of each phase, all but the last named."""
    phases = [(phase, rows) for phase, rows in curve.groupby("phase")]
    names = [f"phase {phase}: " for phase, _ in phases[:-1]] + [""]
    return [
        name + _curve(rows, loss)
        for name, (_, rows) in zip(names, phases, strict=False)
        for loss in (LOSS, HELD_OUT)
        if loss in rows.columns and (loss == LOSS or rows[loss].notna().any())
    ]


def _curve(curve: pd.DataFrame, name: str) -> str:
    known = curve if name == LOSS else curve[curve[name].notna()]
    epochs, losses = known["epoch"].to_numpy(np.int64), known[name].to_numpy(np.float64)
    title = f"{CALLED[name]}, epochs {epochs[0]} to {epochs[-1]} (logarithmic)"
    ends = f"  {format_value(float(losses[0]))} to {format_value(float(losses[-1]))}"
    return f"{title}\n  {sparkline(epochs, losses)}\n{ends}"


def _unclear(prefix: str, found: Sequence[str], places: Sequence[ResultsDir]) -> ConfigError:
    where = ", ".join(str(place.path) for place in places) or "results"
    must, hint = "begin the identity of a trial held here", LISTS
    if found:
        listed = ", ".join(found[:MOST_MATCHES]) + (", …" if len(found) > MOST_MATCHES else "")
        must = "begin the identity of one trial alone"
        hint = f"{len(found)} begin so: {listed}"
    return ConfigError.of(where, must, key="TRIAL_ID", got=repr(prefix), hint=hint)
