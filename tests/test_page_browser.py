"""Claims: the page of a report does in a browser what it is for, without a word on the console."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Locator

from sweep.reports.page.document import build_page
from sweep.trial import StopReason
from tests.browser import Visit, needs_browser, visiting
from tests.store_fixtures import make_result
from tests.test_reports_text import store

pytestmark = needs_browser

CASES = json.loads((Path(__file__).parent / "where_cases.json").read_text())
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
READY = "() => performance.getEntriesByName('sweep-ready').length === 1"
REASONS = {5: StopReason.DIVERGED, 6: StopReason.FAILED, 7: StopReason.MAX_EPOCHS}
HOSTILE = "</script><img src=x onerror=alert(1)>&\u202e"
QUOTED = 'it\'s "a" `b` <i>&amp;</i>'

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


PAIR = """async () => {
  const {crossedPair} = await import("sweep/statistics");
  const column = (name, codes, count) => {
    return {name, groups: {codes, labels: Array.from({length: count}, String)}};
  };
  const topology = column("topology", [0, 1, 2, 0, 1, 2], 3);
  const data = column("dataset", [0, 1, 2, 0, 1, 2], 3);
  const activation = column("activation", [0, 0, 0, 1, 1, 1], 2);
  return crossedPair([topology, data, activation]).map(({name}) => name);
}"""


PICTURES = """async () => {
  const {imagesPicture} = await import("sweep/pictures");
  const digits = {shape: [8, 8], values: Array.from({length: 10}, () => Array(64).fill(128))};
  const made = imagesPicture(digits, digits, 560);
  const images = [...made.querySelectorAll("image")];
  return [Number(made.getAttribute("width")), images.map(image => image.style.cssText)];
}"""


KEEP_FILES = """() => {
  window.files ??= [];
  window.make ??= URL.createObjectURL;
  URL.createObjectURL = file => { window.files.push(file); return window.make.call(URL, file); };
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
        visit.page.set_default_timeout(8_000)
        visit.page.goto(file.as_uri())
        visit.page.wait_for_function(READY)
        yield visit


@pytest.fixture(autouse=True)
def quiet(visit: Visit, file: Path) -> Iterator[None]:
    """Each test begins with a page that nothing was done to; none may leave a word or a request."""
    visit.page.evaluate("location.hash = ''")
    told(visit, ".count", "all")
    yield
    assert visit.errors == []
    assert visit.requests == [file.as_uri()]


def where(visit: Visit) -> Locator:
    return visit.page.get_by_label("where", exact=True)


def told(visit: Visit, place: str, beginning: str) -> None:
    """Wait until a place of the page says what begins so."""
    script = "([place, text]) => document.querySelector(place).textContent.startsWith(text)"
    visit.page.wait_for_function(script, arg=[place, beginning])


def saved(visit: Visit, button: Locator) -> str:
    """Return the file that a button hands over; Chromium itself takes no more than ten in a row."""
    visit.page.evaluate(KEEP_FILES)
    button.click()
    return str(visit.page.evaluate("window.files.at(-1).text()"))


def count(visit: Visit) -> str:
    return visit.page.locator(".count").inner_text()


def test_conditions_mean_in_the_browser_what_they_mean_in_python(visit: Visit) -> None:
    visit.page.evaluate(TABLES, CASES["tables"])
    found = visit.page.evaluate(KEPT, CASES["cases"])
    wanted = [case.get("ids", "refused") for case in CASES["cases"]]
    texts = [case["where"] for case in CASES["cases"]]
    assert list(zip(texts, found, strict=True)) == list(zip(texts, wanted, strict=True))


def test_the_page_opens_without_a_word_or_a_request(visit: Visit) -> None:
    assert count(visit) == "all 160 trials"
    assert visit.page.locator("h1").inner_text() == "study"


def test_a_condition_selects_in_the_table_and_survives_in_the_address(visit: Visit) -> None:
    where(visit).fill("activation = 'relu' and learning_rate > 1e-3")
    told(visit, ".count", "20 of")
    told(visit, ".told", "20 of")
    address = visit.page.evaluate("location.hash")
    visit.page.evaluate("location.hash = ''")
    told(visit, ".count", "all")
    visit.page.evaluate("address => { location.hash = address }", address)
    told(visit, ".count", "20 of")
    visit.page.go_back()
    told(visit, ".count", "all")


def test_a_condition_that_cannot_be_read_is_refused_in_words(visit: Visit) -> None:
    field = where(visit)
    field.fill("learning_rat > 1")
    visit.page.wait_for_selector("#where-fault:not(:empty)")
    fault = visit.page.locator("#where-fault").inner_text()
    assert fault == "There is no column learning_rat; did you mean learning_rate?"
    assert count(visit) == "all 160 trials"
    field.fill("")
    field.blur()


def test_an_axis_is_brushed_by_the_pointer_and_by_keys(visit: Visit) -> None:
    visit.page.locator(".parallel").scroll_into_view_if_needed()
    low = visit.page.get_by_role("slider", name="least learning rate selected").first
    low.focus()
    low.press("ArrowUp")
    assert count(visit) == "120 of 160 trials, 75%"
    low.press("ArrowUp")
    assert count(visit) == "80 of 160 trials, 50%"
    assert low.get_attribute("aria-valuetext") == "0.01"
    low.press("Escape")
    assert count(visit) == "all 160 trials"
    visit.page.locator(".scatter figcaption").scroll_into_view_if_needed()
    box = visit.page.locator(".scatter .aim").bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + 1, box["y"] + 1)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 1, steps=3)
    visit.page.mouse.up()
    assert count(visit) == "80 of 160 trials, 50%"  # half the rates, whatever their loss


