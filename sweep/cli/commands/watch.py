"""`sweep watch`: a sweep under way, on the terminal."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from sweep.cli.console import guard_streams, say, styled_console

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sweep.live.views import SweepView

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_LINES = 10.0
OVER = ("complete", "ended", "stopped", "failed")
LEAVE = {"q", "Q", "\x03", "\x04"}


@click.command("watch")
@click.argument("sweep")
@click.option("--address", help="Job server on which SWEEP is a job, such as http://HEAD:8265.")
def watch_command(sweep: str, address: str | None) -> None:
    """Watch SWEEP until it is over: a results directory, the name of a sweep, its file, or a URI.

    Shows its progress, its workers, the latest and the best trials, and failures, as they come.
    With --address SWEEP is a job there, or a sweep for its latest. q leaves, and so does Ctrl-C;
    the sweep goes on. Where the output is no terminal, prints a line now and then.

    Exit code: 0, 2 wrong input.
    """
    look = _look_at(sweep, address)
    console = styled_console()
    with contextlib.suppress(KeyboardInterrupt):
        if console.is_terminal and sys.stdin.isatty():
            _watch_screen(look, console)
        else:
            _watch_lines(look)


def _look_at(name: str, address: str | None) -> "Callable[[], SweepView]":
    """Return what looks at the sweep that is meant."""
    if address:
        from sweep.jobs.control import JobServer
        from sweep.live.jobs import WatchedJob

        server = JobServer(address)
        return WatchedJob(server, server.find(name).job_id).look
    from sweep.cli.places import find_results
    from sweep.live.sweeps import WatchedSweep

    return WatchedSweep(find_results(name)).look


def _watch_lines(look: "Callable[[], SweepView]") -> None:
    from sweep.cli.screen import describe_view

    due, state = 0.0, ""
    while True:
        view = look()
        now = time.monotonic()
        if now >= due or view.state != state:
            due, state = now + SECONDS_BETWEEN_LINES, view.state
            say(describe_view(view))
        if view.state in OVER:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _watch_screen(look: "Callable[[], SweepView]", console: "Console") -> None:
    """Draw the sweep on a screen of its own; leave it as it was last on the one before."""
    from rich.live import Live

    view = look()
    if view.state not in OVER:
        with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
            guard_streams()  # it has put streams of its own in place
            while view.state not in OVER:
                live.update(_draw(view, console, keys=True), refresh=True)
                if pressed(SECONDS_BETWEEN_LOOKS):
                    break
                view = look()
    console.print(_draw(view, console, keys=False))


def _draw(view: "SweepView", console: "Console", *, keys: bool) -> "RenderableType":
    from sweep.cli.screen import draw_screen

    return draw_screen(view, width=console.width, height=console.height, keys=keys)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Give a function that waits so many seconds, and returns whether a key to leave came."""
    import select
    import termios
    import tty

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)

    def pressed(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([keyboard], [], [], left)[0]:
                key = sys.stdin.read(1)
                if not key or key in LEAVE:
                    return True
        return False

    try:
        tty.setcbreak(keyboard)
        yield pressed
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
