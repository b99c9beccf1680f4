"""Claims: the page of a report does in a browser what it is for, without a word on the console."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.reports.page.document import build_page
from sweep.trial import StopReason
from tests.browser import Visit, needs_browser, visiting
from tests.store_fixtures import make_result
from tests.test_reports_text import store

pytestmark = needs_browser

CASES = json.loads((Path(__file__).parent / "where_cases.json").read_text())
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
READY = "performance.getEntriesByName('sweep-ready').length === 1"
REASONS = {5: StopReason.DIVERGED, 6: StopReason.FAILED, 7: StopReason.MAX_EPOCHS}
HOSTILE = "</script><img src=x onerror=alert(1)>&\u202e"

TABLES = """tables => {
  const types = {integer: "number", float: "number", text: "category", truth: "category"};
  window.tables = {};
  for (const [name, {columns, rows}] of Object.entries(tables)) {
    const made = Object.entries(columns).map(([name, type], k) => {
      const cells = rows.map(row => row[k]);
      if (types[type] === "number") {
        const none = type === "integer" ? -1 : undefined;
        return {name, kind: "number", none, values: cells.map(cell => cell ?? none ?? NaN)};
      }
      const levels = [...new Set(cells.filter(cell => cell !== null).map(String))];
      const values = cells.map(cell => cell === null ? 255 : levels.indexOf(String(cell)));
      return {name, kind: "category", levels, values, isTruth: type === "truth"};
    });
    const get = name => made.find(column => column.name === name);
    window.tables[name] = {count: rows.length, columns: made, get};
  }
}"""
KEPT = """async cases => {
  const {holds} = await import("sweep/where");
  const {Refused} = await import("sweep/where_syntax");
  return cases.map(({table, where}) => {
    try {
      const found = holds(where, window.tables[table]);
      return [...found.keys()].filter(row => found[row]);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return error.message ? "refused" : "refused without a word";
    }
  });
}"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 160 trials, of which some diverged, failed or met a limit."""
    results = [
        make_result(
            REASONS.get(seed, StopReason.CONVERGED),
            learning_rate=rate,
            activation=activation,
            seed=seed,
            epochs=10 + seed,
            outcome={"final_loss": rate * (seed + 1), "error": HOSTILE if seed == 6 else None},
        )
        for rate in (0.1, 0.01, 0.001, 0.0001)
        for activation in ("relu", "sigmoid", "tanh", "linear")
        for seed in range(10)
    ]
    folder = tmp_path_factory.mktemp("page")
    page = folder / "report.html"
    page.write_bytes(build_page(store(folder / "results", *results)))
    return page


@pytest.fixture(scope="module")
def visit(file: Path) -> Iterator[Visit]:
    with visiting() as visit:
        visit.page.goto(file.as_uri())
        visit.page.wait_for_function(READY)
        yield visit


@pytest.fixture(autouse=True)
def quiet(visit: Visit, file: Path) -> Iterator[None]:
    """Each test begins with a page that nothing was done to; none may leave a word or a request."""
    visit.page.evaluate("location.hash = ''")
    visit.page.wait_for_function("document.querySelector('.count').textContent.startsWith('all')")
    yield
    assert visit.errors == []
    assert visit.requests == [file.as_uri()]


def count(visit: Visit) -> str:
    return visit.page.locator(".count").inner_text()


def test_conditions_mean_in_the_browser_what_they_mean_in_python(visit: Visit) -> None:
    visit.page.evaluate(TABLES, CASES["tables"])
    found = visit.page.evaluate(KEPT, CASES["cases"])
    wanted = [case.get("ids", "refused") for case in CASES["cases"]]
    told = [case["where"] for case in CASES["cases"]]
    assert list(zip(told, found, strict=True)) == list(zip(told, wanted, strict=True))
