"""Opens pages of many trials in a browser: `python -m bench.browser`, four minutes with a million.

Says how long it takes until the first picture and what a frame takes while a brush moves.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click

from bench.machine import describe_machine
from bench.page import keep, opening, output_option
from bench.stopwatch import say
from bench.synthetic import make_results
from sweep.reports.page.document import build_page
from sweep.store.places.layout import ResultsDir
from tests.browser import Visit, visiting

VISITS = 5
FRAMES = 40
SLOWEST = 0.95
"""Share of frames that the second figure of brushing is of."""
GOALS = {10_000: (3, 1000, 50), 100_000: (15, 2000, 50)}
"""Megabytes, milliseconds to the first picture and a frame at most, by trials."""
DRAWN = "() => performance.getEntriesByName('sweep-picture').length === 1"
FIRST_PICTURE = "performance.getEntriesByName('sweep-picture')[0].startTime"
BRUSH = """async frames => {
  const axes = document.querySelectorAll(".parallel svg[role=group] > g");
  const axis = axes[axes.length - 2];  // epochs, which have many values
  const box = axis.querySelector(".field").getBoundingClientRect();
  axis.setPointerCapture = () => {};
  const at = share => ({clientX: box.x + box.width / 2, clientY: box.y + box.height * share});
  const act = (kind, share) =>
    axis.dispatchEvent(new PointerEvent(kind, {...at(share), button: 0, pointerId: 1}));
  const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  act("pointerdown", 0.9);
  const taken = [];
  for (let k = 1; k <= frames; k++) {
    const began = performance.now();
    act("pointermove", 0.9 - 0.7 * k / frames);
    await drawn();
    taken.push(performance.now() - began);
  }
  act("lostpointercapture", 0.2);
  return taken;
}"""


@dataclass(frozen=True)
class Opened:
    """What a page took, over several visits; times in milliseconds by the clock.

    Attributes:
        first_picture: from the start of loading to the first figure, the median and the longest.
        frame: while a brush moves, the median and the longest of 95%, in the median visit.
    """

    trials: int
    megabytes: float
    first_picture: tuple[float, float]
    frame: tuple[float, float]


@click.command()
@click.option("--trials", multiple=True, type=int, default=[10_000, 100_000, 1_000_000])
@output_option("-browser.md and DATE-browser.json")
def main(trials: Sequence[int], output: Path) -> None:
    """Measure pages of so many trials and write a table."""
    machine = describe_machine()
    opened = [measure(count) for count in trials]
    values = {"machine": machine, "pages": [asdict(one) for one in opened]}
    keep(output, "-browser", document(machine, opened), values)


def measure(trials: int) -> Opened:
    """Make a page of so many trials and open it, each time in a browser of its own."""
    with tempfile.TemporaryDirectory() as folder:
        say(f"a page of {trials:,} trials")
        results = ResultsDir(Path(folder) / "results")
        make_results(results, trials)
        file = Path(folder) / "report.html"
        file.write_bytes(build_page(results))
        visits = []
        for visit in range(VISITS):
            say(f"visit {visit + 1} of {VISITS}")
            with visiting() as opened:
                visits.append(_visit(opened, file))
        pictures = [picture for picture, _ in visits]
        frames = sorted((frames for _, frames in visits), key=median)[VISITS // 2]
        return Opened(
            trials=trials,
            megabytes=file.stat().st_size / 1e6,
            first_picture=(median(pictures), max(pictures)),
            frame=(median(frames), sorted(frames)[int(SLOWEST * len(frames))]),
        )


def _visit(visit: Visit, file: Path) -> tuple[float, list[float]]:
    visit.page.goto(file.as_uri(), timeout=120_000)
    visit.page.wait_for_function(DRAWN, timeout=120_000)
    picture = float(visit.page.evaluate(FIRST_PICTURE))
    visit.page.wait_for_timeout(2000)  # what is out of sight is drawn meanwhile
    frames = visit.page.evaluate(BRUSH, FRAMES)
    assert visit.errors == [], visit.errors
    return picture, frames


def document(machine: dict[str, str], opened: Sequence[Opened]) -> str:
    """Write the results for people."""
    lines = [
        *opening("Pages in a browser", machine),
        "",
        f"Headless Chromium, {VISITS} visits a page, wall-clock milliseconds: to the first picture "
        "the median and the longest; of a frame while a brush moves the median, and what 95% of "
        "frames do not exceed.",
        "",
        "| trials | MB | first picture, ms | frame of a brush, ms | at most |",
        "| ---: | ---: | ---: | ---: | --- |",
    ]
    return "\n".join([*lines, *map(_row, opened)]) + "\n"


def _row(one: Opened) -> str:
    goal = GOALS.get(one.trials)
    told = f"{goal[0]} MB, {goal[1]:,} ms, {goal[2]} ms" if goal else "as it is"
    picture, frame = ("{:,.0f}, {:,.0f}".format(*pair) for pair in (one.first_picture, one.frame))
    return f"| {one.trials:,} | {one.megabytes:.1f} | {picture} | {frame} | {told} |"


if __name__ == "__main__":
    main()
