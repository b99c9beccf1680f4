"""Shows the progress of a sweep in a notebook: a bar in the cell, replaced as the sweep goes on.

The bar is HTML that every notebook front end shows and keeps, without widgets; where there is no
HTML, as in a console on a kernel, it is a line of text.
"""

import html
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sweep.running.coordinator import RunPhase, SweepProgress
from sweep.running.executor import OnProgress
from sweep.running.wording import Speed, describe_progress

SECONDS_BETWEEN = 0.25


class Bar:
    """How far a sweep is, as a cell shows it.

    Args:
        text: in words.
        share: of the trials that are done, 0 to 1; None where none is trained yet.
    """

    def __init__(self, text: str, share: float | None) -> None:
        self.text = text
        self.share = share

    def __repr__(self) -> str:
        return self.text if self.share is None else f"{self.share:4.0%} {self.text}"

    def _repr_html_(self) -> str:
        value = "" if self.share is None else f' value="{self.share:.4f}"'
        words = html.escape(self.text)
        return (
            '<div style="display:flex;gap:.8em;align-items:center;'
            'font-variant-numeric:tabular-nums">'
            f'<progress max="1"{value} aria-label="trials done" style="width:14em"></progress>'
            f"<span>{words}</span></div>"
        )


def kernel_of() -> Any:
    """Return IPython where this process is the kernel of a notebook, else None."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return ipython if hasattr(shell, "kernel") else None


@contextmanager
def notebook_bar() -> Iterator[OnProgress | None]:
    """Give what shows progress in the cell; None where this is no notebook.

    The bar goes once the run has ended: what the run did stands in its place.
    """
    ipython = kernel_of()
    if ipython is None:
        yield None
        return
    handle: Any = None
    speed, due = Speed(), 0.0

    def show(progress: SweepProgress) -> None:
        nonlocal handle, due
        rate = speed.update(progress.seconds, progress.epochs)
        now = time.monotonic()
        if handle is not None and now < due:
            return
        due = now + SECONDS_BETWEEN
        bar = Bar(describe_progress(progress, rate), _share(progress))
        if handle is None:
            handle = ipython.display.display(bar, display_id=True)
        else:
            handle.update(bar)

    try:
        yield show
    finally:
        if handle is not None:
            handle.update({"text/plain": "", "text/html": ""}, raw=True)


def _share(progress: SweepProgress) -> float | None:
    if progress.phase is not RunPhase.TRAINING or not progress.total:
        return None
    return progress.done / progress.total
