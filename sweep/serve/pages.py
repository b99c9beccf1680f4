"""Renders pages, and the parts of them that change while somebody looks."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sweep.live.views import SweepView
from sweep.printable import printable_line, printable_text
from sweep.running.wording import clock, magnitude
from sweep.serve.figures import bar_of, curves_figure, sparkline

FOLDER = Path(__file__).parent
MOST_COLUMNS = 6
"""Settings that a table of trials shows; a trial's own page has all."""

SECTIONS = ("head", "curves", "latest", "best", "workers", "failures")


@dataclass(frozen=True)
class Part:
    """What a page fetches while it is open: sections as HTML, under a tag that tells changes."""

    body: bytes
    tag: str

    @classmethod
    def of(cls, title: str, sections: Mapping[str, str]) -> "Part":
        body = json.dumps({"title": title, "sections": dict(sections)}).encode()
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


@dataclass
class Pages:
    """The templates, with what all pages know.

    Attributes:
        may_submit: whether sweeps may be submitted and stopped.
        address: of a cluster; empty without one.
    """

    may_submit: bool = False
    address: str = ""
    _environment: Environment = field(init=False)

    def __post_init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= FILTERS
        self._environment.globals |= {
            "may_submit": self.may_submit,
            "address": self.address,
            "version": version("autoencoder-sweep"),
            "statuses": ("finished", "pruned", "diverged", "failed", "cancelled"),
            "most_columns": MOST_COLUMNS,
        }

    def render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(**values)

    def sweep_sections(self, view: SweepView, base: str) -> dict[str, str]:
        """Return the sections of a sweep's page that change, by the ids of their elements."""
        bar = bar_of(dict(view.counts), view.total)
        figure = curves_figure(view.latest, view.best)
        values = {"sweep": view, "bar": bar, "figure": figure, "base": base}
        return {name: self.render(f"sweep/{name}.html", **values) for name in SECTIONS}


def as_json(view: SweepView) -> bytes:
    """Return a view for programs."""
    return json.dumps(asdict(view), default=_plain).encode()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _moment(value: datetime | None) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if value else ""


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _left(seconds: tuple[float, float]) -> str:
    low, high = map(clock, seconds)
    return low if low == high else f"{low} to {high}"


def _title(name: str) -> str:
    return printable_line(name.replace("_", " "))


FILTERS = {
    "line": lambda text: printable_line(str(text)),
    "text": lambda text: printable_text(str(text)),
    "count": lambda value: f"{value:,}",
    "magnitude": magnitude,
    "clock": clock,
    "moment": _moment,
    "loss": _loss,
    "left": _left,
    "spark": sparkline,
    "title_of": _title,
}
