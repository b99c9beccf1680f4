"""Findings say what the numbers of a table show, and show it without JavaScript."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweep.reports.axes import axes_of
from sweep.reports.findings import (
    Figure,
    Finding,
    Kind,
    Mark,
    Subject,
    figure_svg,
    find,
    findings_html,
)
from sweep.reports.population import population_of
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import table_set_of
from tests.store_fixtures import make_result

HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m"


def findings_of(trials: pd.DataFrame, path: Path) -> dict[str, Finding]:
    """Return the findings of a table without recorded runs, by name."""
    population = population_of(trials)
    subject = Subject(ResultsDir(path), population, axes_of(population.trials))
    return {finding.name: finding for finding in find(subject)}


def table_of(
    loss: Callable[..., float], *, seeds: int, noise: float = 0.0, **grid: list[Any]
) -> pd.DataFrame:
    """Return a full grid of trials with log10 of the loss by a function, and normal noise."""
    rng = np.random.default_rng(0)
    results = []
    for values in product(*grid.values()):
        setting = dict(zip(grid, values, strict=True))
        for seed in range(seeds):
            drawn = 10 ** (loss(**setting) + noise * rng.standard_normal())
            results.append(make_result(**setting, seed=seed, outcome={"final_loss": drawn}))
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame.assign(false_convergence=False)


class Elements(HTMLParser):
    """The elements of a text, and those that are left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)


def test_what_is_hostile_is_text_in_the_markup_of_findings() -> None:
    for kind in Kind:
        figure = Figure(kind, HOSTILE, [Mark(HOSTILE, 1.0), Mark("b", 2.0, 1.0, 3.0)], HOSTILE)
        text = findings_html([Finding("a", HOSTILE, HOSTILE, figure, lines=HOSTILE)])
        elements = Elements(text)
        assert "script" not in elements.names
        assert not elements.open
        assert "\x1b" not in text


def test_a_figure_tells_its_marks_to_those_who_do_not_see_it() -> None:
    marks = [Mark("relu", 0.25, 0.2, 0.3, "25%"), Mark("tanh", float("nan"))]
    svg = figure_svg(Figure(Kind.BARS, "Shares", marks, "share", least=0, most=1))
    assert 'role="img"' in svg
    assert "<title>Shares</title><desc>share. relu: 25% (0.2 to 0.3); tanh: nan</desc>" in svg
    assert svg.count("<rect") == 1  # what is not known is not drawn


def test_a_mark_stands_where_its_value_is_on_the_scale() -> None:
    marks = [Mark("a", 10.0), Mark("b", 1000.0)]
    svg = figure_svg(Figure(Kind.DOTS, "", marks, "", log=True, least=10, most=100_000))
    assert 'cx="1.00%"' in svg
    assert 'cx="40.50%"' in svg  # halfway of 1 to 80


def test_findings_are_plain_data() -> None:
    finding = Finding("a", "b", "c", Figure(Kind.DOTS, "d", [Mark("e", 1.0)], "f"))
    data = json.loads(json.dumps(finding.as_data(), allow_nan=False))
    assert data["figure"]["kind"] == "dots"
    assert data["figure"]["marks"][0]["low"] is None


def test_the_best_setting_is_told_with_its_interval_and_its_rivals(tmp_path: Path) -> None:
    trials = table_of(
        lambda learning_rate: -learning_rate, seeds=20, noise=0.1, learning_rate=[1, 2, 2.01]
    )
    found = findings_of(trials, tmp_path)["settings"]
    assert "Of 3 settings the least median final loss is that of" in found.text
    assert ", over 20 seeds: " in found.text
    assert "1 of the 2 others is not shown to be worse" in found.text
    assert found.how.startswith("The best of many settings looks better than it is")
    assert found.figure
    assert [mark.strong for mark in found.figure.marks] == [True, False, False]
    assert all(mark.low < mark.value < mark.high for mark in found.figure.marks)


def test_where_each_setting_has_one_seed_the_best_is_told_with_a_warning(tmp_path: Path) -> None:
    trials = table_of(lambda learning_rate: -learning_rate, seeds=1, learning_rate=[1, 2])
    found = findings_of(trials, tmp_path)["settings"]
    assert found.warning
    assert found.brief == "Least final loss: 0.01, learning_rate 2."


def test_one_seed_is_not_told_as_several(tmp_path: Path) -> None:
    trials = table_of(lambda learning_rate: learning_rate, seeds=6, learning_rate=[1, 2])
    kept = trials[(trials["learning_rate"] == 2) | (trials["seed"] == 0)]
    found = findings_of(kept, tmp_path)["settings"]
    assert ", over 1 seed: 10. With 1 seed of it, and 6 of others at most, " in found.text
