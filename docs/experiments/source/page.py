"""Fills the pages of the experiments with the numbers of their results.

A page is a Jinja template, `NAME.md.jinja`, and a module, `NAME.py`, whose `numbers()` works out
from the tables under `results/examples/` what the template names. No number stands in a template
that a result could contradict. A figure that no report has is drawn by `draw()` of the module.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import jinja2
import numpy as np

from sweep.reports.figures.panels import to_png
from sweep.reports.statistics.intervals import Share

SOURCE = Path(__file__).parent
PAGES = SOURCE.parent
EXAMPLES = PAGES.parent.parent / "results" / "examples"
NAMES = tuple(sorted(path.name.partition(".")[0] for path in SOURCE.glob("*.md.jinja")))
NOTE = "<!-- Written by `make reproduce` from source/{}.md.jinja: change it there. -->\n"


def render(name: str) -> str:
    """Return the text of a page.

    Raises:
        jinja2.UndefinedError: the template names a number that the module does not give.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SOURCE),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "sig": sig, "fixed": fixed, "percent": percent}
    environment.filters |= {"span": span, "wilson": wilson, "of": share_of}
    numbers = import_module(f"docs.experiments.source.{name}").numbers()
    return NOTE.format(name) + environment.get_template(f"{name}.md.jinja").render(numbers)


def figure(name: str) -> bytes | None:
    """Return the figure of a page whose module has a `draw()`, as a PNG."""
    module = import_module(f"docs.experiments.source.{name}")
    return to_png(module.draw()) if hasattr(module, "draw") else None


def count(number: float) -> str:
    """Write a whole number: `11,040`."""
    return f"{round(number):,}"


def sig(number: float, digits: int = 2) -> str:
    """Write a number to so many significant digits: `0.0042`, `4.2e-6`."""
    mantissa, _, exponent = f"{number:.{digits - 1}e}".partition("e")
    if number == 0 or -4 <= int(exponent) < 6:
        decimals = max(0, digits - 1 - int(exponent))
        return f"{round(number, digits - 1 - int(exponent)):,.{decimals}f}"
    return f"{mantissa}e{int(exponent)}"


def fixed(number: float, decimals: int = 2) -> str:
    """Write a number with so many decimals: `0.86`, with a true minus sign."""
    return f"{number:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float, decimals: int = 0) -> str:
    """Write a share: `74%`."""
    return f"{share:.{decimals}%}"


def span(numbers: Iterable[float], form: str = "sig", digits: int = 2) -> str:
    """Write the least and the greatest of some numbers: `1.4e-6 to 1.1e-4`, once if alike."""
    known = [float(number) for number in numbers if not np.isnan(number)]
    write = {"sig": lambda v: sig(v, digits), "fixed": lambda v: fixed(v, digits), "count": count}
    low, high = (write[form](end) for end in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def wilson(successes: int, total: int) -> str:
    """Write the interval of a share: `3% to 17%`."""
    found = Share(int(successes), int(total)).estimate
    return f"{found.low:.0%} to {found.high:.0%}"


def share_of(successes: int, total: int) -> str:
    """Write a share with its interval: `5 of 64 (3% to 17%)`."""
    return f"{int(successes):,} of {int(total):,} ({wilson(successes, total)})"
