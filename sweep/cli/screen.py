"""A sweep under way on a terminal: what `sweep watch` draws."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from sweep.live.views import ErrorView, SweepState, SweepView, TrialView, WorkerView
from sweep.printable import counted
from sweep.reports.tables.text import format_number
from sweep.reports.tables.trial_page import sparkline
from sweep.running.wording import clock, magnitude

STATE_STYLES = {
    SweepState.RUNNING: "bold blue",
    SweepState.COMPLETE: "bold green",
    SweepState.FAILED: "bold red",
}
STATUS_STYLES = {"failed": "red", "diverged": "yellow", "cancelled": "dim", "pruned": "cyan"}
BAR_STYLES = {"finished": "blue", **STATUS_STYLES}
CURVE_WIDTH = 12
GAP = "  "
FIXED_LINES = 6
"""Lines that are there whatever happens: name, bar, counts, and what keys do."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its cells, and whether they are numbers."""

    name: str
    cells: tuple[Text, ...]
    is_number: bool = False

    @property
    def width(self) -> int:
        return max(len(self.name), *(cell.cell_len for cell in self.cells))

    def lines(self) -> list[Text]:
        """Return the name and the cells, all of one width."""
        return [self._padded(Text(self.name, style="dim")), *map(self._padded, self.cells)]

    def _padded(self, cell: Text) -> Text:
        padded = cell.copy()
        space = self.width - cell.cell_len
        if self.is_number:
            padded.pad_left(space)
        else:
            padded.pad_right(space)
        return padded


def draw_screen(view: SweepView, *, width: int, height: int, keys: bool) -> RenderableType:
    """Return a sweep as a picture of so many lines at most.

    Args:
        view: the sweep.
        width: of the terminal, columns.
        height: of the terminal, lines.
        keys: whether to say which keys do what.
    """
    drawn: list[RenderableType] = [*_head(view, width)]
    tables: list[tuple[str, int, Callable[[int], list[Text]]]] = []
    if view.state is SweepState.RUNNING and view.workers:
        title = f"workers ({len(view.workers):,})"
        tables.append((title, len(view.workers), lambda n: _workers(view.workers[:n], width)))
    for title, trials in (("latest trials", view.latest), ("least loss", view.best)):
        if trials:
            tables.append((title, len(trials), _trials_drawn(trials, view.varying, width)))
    if view.errors:
        title = f"failures ({counted(view.n_errors, 'kind')})"
        tables.append((title, len(view.errors), lambda n: _errors(view.errors[:n])))
    shares = _shares([rows for _, rows, _ in tables], height - FIXED_LINES)
    for (title, _, draw), rows in zip(tables, shares, strict=True):
        drawn += [Text(), Text(title, style="bold"), *draw(rows)]
    if keys:
        drawn += [Text(), Text("q leaves; the sweep goes on", style="dim")]
    return Group(*drawn)


def describe_view(view: SweepView) -> str:
    """Return a sweep in a line, for a log."""
    return " · ".join([f"{view.name} {view.state}", *_facts(view)])


def _shares(wanted: Sequence[int], lines: int) -> list[int]:
    """Return how many rows each table may have so that all fit: short ones have all of theirs."""
    left = lines - 3 * len(wanted)
    shares = [min(2, rows) for rows in wanted]
    while sum(shares) < left and shares != list(wanted):
        short = [place for place, rows in enumerate(wanted) if shares[place] < rows]
        shares[min(short, key=lambda place: shares[place])] += 1
    return shares


def _head(view: SweepView, width: int) -> Iterator[RenderableType]:
    head = _line()
    head.append(view.name, style="bold")
    head.append(f"  {view.state}", style=STATE_STYLES.get(view.state, "dim"))
    if view.phase not in ("", "training"):
        head.append(f"  {view.phase}")
    head.append(f"  {view.job or view.place}", style="dim")
    yield head
    if view.total:
        yield _bar(view, view.total, width)
    yield Text(" · ".join(_facts(view)))
    if view.note:
        yield _line().append(view.note.strip().splitlines()[-1], style="dim")


