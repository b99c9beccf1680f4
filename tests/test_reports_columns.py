"""A report reads few columns, in little memory, and says what it would say of the whole table."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.reports.axes import axes_of, summarise, varying_parameters
from sweep.reports.findings import Subject
from sweep.reports.groups import factors_of, groups_of
from sweep.reports.population import population_of
from sweep.reports.recorded import asked_for
from sweep.reports.rejudging import read_judged, read_telling
from sweep.reports.report import write_report
from sweep.reports.sections.registry import (
    Context,
    FigureFolder,
    all_sections,
    columns_read,
    compose_report,
)
from sweep.reports.settings import best_rows
from sweep.reports.statistics.effects import best_quarters
from sweep.reports.statistics.survival import survivals
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.compact import read_compact, varying_columns
from sweep.store.tables.encoding import encode
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.trial import PARAMETERS, StopReason
from tests.store_fixtures import make_result

EXAMPLES = Path(__file__).parents[1] / "results" / "examples"


def result_of(**drawn: Any) -> TrialResult:
    loss = drawn.pop("loss")
    held = drawn.pop("held")
    facts = {"final_loss": loss, "best_loss": loss, "validation_loss": held, "dead_units": 1}
    ended = drawn["reason"].status not in ("failed", "cancelled")
    return make_result(**drawn, outcome=facts if ended else {"error": "none"})


RESULTS = st.lists(
    st.builds(
        result_of,
        reason=st.sampled_from(list(StopReason)),
        epochs=st.integers(1, 9),
        loss=st.sampled_from([0.5, 0.25, 1e-9, float("inf")]),
        held=st.sampled_from([None, 0.5]),
        seed=st.integers(0, 9),
        activation=st.sampled_from(["relu", "sigmoid", "elu"]),
        initialiser_constant=st.sampled_from([0.5, 0.25, None]),
        learning_rate=st.floats(0.1, 0.2),
        topology=st.sampled_from([(4, 2, 4), (4, 3, 4)]),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda result: result.trial.trial_id,
)


def stored(directory: ResultsDir, results: list[TrialResult]) -> None:
    with Writer(directory) as writer:
        for start in range(0, len(results), 7):  # several parts, with different texts in each
            writer.append(encode(results[start : start + 7], "study"))
            writer.flush()


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    texts = [n for n in frame.columns if isinstance(frame[n].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(texts, "str"))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(RESULTS)
def test_columns_read_in_little_memory_hold_what_the_table_holds(
    results: list[TrialResult],
) -> None:
    with TemporaryDirectory() as folder:
        stored(ResultsDir(Path(folder)), results)
        table = read_trials(folder)
        compact = read_compact(folder, list(table.columns))
        varying = varying_columns(folder, tuple(PARAMETERS))
    pd.testing.assert_frame_equal(as_texts(compact), table)
    assert varying == [n for n in PARAMETERS if table[n].nunique(dropna=False) > 1]


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(RESULTS)
def test_statistics_of_few_columns_are_those_of_the_whole_table(
    results: list[TrialResult],
) -> None:
    with TemporaryDirectory() as folder:
        directory = ResultsDir(Path(folder))
        stored(directory, results)
        whole = population_of(read_judged(directory)).trials
        few = population_of(read_telling(directory, columns=columns_read(all_sections()))).trials
    assert varying_parameters(few) == varying_parameters(whole)
    assert factors_of(few) == factors_of(whole)
    if whole.empty:
        return
    (title, best), (usual, expected) = best_rows(few, most=9), best_rows(whole, most=9)
    assert title == usual
    pd.testing.assert_frame_equal(as_texts(best), as_texts(expected))
    for axis, other in zip(axes_of(few), axes_of(whole), strict=True):
        assert (axis.name, axis.order) == (other.name, other.order)
        assert list(axis.levels) == list(other.levels)
        pd.testing.assert_frame_equal(summarise(few, axis), summarise(whole, other))
    assert best_quarters(few, axes_of(few)) == best_quarters(whole, axes_of(whole))
    assert repr(survivals(few, 9)) == repr(survivals(whole, 9))
    for most in (1, 99):
        mine, theirs = groups_of(few, most=most), groups_of(whole, most=most)
        assert [g.label for g in mine] == [g.label for g in theirs]
        for group, same in zip(mine, theirs, strict=True):
            assert list(group.trials["trial_id"]) == list(same.trials["trial_id"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["quickstart", "stacked", pytest.param("vanishing", marks=pytest.mark.long)]
)
def test_a_report_of_few_columns_is_that_of_the_whole_table(tmp_path: Path, name: str) -> None:
    directory = ResultsDir(EXAMPLES / name)
    population = population_of(read_judged(directory), asked_for(directory))
    telling = factors_of(population.trials)
    context = Context(
        directory,
        population,
        axes=[axis for axis in axes_of(population.trials) if axis.name in telling],
        figures=FigureFolder(tmp_path / "report_figures"),
        findings=Subject.of(directory, population).findings,
    )
    expected = compose_report(context, all_sections())
    path = write_report(directory, tmp_path / "few" / "report.md")
    assert path.read_text("utf-8") == expected
    drawn = sorted((tmp_path / "report_figures").iterdir())
    assert drawn, "every report has figures"
    for figure in drawn:
        again = path.with_name("report_figures") / figure.name
        assert again.read_bytes() == figure.read_bytes(), figure.name
