"""Writes a comparison: to a terminal, as Markdown with figures beside it, or as one HTML page."""

import base64
import html
import textwrap
from collections.abc import Iterable

from matplotlib.figure import Figure

from sweep.errors import ConfigError
from sweep.printable import printable_line
from sweep.reports.compare.comparison import Comparison, Contrast
from sweep.reports.compare.document import (
    Block,
    Heading,
    Paragraph,
    Picture,
    Table,
    document_of,
)
from sweep.reports.compare.figure import draw_pairs
from sweep.reports.figures.panels import to_png
from sweep.reports.sections.registry import FigureFolder
from sweep.reports.tables.text import escape, is_number, markdown_table, plain_table
from sweep.store.places.files import write_atomically
from sweep.store.places.remote import AnyPath

FORMS = (".html", ".md")
SHORTEST = 12
"""Letters of a cell that are shown, however narrow the terminal."""
STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #666; --line: #ddd; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --faint: #999; --line: #444; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 64rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--faint); }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.number { text-align: right; } .whole { white-space: nowrap; }
p { max-width: 46rem; } img { width: 32rem; max-width: 100%; height: auto; }
"""


def write_comparison(comparison: Comparison, path: AnyPath) -> AnyPath:
    """Write a comparison to a file, `.html` (by itself) or `.md` (with its figures beside it).

    Raises:
        ConfigError: the file has another ending.
        StoreError: it cannot be written.
    """
    blocks = list(document_of(comparison, in_full=True))
    match [form for form in FORMS if path.name.lower().endswith(form)]:
        case [".html"]:
            text = html_of(blocks)
        case [".md"]:
            text = _markdown(blocks, FigureFolder(path.with_name(f"{path.stem}_figures")))
        case _:
            raise ConfigError.of("--output", f"end in {' or '.join(FORMS)}", got=repr(path.name))
    write_atomically(path, text.encode())
    return path


def terminal_text(comparison: Comparison, width: int) -> str:
    """Return a comparison as lines of at most `width`, as far as its tables can be so narrow."""
    blocks = document_of(comparison, in_full=False)
    return "\n\n".join(_plain(block, width) for block in blocks)


def _plain(block: Block, width: int) -> str:
    match block:
        case Heading():
            return printable_line(block.text)
        case Paragraph():
            return textwrap.fill(printable_line(block.text), width)
        case Table():
            return plain_table(block.header, _narrowed(block, width))
        case Picture():
            return ""


def _narrowed(table: Table, width: int) -> list[list[str]]:
    """Shorten the longest cells until the rows fit, or none is left to shorten."""
    rows = [list(map(printable_line, row)) for row in table.rows]
    columns = list(zip(table.header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        open_to = [i for i, w in enumerate(widths) if w > SHORTEST and i not in table.whole]
        if not open_to:
            break
        widths[max(open_to, key=widths.__getitem__)] -= 1
    return [[_cut(cell, most) for cell, most in zip(row, widths, strict=True)] for row in rows]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _markdown(blocks: Iterable[Block], figures: FigureFolder) -> str:
    parts = []
    for block in blocks:
        match block:
            case Heading():
                parts.append(f"{'#' * block.depth} {escape(block.text)}")
            case Paragraph():
                parts.append(escape(block.text))
            case Table():
                parts.append(markdown_table(block.header, block.rows))
            case Picture():
                name = _name(block.contrast)
                parts.append(figures.show(name, escape(block.title), _draw(block.contrast)))
    return "\n\n".join(parts) + "\n"


def html_of(blocks: Iterable[Block]) -> str:
    """Return one page that needs nothing beside it."""
    told = list(blocks)
    assert isinstance(told[0], Heading)
    body = "\n".join(map(_html, told))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(told[0].text)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.depth}>{_text(block.text)}</h{block.depth}>"
        case Paragraph():
            return f"<p>{_text(block.text)}</p>"
        case Table():
            return _html_table(block)
        case Picture():
            picture = base64.b64encode(to_png(_draw(block.contrast))).decode()
            source = f"data:image/png;base64,{picture}"
            return f'<p><img src="{source}" alt="{_text(block.title)}"></p>'


def _html_table(table: Table) -> str:
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    kinds = [
        ' class="number"'
        if all(map(is_number, column))
        else ' class="whole"' * (place in table.whole)
        for place, column in enumerate(columns)
    ]

    def row(cells: Iterable[str], tag: str) -> str:
        told = zip(cells, kinds, strict=True)
        return "".join(f"<{tag}{kind}>{_text(cell)}</{tag}>" for cell, kind in told)

    head = f"<thead><tr>{row(table.header, 'th')}</tr></thead>"
    body = "".join(f"<tr>{row(cells, 'td')}</tr>\n" for cells in table.rows)
    return f'<div class="wide"><table>\n{head}\n<tbody>\n{body}</tbody>\n</table></div>'


def _text(text: str) -> str:
    return html.escape(printable_line(text))


def _name(contrast: Contrast) -> str:
    return f"{contrast.pairing.first.letter}_{contrast.pairing.second.letter}".lower()


def _draw(contrast: Contrast) -> Figure:
    return draw_pairs(contrast.pairing)
