r"""Writes the best settings as a LaTeX table, which wants `\usepackage{booktabs}`."""

import math
import re
from collections.abc import Sequence

import pandas as pd

from sweep.printable import printable_line
from sweep.reports.findings.subject import Subject
from sweep.reports.objective import objective_name
from sweep.reports.settings import telling_columns, with_intervals
from sweep.reports.tables.text import format_value, is_number

MOST_ROWS = 10
DIGITS = 4
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
} | {char: f"\\{char}" for char in "&%$#_{}"}
HEAD = r"""\begin{table}
  \centering
  \caption{%s}
  \label{tab:%s}
  \begin{tabular}{%s}
    \toprule
    %s \\
    \midrule"""
FOOT = r"""    \bottomrule
  \end{tabular}
\end{table}"""


def latex_table(subject: Subject) -> str:
    """Return the best settings over their seeds, a row each; empty where no trial has a loss."""
    settings = subject.settings
    if settings.empty:
        return ""
    best = with_intervals(settings.head(MOST_ROWS))
    told = telling_columns(best, subject.trials)
    factors = _telling_factors(best, subject.factors)
    loss = objective_name(subject.trials)
    columns = {escape_latex(name.replace("_", " ")): _column(best[name]) for name in factors}
    if "trials" in told:
        columns["seeds"] = [f"{count:,}" for count in best["trials"]]
    for name in ("converged", "diverged"):
        if name in told:
            columns[name] = [f"{share:.0%}".replace("%", r"\,\%") for share in best[name]]
    several = bool((best["trials"] > 1).any())
    columns[f"median {loss}" if several else loss] = [_number(v) for v in best["median"]]
    if "low" in told:
        columns[r"95\,\% interval"] = [
            f"{_number(low)} to {_number(high)}"
            for low, high in best[["low", "high"]].itertuples(index=False)
        ]
    return _table(columns, _caption(subject, len(best), loss, several=several), _label(subject))


def escape_latex(text: str) -> str:
    """Make text stand in LaTeX for itself."""
    return "".join(SPECIAL.get(char, char) for char in printable_line(text))


def _telling_factors(best: pd.DataFrame, factors: Sequence[str]) -> list[str]:
    """Return what varies among these settings; all that varies where that is nothing."""
    differing = [name for name in factors if best[name].nunique(dropna=False) > 1]
    return differing or list(factors)


def _column(values: "pd.Series[str]") -> list[str]:
    texts = [format_value(value) for value in values]
    return [_scientific(text) if is_number(text) else escape_latex(text) for text in texts]


def _number(value: float) -> str:
    if math.isnan(value):
        return "--"
    return r"$\infty$" if math.isinf(value) else _scientific(f"{value:.{DIGITS}g}")


def _scientific(text: str) -> str:
    r"""Write `2.5e-06` as `$2.5 \times 10^{-6}$`, what has no exponent as it is."""
    number, has_exponent, exponent = text.partition("e")
    if text == "-":
        return "--"
    if not has_exponent:
        return f"${text}$" if text.startswith("-") else text
    return rf"${number} \times 10^{{{int(exponent)}}}$"


def _table(columns: dict[str, list[str]], caption: str, label: str) -> str:
    right = [all(map(_is_numeric, cells)) for cells in columns.values()]
    rows = [f"    {' & '.join(cells)} \\\\" for cells in zip(*columns.values(), strict=True)]
    spec = "".join("r" if is_right else "l" for is_right in right)
    return "\n".join([HEAD % (caption, label, spec, " & ".join(columns)), *rows, FOOT])


def _is_numeric(cell: str) -> bool:
    """Return whether a cell is written of numbers alone."""
    plain = re.sub(r" \\times 10\^\{-?\d+\}|\\,\\%|\$| to |--|,", "", cell)
    return re.fullmatch(r"-?[\d.]*", plain) is not None


def _caption(subject: Subject, shown: int, loss: str, *, several: bool) -> str:
    count = len(subject.settings)
    of = f"The best {shown:,} of {count:,} settings" if shown < count else f"The {count:,} settings"
    how = f"by their median {loss} over seeds" if several else f"by {loss}"
    return f"{of}, {how}."


def _label(subject: Subject) -> str:
    """Return a name that references take."""
    return re.sub(r"[^A-Za-z0-9]+", "-", subject.directory.path.name).strip("-") or "settings"
