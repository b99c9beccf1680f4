"""Writes the pages of docs/experiments: `python -m docs.experiments.source`."""

from docs.experiments.source.page import NAMES, PAGES, render

for name in NAMES:
    (PAGES / f"{name}.md").write_text(render(name), "utf-8")