def test_the_table_is_walked_by_keys_and_opens_the_page_of_a_trial(visit: Visit) -> None:
    first = visit.page.locator("#table tbody tr").first
    first.focus()
    first.press("ArrowDown")
    second = visit.page.locator("#table tbody tr:focus")
    identity = second.locator(".id").inner_text()
    second.press("Enter")
    visit.page.wait_for_selector("#trial h2")
    assert visit.page.locator("#trial h2").inner_text() == f"Trial {identity}"
    assert f"sweep show {identity} --results" in visit.page.locator("#trial").inner_text()
    assert not visit.page.locator("#table").is_visible()
    visit.page.go_back()
    visit.page.wait_for_selector("#table tbody tr")
    assert visit.page.evaluate("location.hash") == ""


def test_failed_and_diverged_trials_are_told_in_words_and_hostile_ones_are_text(
    visit: Visit,
) -> None:
    where(visit).fill("status in ('failed', 'diverged')")
    told(visit, ".told", "32 of")
    words = visit.page.locator("#table tbody .ending").all_inner_texts()
    assert set(words) == {"failed", "diverged"}
    visit.page.locator("#table tr", has_text="failed").first.click()
    assert (
        "</script><img src=x onerror=alert(1)>&" in visit.page.locator("#trial .error").inner_text()
    )
    visit.page.get_by_role("button", name="All trials").click()


def test_hostile_levels_are_texts_in_figures_filters_and_files(
    visit: Visit, tmp_path: Path
) -> None:
    results = [
        make_result(dataset=dataset, data_fingerprint=fingerprint, activation=activation, seed=seed)
        for dataset, fingerprint in ((HOSTILE, "ab"), ("one-hot", "cd"))
        for activation in ("relu", QUOTED)
        for seed in range(2)
    ]
    file = tmp_path / "hostile.html"
    file.write_bytes(build_page(store(tmp_path / HOSTILE.replace("/", "|"), *results)))
    browser = visit.page.context.browser
    assert browser
    other = Visit(browser.new_page())
    other.page.set_default_timeout(8_000)
    dialogs: list[str] = []
    other.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    other.page.goto(f"{file.as_uri()}#?x=dataset&hx=dataset&hy=activation&group=activation")
    other.page.wait_for_function(READY)
    other.page.locator(".figure.curves").scroll_into_view_if_needed()
    other.page.wait_for_selector(".figure.curves svg")
    for name in ("parallel", "scatter", "heatmap", "slices", "curves", "survival"):
        button = other.page.locator(f".figure.{name}").get_by_role("button", name="SVG")
        picture = ElementTree.fromstring(saved(other, button))
        words = {"".join(text.itertext()) for text in picture.iter() if text.tag.endswith("text")}
        level = QUOTED if name in ("curves", "survival") else HOSTILE
        assert any(word[:6] == level[:6] for word in words), (name, words)
    cell = other.page.locator(".figure.heatmap .cell", has_text=HOSTILE[:-1]).first
    cell.press("Enter")
    told(other, ".count", "2 of 8")
    assert any(HOSTILE[:-1] in mark for mark in other.page.locator(".mark").all_inner_texts())
    other.page.reload()
    other.page.wait_for_function(READY)
    told(other, ".count", "2 of 8")
    other.page.get_by_role("button", name="Clear all").click()
    where(other).fill(f"activation = '{QUOTED.replace(chr(39), 2 * chr(39))}'")
    told(other, ".count", "4 of 8")
    other.page.locator("#table tbody tr").first.click()
    assert QUOTED in other.page.locator("#trial").inner_text()
    assert other.page.locator("img").count() == 0
    assert (dialogs, other.errors) == ([], [])
    other.page.close()


