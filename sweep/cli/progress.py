"""Shows how far a sweep has come: one line on a terminal, now and then a line in a log."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
from rich.progress import BarColumn, Progress, TextColumn

from sweep.cli.console import guard_streams, styled_console
from sweep.cluster.ledger import SweepProgress

SECONDS_BETWEEN_LINES = 10.0
WINDOW_SECONDS = 10.0

Show = Callable[[SweepProgress], None]


@dataclass(frozen=True)
class Display:
    """Where progress is shown, on stderr: from `start`, with each call of `show`."""

    start: Callable[[], None]
    show: Show | None


@contextlib.contextmanager
def progress_display(*, quiet: bool = False) -> Iterator[Display]:
    """Give a display that is cleared at the end of the block."""
    console = styled_console(err=True)
    if quiet or not console.is_terminal:
        yield Display(start=lambda: None, show=None if quiet else _log())
        return
    columns = (BarColumn(24), TextColumn("{task.description}", markup=False))
    bar = Progress(*columns, console=console, transient=True, refresh_per_second=4)

    def start() -> None:
        bar.start()
        guard_streams()  # it has put streams of its own in place, which would take styles from text

    try:
        yield Display(start=start, show=_bar(bar))
    finally:
        bar.stop()


class Speed:
    """Epochs per second over the last seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def update(self, seconds: float, epochs: int) -> float:
        """Take in the epochs trained so far; return the present speed."""
        self._marks.append((seconds, epochs))
        while len(self._marks) > 2 and seconds - self._marks[1][0] >= WINDOW_SECONDS:
            self._marks.popleft()
        then, before = self._marks[0]
        return (epochs - before) / max(seconds - then, 1e-9)


def describe_progress(progress: SweepProgress, epochs_per_second: float) -> str:
    """Return progress as text: trials, speed, time, what is left, failures."""
    parts = [
        f"{progress.done:,}/{progress.total:,} trials",
        f"{magnitude(epochs_per_second)} epochs/s",
        clock(progress.seconds),
    ]
    if progress.epochs_left and epochs_per_second:
        parts.append(f"about {clock(progress.epochs_left / epochs_per_second)} left")
    parts.append(f"{progress.failed:,} failed")
    if progress.diverged:
        parts.append(f"{progress.diverged:,} diverged")
    if progress.cancelled:
        parts.append(f"{progress.cancelled:,} cancelled")
    return " · ".join(parts)


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


def _bar(bar: Progress) -> Show:
    task = bar.add_task("starting", total=None)
    speed = Speed()

    def show(progress: SweepProgress) -> None:
        rate = speed.update(progress.seconds, progress.epochs)
        text = describe_progress(progress, rate)
        bar.update(task, total=progress.total, completed=progress.done, description=text)

    return show


def _log() -> Show:
    due = 0.0
    speed = Speed()

    def show(progress: SweepProgress) -> None:
        nonlocal due
        rate = speed.update(progress.seconds, progress.epochs)
        if progress.seconds >= due:
            due = progress.seconds + SECONDS_BETWEEN_LINES
            with contextlib.suppress(OSError):  # a reader that has gone must not end the sweep
                click.echo(describe_progress(progress, rate), err=True)

    return show
