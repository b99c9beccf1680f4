"""Writes the page of a sweep: words, the trials as typed arrays, and what draws them.

docs/design/page.md says what is in it, and why.
"""

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sweep.ladder import Rung
from sweep.printable import printable_line, printable_text
from sweep.reports.findings import findings_html, latex_table, methods_text
from sweep.reports.page.assets import FOLDER, libraries, licences, modules, style_sheets
from sweep.reports.page.contents import Contents, gather
from sweep.reports.page.packing import safe_json
from sweep.reports.page.reconstructions import Reconstruct
from sweep.reports.page.table import PageTable, read_page_table
from sweep.store.places.layout import ResultsDir
from sweep.trial import Status


def build_page(
    directory: ResultsDir, rung: Rung | None = None, *, reconstruct: Reconstruct | None = None
) -> bytes:
    """Return the page of results, also of results that are still being written.

    Args:
        directory: results of a sweep.
        rung: the rule to judge by, in place of each trial's own; None for its own.
        reconstruct: computes a trained network's outputs; None for no reconstructions.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    return compose_page(read_page_table(directory, rung), reconstruct)


def compose_page(table: PageTable, reconstruct: Reconstruct | None = None) -> bytes:
    """Return the page of a table."""
    return _render(table, gather(table, reconstruct)).encode()


def _render(table: PageTable, contents: Contents) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((FOLDER / "page.html").read_text("utf-8"))
    addresses = modules()
    return template.render(
        manifest=contents.manifest,
        title=contents.manifest["sweep"] or printable_line(table.directory.path.name),
        counts=_counts(table),
        findings=Markup(findings_html(contents.findings)),
        methods=printable_line(methods_text(table.subject)),
        latex=printable_text(latex_table(table.subject)),
        remarks=[printable_line(remark) for remark in table.population.remarks],
        licences=licences(),
        style_sheets=[Markup(sheet) for sheet in style_sheets()],
        libraries=[Markup(script) for script in libraries()],
        manifest_json=Markup(safe_json(contents.manifest)),
        data={name: Markup(text) for name, text in contents.data.items()},
        import_map=Markup(safe_json({"imports": addresses})),
        has_views="sweep/main" in addresses,
    )


def _counts(table: PageTable) -> list[dict[str, object]]:
    found = table["status"].value_counts()
    counts = {str(status): int(found.get(status, 0)) for status in Status}
    counts["cancelled"] = table.population.cancelled
    told: list[dict[str, object]] = [{"name": "trials", "n": sum(counts.values())}]
    return told + [{"name": name, "n": n} for name, n in counts.items() if n]