def _bar(view: SweepView, total: int, width: int) -> Text:
    """Return a bar of all trials, in the colours of how they ended."""
    bar, counted = _line(), 0
    for name, style in BAR_STYLES.items():
        before = width * counted // total
        counted = min(total, counted + view.counts.get(name, 0))
        bar.append("━" * (width * counted // total - before), style=style)
    return bar.append("─" * (width - len(bar)), style="dim")


def _facts(view: SweepView) -> list[str]:
    done = view.held if view.done is None else view.done
    facts = [f"{done:,}/{view.total:,} trials" if view.total is not None else f"{done:,} trials"]
    facts += [f"{count:,} {name}" for name, count in view.counts.items() if name != "finished"]
    if view.state is SweepState.RUNNING and view.seconds:
        facts += [f"{magnitude(view.epochs_per_second)} epochs/s", clock(view.seconds)]
        if view.seconds_left:
            low, high = map(clock, view.seconds_left)
            facts.append(f"{low} to {high} left" if low != high else f"{low} left")
    if view.best:
        facts.append(f"least loss {format_number(view.best[0].loss, '.3g')}")
    return facts


def _line() -> Text:
    return Text(no_wrap=True, overflow="ellipsis")


def _table(columns: Sequence[Column], width: int) -> list[Text]:
    """Return the lines of a table, without the last columns where they have no room."""
    ends = accumulate(column.width + len(GAP) for column in columns)
    fitting = [c for c, end in zip(columns, ends, strict=True) if end - len(GAP) <= width]
    rows = zip(*(column.lines() for column in fitting), strict=True)
    return [_line().append_text(Text(GAP).join(row)) for row in rows]


def _trials_drawn(
    trials: Sequence[TrialView], varying: Sequence[str], width: int
) -> Callable[[int], list[Text]]:
    return lambda rows: _table(_trial_columns(trials[:rows], varying), width)


def _trial_columns(trials: Sequence[TrialView], varying: Sequence[str]) -> list[Column]:
    ended = [
        (trial.reason or trial.status, STATUS_STYLES.get(trial.status, "")) for trial in trials
    ]
    columns = [
        Column("trial", tuple(Text(trial.trial_id[:8]) for trial in trials)),
        Column("loss", tuple(Text(format_number(t.loss, ".4g")) for t in trials), is_number=True),
        Column("epochs", tuple(Text(f"{trial.epochs:,}") for trial in trials), is_number=True),
        Column("ended", tuple(Text(text, style=style) for text, style in ended)),
    ]
    settings = [trial.settings for trial in trials]
    if all(settings):
        values = zip(varying, zip(*settings, strict=True), strict=True)
        columns += [Column(name, tuple(map(Text, cells)), is_number=True) for name, cells in values]
    if any(trial.curve for trial in trials):
        curves = tuple(Text(_curve(trial), style="blue") for trial in trials)
        columns.append(Column("curve", curves))
    return columns


def _curve(trial: TrialView) -> str:
    if not trial.curve:
        return ""
    places = np.unique(np.linspace(0, len(trial.curve) - 1, CURVE_WIDTH).astype(int))
    points = np.array([trial.curve[place] for place in places])
    return sparkline(points[:, 0].astype(np.int64), points[:, 1])


def _workers(workers: Sequence[WorkerView], width: int) -> list[Text]:
    has = [bool(worker.pack) for worker in workers]

    def numbers(name: str, *texts: str) -> Column:
        shown = (text if known else "" for text, known in zip(texts, has, strict=True))
        return Column(name, tuple(map(Text, shown)), is_number=True)

    columns = [
        Column("worker", tuple(Text(str(w.number)) for w in workers), is_number=True),
        Column("host", tuple(Text(w.host or "starting") for w in workers)),
        Column("pack", tuple(Text(w.pack[:8] or "waits") for w in workers)),
        numbers("ended", *(f"{w.done:,}/{w.trials:,}" for w in workers)),
        numbers("in training", *(f"{w.active:,}" for w in workers)),
        numbers("waiting", *(f"{w.waiting:,}" for w in workers)),
        numbers("attempt", *(str(w.attempt) for w in workers)),
    ]
    return _table(columns, width)


def _errors(errors: Sequence[ErrorView]) -> list[Text]:
    return [
        _line().append(f"{error.trials:,} ", style="red").append(error.error) for error in errors
    ]
