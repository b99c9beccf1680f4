"""Writes the page of a sweep: words, the trials as typed arrays, and what draws them.

docs/design/page.md says what is in it, and why.
"""

import json

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sweep.ladder import Rung
from sweep.printable import printable_line
from sweep.reports.page.assets import FOLDER, libraries, licences, modules, style_sheets
<<<<<<< HEAD
from sweep.reports.page.columns import encode_columns
from sweep.reports.page.curves import MISSING, TOP, Curves, read_curves_of
from sweep.reports.page.packing import pack
from sweep.reports.page.subject import Subject, read_subject
from sweep.reports.population import COUNTED
=======
from sweep.reports.page.contents import Contents, gather
from sweep.reports.page.subject import Subject, read_subject
>>>>>>> page
from sweep.store.places.layout import ResultsDir
from sweep.trial import Status


def build_page(directory: ResultsDir, rung: Rung | None = None) -> bytes:
    """Return the page of results, also of results that are still being written.

    Args:
        directory: results of a sweep.
        rung: the rule to judge by, in place of each trial's own; None for its own.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    return compose_page(read_subject(directory, rung))


def compose_page(subject: Subject) -> bytes:
    """Return the page of a subject."""
    return _render(subject, gather(subject)).encode()


<<<<<<< HEAD
def _contents(subject: Subject) -> Contents:
    trials = subject.trials
    names = printable_line(", ".join(sorted(map(str, trials["sweep"].unique()))))
    contents = Contents(
        {
            "format": FORMAT,
            "sweep": names,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version("autoencoder-sweep"),
            "results": str(subject.directory.path),
            "trials": len(trials),
            "counted": [str(status) for status in COUNTED],
            "config": _configuration(subject.directory),
        }
    )
    _add_columns(contents, subject)
    _add_curves(contents, subject)
    return contents


def _add_columns(contents: Contents, subject: Subject) -> None:
    columns = list(encode_columns(subject.trials, subject.roles))
    described, offset = [], 0
    for column in columns:
        described.append(column.described(offset))
        offset += len(column.data)
    left_out = sorted(set(subject.roles) - {column.name for column in columns})
    if left_out:
        contents.notes.append(f"Left out, for they have too many values: {', '.join(left_out)}.")
    contents.manifest["columns"] = described
    contents.data["trials"] = pack(column.data for column in columns)


def _add_curves(contents: Contents, subject: Subject) -> None:
    names = [LOSSES[name] for name in reversed(losses_of(subject.trials))]
    curves = read_curves_of(subject.directory, subject.trials, names)
    contents.manifest["curves"] = None
    if not curves:
        return
    packed = pack(part for one in curves for part in one.encoded())
    if len(packed) > MOST_CURVE_LETTERS:
        contents.notes.append(
            "The curves of single trials would take too much room here: the page has those of "
            "groups, which are of all trials."
        )
        return
    contents.manifest["curves"] = _described(curves, len(subject.trials))
    contents.data["curves"] = packed


def _described(curves: Sequence[Curves], n_trials: int) -> dict[str, Any]:
    epochs = curves[0].epochs.tolist()
    size = len(epochs) * n_trials * 2
    quantities = [one.described(place * size) for place, one in enumerate(curves)]
    return {
        "points": len(epochs),
        "epochs": epochs,
        "quantities": quantities,
        "type": "u2",
        "top": TOP,
        "missing": MISSING,
    }
=======
def safe_json(value: object) -> str:
    """Return JSON that may stand in a script element, whatever texts it holds: no `<` is in it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
>>>>>>> page


def _render(subject: Subject, contents: Contents) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((FOLDER / "page.html").read_text("utf-8"))
    addresses = modules()
    return template.render(
        manifest=contents.manifest,
        title=contents.manifest["sweep"] or printable_line(subject.directory.path.name),
        counts=_counts(subject),
        remarks=[printable_line(remark) for remark in subject.population.remarks],
        licences=licences(),
        style_sheets=[Markup(sheet) for sheet in style_sheets()],
        libraries=[Markup(script) for script in libraries()],
        manifest_json=Markup(safe_json(contents.manifest)),
        data={name: Markup(text) for name, text in contents.data.items()},
        import_map=Markup(safe_json({"imports": addresses})),
        has_views="sweep/main" in addresses,
    )


def _counts(subject: Subject) -> list[dict[str, object]]:
    found = subject.trials["status"].value_counts()
    counts = {str(status): int(found.get(status, 0)) for status in Status}
    counts["cancelled"] = subject.population.cancelled
    told: list[dict[str, object]] = [{"name": "trials", "n": sum(counts.values())}]
    return told + [{"name": name, "n": n} for name, n in counts.items() if n]
