"""Says how far a run is, in words and numbers for people."""

from collections import deque

from sweep.running.coordinator import RunPhase, SweepProgress

WINDOW_SECONDS = 10.0
SPEED_MARGIN = 1.25


class Speed:
    """Epochs per second over the last seconds, or the latter half of the training if longer."""

    def __init__(self) -> None:
        self._began = 0.0
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def update(self, seconds: float, epochs: int) -> float:
        """Take in the epochs trained so far; return the present speed."""
        if not epochs:
            self._began = seconds
            self._marks.clear()
        self._marks.append((seconds, epochs))
        window = max(WINDOW_SECONDS, (seconds - self._began) / 2)
        while len(self._marks) > 2 and seconds - self._marks[1][0] >= window:
            self._marks.popleft()
        then, before = self._marks[0]
        return (epochs - before) / max(seconds - then, 1e-9)


def describe_progress(progress: SweepProgress, epochs_per_second: float) -> str:
    """Return progress as text: the phase until trials are trained, then how far they are."""
    if progress.phase is RunPhase.STOPPING:
        return f"stopping{_what_is_kept(progress)}; interrupt again to end at once"
    if progress.phase is not RunPhase.TRAINING:
        return f"{progress.phase} · {clock(progress.seconds)}"
    parts = [
        f"{progress.done:,}/{progress.total:,} trials",
        f"{magnitude(progress.epochs)} of at most {magnitude(progress.epochs_most)} epochs",
        f"{magnitude(epochs_per_second)}/s",
        clock(progress.seconds),
    ]
    if left := describe_time_left(progress, epochs_per_second):
        parts.append(left)
    if progress.best_loss is not None:
        parts.append(f"best loss {progress.best_loss:.3g}")
    for name in ("failed", "diverged", "cancelled", "pruned"):
        if count := getattr(progress, name):
            parts.append(f"{count:,} {name}")
    if progress.compiling:
        parts.append(str(RunPhase.COMPILING))
    return " · ".join(parts)


def describe_time_left(progress: SweepProgress, epochs_per_second: float) -> str:
    """Say how long is left: a range where trials have finished, else the most; "" if unknown."""
    if not epochs_per_second:
        return ""
    if progress.epochs_left:
        low, high = map(clock, seconds_left(progress.epochs_left, epochs_per_second))
        return f"{low} to {high} left" if low != high else f"{low} left"
    possible = max(0, progress.epochs_most - progress.epochs) / epochs_per_second
    return f"at most {clock(possible)} left" if possible else ""


def seconds_left(epochs: tuple[float, float], epochs_per_second: float) -> tuple[float, float]:
    """Return how long this many epochs take, from and to, as the speed does not stay what it is."""
    low, high = epochs
    return low / epochs_per_second / SPEED_MARGIN, high / epochs_per_second * SPEED_MARGIN


def _what_is_kept(progress: SweepProgress) -> str:
    return ", workers save what they have" if progress.epochs else ", nothing was trained yet"


def magnitude(value: float) -> str:
    """Write a number with three digits: 12.3k."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.0f}"


def clock(seconds: float) -> str:
    """Write a duration as 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
