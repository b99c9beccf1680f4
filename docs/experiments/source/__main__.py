"""Writes the pages of docs/experiments and their figures: `python -m docs.experiments.source`."""

from docs.experiments.source.page import NAMES, PAGES, figure, render

for name in NAMES:
    (PAGES / f"{name}.md").write_text(render(name), "utf-8")
    if drawn := figure(name):
        (PAGES / "figures").mkdir(exist_ok=True)
        (PAGES / "figures" / f"{name}.png").write_bytes(drawn)
