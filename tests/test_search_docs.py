"""docs/search.md shows sweeps that run."""

import re
from pathlib import Path

import pytest

from sweep import read_trials, run
from sweep.config.yaml_source import parse_document

PAGE = (Path(__file__).parents[1] / "docs" / "search.md").read_text("utf-8")
SWEEP = parse_document(
    re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)[0], source="page"
).tree


@pytest.mark.slow
def test_the_search_of_the_page_trains_its_points(tmp_path: Path) -> None:
    summary = run(SWEEP, output=tmp_path, use_ray=False)
    trials = read_trials(tmp_path, columns="all")
    assert (summary.trained, summary.failed) == (32, 0)
    assert trials["learning_rate"].nunique() == 16
    assert trials["batch_size"].between(8, 64).all()
