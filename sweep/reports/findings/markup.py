"""Writes findings as HTML, their figures as SVG within it, so that they show without JavaScript.

Figures are as wide as the page has room for, with text of one size: places across are shares of the
width. Colours are the page's, by CSS variables with a default: `--accent`, and the colour of text.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from math import isfinite, log10

from sweep.printable import printable_line, printable_text
from sweep.reports.findings.finding import Figure, Finding, Kind, Mark

ROW = 38
"""Height of a row: a line of text above, what is drawn below, pixels."""
LABEL, DRAWN = 13, 26
"""Where in its row text stands and where it is drawn, pixels from above."""
LEFT, WIDTH = 1.0, 79.0
"""Where drawing begins and how wide it is, % of the width; values are written beside it."""
TALL = 170
"""Height of what lines are drawn in, pixels."""
CODE = re.compile("`([^`]+)`")
MARGIN = 0.04
"""Of the scale, left free at its ends."""


def findings_html(findings: Sequence[Finding]) -> str:
    """Return a `section` a finding, with the classes `finding` and, of warnings, `warning`.

    Within it stand an `h3`, a `p`, another of the class `how`, a `pre` with lines of the sweep
    file, and a `figure` with its SVG and `figcaption`, whichever it has. Its id is `finding-` and
    its name.
    """
    return "\n".join(map(_finding, findings))


def _finding(finding: Finding) -> str:
    kind = "finding warning" if finding.warning else "finding"
    parts = [
        f'<section class="{kind}" id="finding-{_text(finding.name)}">',
        f"<h3>{_text(finding.title)}</h3>",
        f"<p>{_prose(finding.text)}</p>",
    ]
    if finding.how:
        parts.append(f'<p class="how"><small>{_prose(finding.how)}</small></p>')
    if finding.lines:
        parts.append(f"<pre><code>{escape(printable_text(finding.lines))}</code></pre>")
    if finding.figure:
        caption = f"<figcaption>{_text(finding.figure.title)}</figcaption>"
        parts.append(f"<figure>{figure_svg(finding.figure)}{caption}</figure>")
    return "\n".join([*parts, "</section>"])


def figure_svg(figure: Figure) -> str:
    """Return a figure as an SVG element of HTML; its marks are also told in words."""
    drawn = _lines(figure) if figure.kind is Kind.LINES else _rows(figure)
    height = TALL + 2 * ROW if figure.kind is Kind.LINES else _height(figure)
    told = "; ".join(map(_words, figure.marks))
    words = f"<desc>{_text(figure.quantity)}. {_text(told)}</desc>"
    return "".join(
        [
            f'<svg class="finding-figure" role="img" width="100%" height="{height}" '
            'style="font-size:12px;font-variant-numeric:tabular-nums;overflow:hidden" '
            'fill="currentColor" xmlns="http://www.w3.org/2000/svg">',
            f"<title>{_text(figure.title)}</title>{words}",
            *drawn,
            "</svg>",
        ]
    )


class _Scale:
    """Where values stand, 0 to 1."""

    def __init__(self, figure: Figure) -> None:
        self._log = figure.log
        known = [v for mark in figure.marks for v in (mark.value, mark.low, mark.high)]
        known = [self._on(v) for v in [*known, figure.reference] if self._has(v)] or [0.0]
        low, high = min(known), max(known)
        room = MARGIN * (high - low) or 0.5
        self.low = self._on(figure.least) if self._has(figure.least) else low - room
        self.high = self._on(figure.most) if self._has(figure.most) else high + room

    def _has(self, value: float) -> bool:
        return isfinite(value) and (value > 0 or not self._log)

    def _on(self, value: float) -> float:
        return log10(value) if self._log else value

    def place(self, value: float) -> float | None:
        """Return where a value stands; None where it has no place."""
        if not self._has(value):
            return None
        return min(1.0, max(0.0, (self._on(value) - self.low) / (self.high - self.low or 1.0)))


def _height(figure: Figure) -> int:
    return ROW * len(figure.marks) + (18 if isfinite(figure.reference) else 0)


def _rows(figure: Figure) -> Iterator[str]:
    scale = _Scale(figure)
    bottom = ROW * len(figure.marks)
    if (place := scale.place(figure.reference)) is not None:
        x = _across(place)
        yield (
            f'<line x1="{x}" x2="{x}" y1="0" y2="{bottom + 2}" stroke="currentColor" '
            'stroke-opacity="0.45" stroke-dasharray="2 3"/>'
        )
        told = _text(figure.reference_label)
        yield f'<text x="{x}" y="{bottom + 14}" opacity="0.7">{told}</text>'
    for number, mark in enumerate(figure.marks):
        drawn = "".join(_row(figure, scale, mark))
        title = f"<title>{_text(_words(mark))}</title>"
        yield f'<g transform="translate(0 {ROW * number})">{title}{drawn}</g>'


def _row(figure: Figure, scale: _Scale, mark: Mark) -> Iterator[str]:
    """Draw the label, and below it the track, the interval and the value."""
    weight = ' font-weight="600"' if mark.strong else ""
    colour = "var(--accent, #0b62a4)" if mark.strong else "currentColor"
    faint = "" if mark.strong else ' opacity="0.6"'
    yield f'<text x="{LEFT}%" y="{LABEL}"{weight}>{_text(mark.label)}</text>'
    yield f'<text x="100%" y="{DRAWN + 4}" text-anchor="end">{_text(_value(mark))}</text>'
    yield (
        f'<line x1="{LEFT}%" x2="{LEFT + WIDTH}%" y1="{DRAWN}" y2="{DRAWN}" '
        'stroke="currentColor" stroke-opacity="0.15"/>'
    )
    place = scale.place(mark.value)
    if place is None:
        return
    if figure.kind is Kind.BARS:
        start = scale.place(0.0) or 0.0
        left, width = min(start, place), abs(place - start)
        yield (
            f'<rect x="{_across(left)}" width="{WIDTH * width:.2f}%" y="{DRAWN - 4}" height="8" '
            f'fill="{colour}" fill-opacity="{0.75 if mark.strong else 0.4}"/>'
        )
    low, high = scale.place(mark.low), scale.place(mark.high)
    if low is not None and high is not None:
        yield (
            f'<line x1="{_across(low)}" x2="{_across(high)}" y1="{DRAWN}" y2="{DRAWN}" '
            f'stroke="{"currentColor" if figure.kind is Kind.BARS else colour}" '
            f'stroke-width="2"{faint}/>'
        )
    if figure.kind is not Kind.BARS:
        yield f'<circle cx="{_across(place)}" cy="{DRAWN}" r="4" fill="{colour}"{faint}/>'


def _lines(figure: Figure) -> Iterator[str]:
    """Draw marks from left to right, joined, with their intervals; their labels below."""
    scale = _Scale(figure)
    step = 100 / max(1, len(figure.marks))
    known = [(step * (i + 0.5), scale.place(m.value), m) for i, m in enumerate(figure.marks)]
    points = [(x, _down(place), mark) for x, place, mark in known if place is not None]
    path = " ".join(f"{x:.2f},{y:.1f}" for x, y, _ in points)
    yield f'<text x="0" y="{LABEL}" opacity="0.7">{_text(figure.quantity)}</text>'
    yield (
        f'<svg x="0" y="0" width="100%" height="{TALL + ROW}" viewBox="0 0 100 {TALL + ROW}" '
        f'preserveAspectRatio="none"><polyline points="{path}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.35" stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg>'
    )
    for x, y, mark in points:
        colour = "var(--accent, #0b62a4)" if mark.strong else "currentColor"
        weight = ' font-weight="600"' if mark.strong else ""
        low, high = scale.place(mark.low), scale.place(mark.high)
        if low is not None and high is not None:
            yield (
                f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="{_down(low):.1f}" y2="{_down(high):.1f}" '
                f'stroke="{colour}" stroke-width="2" stroke-opacity="0.7"/>'
            )
        yield f'<circle cx="{x:.2f}%" cy="{y:.1f}" r="4" fill="{colour}"/>'
        yield (
            f'<text x="{x:.2f}%" y="{TALL + ROW}" text-anchor="middle"{weight}>'
            f"{_text(mark.label)}</text>"
        )
    yield (
        f'<text x="50%" y="{TALL + ROW + 18}" text-anchor="middle" opacity="0.7">'
        f"{_text(figure.across)}</text>"
    )


def _across(place: float) -> str:
    return f"{LEFT + WIDTH * place:.2f}%"


def _down(place: float) -> float:
    return LABEL + 10 + (TALL - 10) * (1 - place)


def _value(mark: Mark) -> str:
    return mark.text or f"{mark.value:.3g}"


def _words(mark: Mark) -> str:
    """Say what a mark is, with its interval."""
    interval = f" ({mark.low:.3g} to {mark.high:.3g})" if isfinite(mark.low) else ""
    return f"{mark.label}: {_value(mark)}{interval}"


def _prose(text: str) -> str:
    """Write text in which what stands between backticks is code."""
    return CODE.sub(r"<code>\1</code>", _text(text))


def _text(text: str) -> str:
    return escape(printable_line(text))