def test_figures_are_saved_as_svg_and_their_data_as_csv(visit: Visit) -> None:
    for name in ("parallel", "scatter", "heatmap", "slices", "curves", "survival"):
        figure = visit.page.locator(f".figure.{name}")
        picture = ElementTree.fromstring(saved(visit, figure.get_by_role("button", name="SVG")))
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(picture.iter())) > 20
        table = pd.read_csv(StringIO(saved(visit, figure.get_by_role("button", name="CSV"))))
        assert len(table)
        if name == "scatter":
            endings = {"converged": 112, "censored": 16, "diverged": 16, "failed": 16}
            assert table["ending"].value_counts().to_dict() == endings


def test_medians_of_all_do_not_depend_on_what_is_selected(visit: Visit) -> None:
    found = []
    for condition in ("", "learning_rate < 0.01"):
        where(visit).fill(condition)
        visit.page.wait_for_timeout(400)
        text = saved(visit, visit.page.get_by_role("button", name="CSV of Slices"))
        table = pd.read_csv(StringIO(text), dtype={"value": str})
        found.append(table[table["of"] == "all"].reset_index(drop=True))
    pd.testing.assert_frame_equal(*found)
    row = (found[0]["axis"] == "learning_rate") & (found[0]["value"] == "0.1")
    seeds = np.array([1, 2, 3, 4, 5, 8, 9, 10])  # those that neither diverged nor failed
    assert found[0].loc[row, "n"].item() == 4 * 8
    assert found[0].loc[row, "q50"].item() == pytest.approx(np.median(0.1 * seeds))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_passes_the_checks_of_axe(visit: Visit, scheme: Literal["light", "dark"]) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    for name in ("parallel", "heatmap", "survival"):
        visit.page.locator(f".figure.{name}").scroll_into_view_if_needed()
        visit.page.wait_for_timeout(150)
    visit.page.evaluate(AXE)
    found = visit.page.evaluate("axe.run().then(told => told.violations)")
    words = [(item["id"], [node["html"][:200] for node in item["nodes"]]) for item in found]
    visit.page.emulate_media(color_scheme="light")
    assert words == []


def test_sections_are_reached_by_keys_and_leave_the_state_in_the_address(visit: Visit) -> None:
    where(visit).fill("learning_rate < 0.01")
    told(visit, ".count", "80 of")
    link = visit.page.get_by_role("navigation", name="Sections").get_by_role("link", name="Trials")
    link.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "table-title"
    assert visit.page.locator("#table-title").bounding_box()["y"] < 200
    assert "where=" in visit.page.evaluate("location.hash")
    visit.page.evaluate("scrollTo(0, 0)")


def test_a_heat_map_begins_with_two_axes_that_vary_apart(visit: Visit) -> None:
    pair = visit.page.evaluate(PAIR)
    assert pair == ["activation", "topology"]


def test_pictures_of_samples_fit_the_figure_with_sharp_pixels(visit: Visit) -> None:
    width, styles = visit.page.evaluate(PICTURES)
    assert width <= 560
    assert styles == ["image-rendering: pixelated;"] * 20


def test_nothing_is_wider_than_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 375, "height": 800})
    visit.page.wait_for_timeout(300)
    widths = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    visit.page.set_viewport_size({"width": 1280, "height": 900})
    assert widths == [375, 375]


def test_print_is_light_and_without_controls(visit: Visit) -> None:
    visit.page.emulate_media(media="print", color_scheme="dark")
    seen = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tools = ".bar:visible, .controls:visible, .files:visible, .theme:visible, .menu:visible"
    buttons = visit.page.locator(tools).count()
    visit.page.emulate_media(media="screen", color_scheme="light")
    assert (seen, buttons) == ("rgb(255, 255, 255)", 0)
