"""Small figures as coordinates, which the templates draw."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweep.live.views import TrialView

Points = Sequence[tuple[float, float]]
STATUSES = ("finished", "pruned", "diverged", "failed", "cancelled")
BAR_WIDTH = 1000.0
SMALL = (96.0, 24.0)
LARGE = (640.0, 220.0)
LEAST_DECADES = 0.05


@dataclass(frozen=True)
class Segment:
    """A part of a bar."""

    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class CurvesFigure:
    """Curves of loss by epoch on logarithmic axes: SVG paths, the best ones on top."""

    width: float
    height: float
    latest: tuple[str, ...]
    best: tuple[str, ...]
    epochs: tuple[Tick, ...]
    losses: tuple[Tick, ...]


def bar_of(counts: dict[str, int], total: int | None) -> tuple[Segment, ...]:
    """Return how many trials ended how, as parts of a bar that stands for all."""
    whole = max(total or 0, sum(counts.values()), 1)
    segments, start = [], 0.0
    for name in STATUSES:
        width = BAR_WIDTH * counts.get(name, 0) / whole
        if width:
            segments.append(Segment(name, counts[name], round(start, 2), round(width, 2)))
        start += width
    return tuple(segments)


def sparkline(points: Points) -> str:
    """Return the path of one curve in a small box; empty where there is too little to draw."""
    if len(points) < 2:
        return ""
    return _path(points, _Scale.of(p[0] for p in points), _Scale.of(p[1] for p in points), SMALL, 2)


def curves_figure(latest: Sequence[TrialView], best: Sequence[TrialView]) -> CurvesFigure | None:
    """Return the curves of some trials in one figure; None where there are none."""
    chosen = {trial.trial_id for trial in best}
    groups = [
        [t.curve for t in latest if len(t.curve) > 1 and t.trial_id not in chosen],
        [t.curve for t in best if len(t.curve) > 1],
    ]
    points = [point for curves in groups for curve in curves for point in curve]
    if not points:
        return None
    across, up = _Scale.of(p[0] for p in points), _Scale.of(p[1] for p in points)
    older, better = (tuple(_path(c, across, up, LARGE, 0) for c in curves) for curves in groups)
    width, height = LARGE
    epochs = [Tick(round(width * share, 1), text) for share, text in across.ticks()]
    losses = [Tick(round(height * (1 - share), 1), text) for share, text in up.ticks()]
    return CurvesFigure(width, height, older, better, tuple(epochs), tuple(losses))


@dataclass(frozen=True)
class _Scale:
    """Logarithmic where all values are positive."""

    low: float
    high: float
    is_log: bool

    @classmethod
    def of(cls, values: Iterable[float]) -> "_Scale":
        known = list(values)
        is_log = min(known) > 0
        low, high = min(known), max(known)
        if is_log:
            low, high = math.log10(low), math.log10(high)
        if high - low < LEAST_DECADES:
            low, high = (low + high - LEAST_DECADES) / 2, (low + high + LEAST_DECADES) / 2
        return cls(low, high, is_log)

    def share(self, value: float) -> float:
        at = math.log10(value) if self.is_log else value
        return (at - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places from 0 to 1 with their numbers: powers of ten, where there are two."""
        if self.is_log:
            step = max(1, math.ceil((self.high - self.low) / 5))
            powers = range(math.ceil(self.low), math.floor(self.high) + 1, step)
            if len(powers) > 1:
                return [((p - self.low) / (self.high - self.low), _number(10.0**p)) for p in powers]
        ends = (self.low, (self.low + self.high) / 2, self.high)
        texts = [_number(10**end if self.is_log else end) for end in ends]
        return list(zip((0.0, 0.5, 1.0), texts, strict=True))


def _path(
    points: Points, across: _Scale, up: _Scale, size: tuple[float, float], margin: float
) -> str:
    width, height = size[0] - 2 * margin, size[1] - 2 * margin
    places = (
        f"{margin + width * across.share(x):.1f} {margin + height * (1 - up.share(y)):.1f}"
        for x, y in points
    )
    return "M" + "L".join(places)


def _number(value: float) -> str:
    if 1 <= abs(value) < 1e6 or value == 0:
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:.2g}"
