"""Shows the progress of a sweep: one line on a terminal, a line every few seconds in a log."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from sweep.cli.console import guard_streams, styled_console
from sweep.running.coordinator import RunPhase, SweepProgress
from sweep.running.wording import Speed, describe_progress

SECONDS_BETWEEN_LINES = 10.0

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
    bar = progress_bar(console)

    def start() -> None:
        bar.start()
        guard_streams()  # it has put streams of its own in place, which would take styles from text

    try:
        yield Display(start=start, show=_bar(bar))
    finally:
        bar.stop()


def progress_bar(console: Console) -> Progress:
    """Return a bar with text beside it: over two lines rather than cut, where it is long."""
    text = TextColumn("{task.description}", markup=False, table_column=Column())
    return Progress(BarColumn(12), text, console=console, transient=True, refresh_per_second=4)


def _bar(bar: Progress) -> Show:
    task = bar.add_task("starting", total=None)
    speed = Speed()

    def show(progress: SweepProgress) -> None:
        rate = speed.update(progress.seconds, progress.epochs)
        text = describe_progress(progress, rate)
        total = progress.total if progress.phase is RunPhase.TRAINING else None  # None moves
        bar.update(task, total=total, completed=progress.done, description=text)

    return show


def _log() -> Show:
    due = 0.0
    phase: RunPhase | None = None
    speed = Speed()

    def show(progress: SweepProgress) -> None:
        nonlocal due, phase
        rate = speed.update(progress.seconds, progress.epochs)
        if progress.seconds >= due or progress.phase is not phase:
            due = progress.seconds + SECONDS_BETWEEN_LINES
            phase = progress.phase
            text = describe_progress(progress, rate)
            with contextlib.suppress(OSError):  # a reader that has gone must not end the sweep
                click.echo(text, err=True)

    return show
