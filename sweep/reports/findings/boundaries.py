"""Warns where the best value of an axis lies at the end of its range: it may be better beyond."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64

from sweep.reports.axes import MOST_LEVELS
from sweep.reports.findings.finding import Figure, Finding, Kind, Mark
from sweep.reports.findings.losses import Losses
from sweep.reports.findings.ranges import Place, widened, write_flow
from sweep.reports.findings.subject import Subject
from sweep.reports.findings.words import listed
from sweep.reports.objective import objective_name
from sweep.reports.repeats import repeats_of
from sweep.reports.statistics.importance import number_of
from sweep.reports.statistics.intervals import (
    Estimate,
    Share,
    corrected,
    difference,
    format_estimate,
)
from sweep.reports.statistics.orders import median
from sweep.trial import PARAMETERS, STOP_PARAMETERS

FEWEST_LEVELS = 3
BEST = 0.25
"""Share of what else was set, the best of it, in which ends are looked at."""
FEWEST_PAIRS = 20
"""Pairs of trials that more of it is taken for, where there are more."""
LEAST_GAIN = 0.01
"""Share by which the loss must fall at the end for anybody to care."""
OUTER = 0.1
"""Of a range that was drawn from: its outer part, and the best part of the settings."""
FEWEST_BEST = 10
FORM = ".3g"


@dataclass(frozen=True)
class End:
    """The end of an axis' range.

    Attributes:
        name: of the axis. values: its levels, ascending. up: whether it is the upper end.
        gain: median ratio of the loss there to that of the next value.
        pairs: trials at both, alike in all else.
        profile: for each value the median ratio of its loss to that at the end.
    """

    name: str
    values: Sequence[float]
    up: bool
    gain: Estimate
    pairs: int
    profile: Sequence[Estimate]

    @property
    def value(self) -> float:
        return self.values[-1] if self.up else self.values[0]

    @property
    def next(self) -> float:
        return self.values[-2] if self.up else self.values[1]


def find_boundaries(subject: Subject) -> list[Finding]:
    """Return a warning for each axis that is shown to be best at an end of its range."""
    losses = subject.losses
    ranged = [i for i, name in enumerate(losses.names) if _is_range(losses, i)]
    drawn = [i for i in ranged if len(losses.levels[i]) > MOST_LEVELS]
    level = corrected(2 * len(ranged))
    found = []
    for place in ranged:
        if place in drawn:
            found += _find_drawn(subject, losses, place, level)
        elif end := find_end(losses, place, level):
            found += _told(subject, end)
    return found


def find_end(losses: Losses, place: int, level: float) -> End | None:
    """Return the end of an axis' range that is best; None where none is shown to be.

    An end is, if in the best of all else that was set it has the least mean log of the loss of all
    values, and the interval of the median difference from the value next to it excludes none. What
    is best is judged by the sum of the two, which does not favour either.
    """
    numbers = losses.levels[place]
    values = sorted(numbers[~np.isnan(numbers)].tolist())
    table = _by_level(losses, place)
    for up in (False, True):
        end, beside = (values[-1], values[-2]) if up else (values[0], values[1])
        if not {end, beside} <= set(table.columns) or _is_off(losses.names[place], end):
            continue
        known = table[table[end].notna() & table[beside].notna()]
        best = _best_strata(known, end, beside)
        if best.empty:
            continue
        means = best.groupby(level="stratum").mean().mean()
        if means.idxmin() != end:
            continue
        difference = (best[end] - best[beside]).to_numpy(np.float64)
        gain = median(difference, level)
        if gain.sign < 0 and 10**gain.value <= 1 - LEAST_GAIN:
            profile = [_ratio(best, value, end) for value in values]
            ratio = gain.map(lambda x: float(10**x))
            return End(losses.names[place], values, up, ratio, len(difference), profile)
    return None


def _is_range(losses: Losses, place: int) -> bool:
    """Return whether an axis is of numbers that one would look for the best of."""
    name = losses.names[place]
    if name in STOP_PARAMETERS or not pd.api.types.is_numeric_dtype(losses.trials[name].dtype):
        return False
    if pd.api.types.is_bool_dtype(losses.trials[name].dtype):
        return False
    return int((~np.isnan(losses.levels[place])).sum()) >= FEWEST_LEVELS


def _is_off(name: str, value: float) -> bool:
    """Return whether a value leaves out what a parameter does: there is nothing beyond."""
    return value == 0 or value == PARAMETERS[name].metadata["neutral"]


def _by_level(losses: Losses, place: int) -> pd.DataFrame:
    """Return the log of the loss, a row for what else was set and the seed, a column a value."""
    others = np.delete(losses.codes, place, axis=1)
    number = losses.levels[place][losses.codes[:, place]]
    repeats = repeats_of(losses.trials)
    seeds = losses.trials.groupby(repeats, dropna=False).ngroup().to_numpy() if repeats else 0
    rows = pd.DataFrame(
        {
            "stratum": number_of(others),
            "seed": seeds,
            "level": number,
            "loss": losses.values,
        }
    )
    rows = rows[rows["level"].notna()]
    means = rows.groupby(["stratum", "seed", "level"])["loss"].mean()
    return pd.DataFrame(means.unstack("level"))


def _best_strata(known: pd.DataFrame, end: float, beside: float) -> pd.DataFrame:
    """Return the rows of what else was set best: a share of it, more where these are few rows."""
    if known.empty:
        return known
    sums = (known[end] + known[beside]).groupby(level="stratum").mean().sort_values(kind="stable")
    rows = known.groupby(level="stratum").size().loc[sums.index].cumsum()
    count = max(int(np.ceil(BEST * len(sums))), int((rows < FEWEST_PAIRS).sum()) + 1)
    return known[known.index.get_level_values("stratum").isin(sums.index[:count])]


def _ratio(best: pd.DataFrame, value: float, end: float) -> Estimate:
    """Return the median ratio of the loss at a value to that at the end."""
    if value == end:
        return Estimate(1.0)
    differences: Float64[np.ndarray, " pairs"] = (best[value] - best[end]).dropna().to_numpy()
    return median(differences).map(lambda x: float(10**x))


def _told(subject: Subject, end: End) -> list[Finding]:
    loss = objective_name(subject.trials)
    side = "largest" if end.up else "least"
    ratio = f"{format_estimate(end.gain, FORM)} times"
    text = (
        f"{end.name} does best at {end.value:g}, the {side} of its {len(end.values)} values: "
        f"{ratio} the {loss} of {end.next:g}, over {end.pairs:,} pairs of trials alike in all "
        "else, in the best of what else was set."
    )
    marks = [
        Mark(f"{value:g}", ratio.value, ratio.low, ratio.high, strong=value == end.value)
        for value, ratio in zip(end.values, end.profile, strict=True)
    ]
    figure = Figure(
        Kind.LINES,
        f"{loss.capitalize()} by {end.name}, beside that at {end.value:g}",
        marks,
        quantity=f"times the {loss} at {end.value:g}",
        across=end.name,
        log=True,
    )
    places = widened(subject.directory, end.name, end.values, up=end.up)
    return _finding(end.name, end.value, text, places, figure)


def _finding(
    name: str, value: float, text: str, places: Sequence[Place] | None, figure: Figure | None
) -> list[Finding]:
    """Return the warning, with the lines of the sweep file to have instead.

    There is none where no value beyond would be valid.
    """
    if places is None:
        return []
    brief = f"{name} does best at the end of its range, {value:{FORM}}: widen it"
    if not places:
        text += " It may be better beyond: widen the range."
        title = _title(name)
        return [Finding(_name(name), title, text, figure, warning=True, brief=f"{brief}.")]
    numbers = [f"{place.line}" for place in places if place.line is not None]
    at = f" (line{'s' * (len(numbers) > 1)} {listed(numbers)} of the sweep file)" if numbers else ""
    text += f" It may be better beyond: widen {listed([f'`{place.key}`' for place in places])}{at}."
    lines = [
        f"{place.key.rpartition('.')[2]}: {write_flow(place.wider)}  # {place.key}"
        for place in places
    ]
    if len(places) == 1:
        override = f"'{places[0].key}={write_flow(places[0].wider)}'"
        lines.append(f"# or: sweep run FILE {override}")
        brief += f", {override}"
    return [
        Finding(
            _name(name),
            _title(name),
            text,
            figure,
            warning=True,
            lines="\n".join(lines),
            brief=f"{brief}.",
        )
    ]


def _name(axis: str) -> str:
    return f"boundary-{axis}"


def _title(axis: str) -> str:
    return f"{axis} is best at the end of its range"


def _find_drawn(subject: Subject, losses: Losses, place: int, level: float) -> list[Finding]:
    """Return a warning where the best settings of a search crowd at an end of a range."""
    cells = losses.cells()
    values = losses.levels[place][cells.codes[:, place]]
    known = ~np.isnan(values)
    values, means = values[known], cells.means[known]
    count = int(OUTER * len(values))
    if count < FEWEST_BEST:
        return []
    best = values[np.argsort(means, kind="stable")[:count]]
    for up in (False, True):
        bound = float(np.quantile(values, 1 - OUTER if up else OUTER))
        crowd = Share(int((best >= bound).sum() if up else (best <= bound).sum()), count)
        drawn = float(np.mean(values >= bound if up else values <= bound))  # more where many tie
        if crowd.at(level).low <= 2 * drawn:
            continue
        name, end = losses.names[place], float(values.max() if up else values.min())
        text = (
            f"Of the best {count:,} settings {crowd} have {name} in the "
            f"{'upper' if up else 'lower'} tenth of what was drawn, {'from' if up else 'to'} "
            f"{bound:{FORM}}{' on' if up else ''}."
        )
        ends = sorted({float(values.min()), float(values.max())})
        places = widened(subject.directory, name, ends, up=up)
        return _finding(name, end, text, places, _tenths(subject, name, values, means, up=up))
    return []


def _tenths(
    subject: Subject,
    name: str,
    values: Float64[np.ndarray, " settings"],
    means: Float64[np.ndarray, " settings"],
    *,
    up: bool,
) -> Figure:
    """Return the median loss of each tenth of a range, beside that at the end."""
    loss, count = objective_name(subject.trials), round(1 / OUTER)
    parts = np.array_split(np.argsort(values, kind="stable"), count)
    end = means[parts[-1 if up else 0]]
    marks = []
    for place, rows in enumerate(parts):
        ratio = difference(median(means[rows]), median(end)).map(lambda x: float(10**x))
        is_end = place == (count - 1 if up else 0)
        label = f"{np.median(values[rows]):.2g}"
        marks.append(Mark(label, ratio.value, ratio.low, ratio.high, strong=is_end))
    return Figure(
        Kind.LINES,
        f"Median {loss} by tenths of {name}, beside that at the end",
        marks,
        quantity=f"times the {loss} at the end",
        across=name,
        log=True,
    )
