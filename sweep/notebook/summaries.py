"""Says in a cell of a notebook what a sweep came to: a line, the best settings, a small picture.

Written for light and dark pages: lines and bars have the colour of the text around them.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float64

from sweep.printable import counted, printable_line
from sweep.reports.objective import objective_name, objective_of
from sweep.reports.population import CENSORED, Population, has_converged, has_ended, has_rule
from sweep.reports.settings import best_rows
from sweep.reports.tables.text import cells, is_number
from sweep.trial import Status

if TYPE_CHECKING:
    from sweep.notebook.results import Results
    from sweep.running.options import RunSummary

MOST_ROWS = 5
MOST_COLUMNS = 9
"""Of the table: identity, what varies and what came out, as far as a cell has room."""
ID_LENGTH = 8
BINS = 32
WIDTH, HEIGHT = 320, 72
"""Of the picture, pixels."""
DECADES = 1.0
"""Spread of the losses in powers of ten from which on they are drawn by their logarithm."""


def describe(results: "Results") -> str:
    """Say in a line how many trials there are and how they ended."""
    return ", ".join(_told(results.population))


def _told(population: Population) -> list[str]:
    trials = population.trials
    judged = has_rule(trials)
    counts = {
        "reached a limit first": int(
            (trials["stop_reason"].isin(CENSORED) & (trials["status"] != Status.PRUNED)).sum()
        ),
        "pruned": int((trials["status"] == Status.PRUNED).sum()),
        "diverged": int((trials["status"] == Status.DIVERGED).sum()),
        "failed": len(population.failed),
        "cancelled": population.cancelled,
        "not trained yet": population.missing,
    }
    told = [counted(len(trials), "trial")]
    if judged.any():
        told.append(f"{has_converged(trials)[judged].mean():.0%} converged")
    return told + [f"{count:,} {what}" for what, count in counts.items() if count]


def results_html(results: "Results") -> str:
    """Return results as a notebook shows them."""
    told = " · ".join(map(_text, _told(results.population)))
    trials = results.population.trials
    name, place = _text(results.path.name), _text(str(results.path))
    line = f'<b>{name}</b> · {told} <span style="opacity:.6">· {place}</span>'
    parts = [f"<div>{line}</div>"]
    if has_ended(trials).any():
        title, best = best_rows(trials, most=MOST_ROWS)
        if len(best):
            parts += [_small(title), _table(best), _picture(trials)]
    style = "font-variant-numeric:tabular-nums;line-height:1.5"
    return f'<div style="{style}">{"".join(parts)}</div>'


def run_html(summary: "RunSummary", lines: Sequence[str], results: "Results | None") -> str:
    """Return what a run did, and what is in its results.

    Args:
        summary: of the run.
        lines: what it did, in words.
        results: of all that was trained; None where there are none.
    """
    failed = [
        f"{kind.trials:,} failed: {kind.error} (trial {kind.trial_id})" for kind in summary.failures
    ]
    told = "".join(f"<div>{_text(line)}</div>" for line in [*lines, *failed])
    return told + (results_html(results) if results else "")


def _table(best: pd.DataFrame) -> str:
    shown = best.copy()
    if len(shown.columns) > MOST_COLUMNS:
        half = MOST_COLUMNS // 2
        names = [*shown.columns[: MOST_COLUMNS - half], *shown.columns[-half:]]
        shown = shown[names]
    shown["trial_id"] = shown["trial_id"].astype(str).str[:ID_LENGTH]
    rows = cells(shown)
    right = [all(map(is_number, column)) for column in zip(*rows, strict=True)]
    head = _row(shown.columns, right, "th")
    body = "".join(_row(row, right, "td") for row in rows)
    return f'<table style="margin:.3em 0 .6em 0"><thead>{head}</thead><tbody>{body}</tbody></table>'


def _row(row: Iterable[str], right: Sequence[bool], tag: str) -> str:
    told = (
        f'<{tag} style="text-align:{"right" if side else "left"}">{_text(str(cell))}</{tag}>'
        for cell, side in zip(row, right, strict=True)
    )
    return f"<tr>{''.join(told)}</tr>"


def _picture(trials: pd.DataFrame) -> str:
    """Return a histogram of the losses, by their logarithm where they spread far."""
    loss = objective_of(trials).where(has_ended(trials)).to_numpy(np.float64)
    known = loss[np.isfinite(loss)]
    if len(known) < 2 or known.min() == known.max():
        return ""
    name = objective_name(trials)
    told = f"{name} of {len(known):,} trials"
    scaled = known.min() > 0 and np.log10(known.max() / known.min()) > DECADES
    counts, _ = np.histogram(np.log10(known) if scaled else known, BINS)
    bars = _bars(counts.astype(np.float64))
    ends = [f"{end:.3g}" for end in (known.min(), known.max())]
    return (
        f'<svg role="img" width="{WIDTH}" height="{HEIGHT + 18}" fill="currentColor" '
        f'style="font-size:11px"><title>{_text(told)}</title>{bars}'
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}" stroke="currentColor" '
        'stroke-opacity=".4"/>'
        f'<text x="0" y="{HEIGHT + 14}">{ends[0]}</text>'
        f'<text x="{WIDTH // 2}" y="{HEIGHT + 14}" text-anchor="middle" opacity=".7">'
        f"{_text(told)}{', log scale' if scaled else ''}</text>"
        f'<text x="{WIDTH}" y="{HEIGHT + 14}" text-anchor="end">{ends[1]}</text></svg>'
    )


def _bars(counts: Float64[np.ndarray, " bins"]) -> str:
    step = WIDTH / len(counts)
    heights = np.where(counts > 0, np.maximum(counts / counts.max() * (HEIGHT - 4), 2), 0)
    return "".join(
        f'<rect x="{place * step:.1f}" y="{HEIGHT - height:.1f}" width="{step - 1:.1f}" '
        f'height="{height:.1f}" opacity=".55"/>'
        for place, height in enumerate(heights)
        if height
    )


def _small(text: str) -> str:
    return f'<div style="opacity:.7;margin-top:.4em">{_text(text)}</div>'


def _text(text: str) -> str:
    return html.escape(printable_line(text))
