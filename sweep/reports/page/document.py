"""Writes the page of a sweep: words, the trials as typed arrays, and what draws them.

docs/design/page.md says what is in it, and why.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sweep.ladder import Rung
from sweep.printable import printable_line, printable_text
from sweep.reports.objective import losses_of
from sweep.reports.page.assets import FOLDER, libraries, licences, modules, style_sheets
from sweep.reports.page.columns import encode_columns
from sweep.reports.page.curves import MISSING, TOP, Curves, read_curves_of
from sweep.reports.page.gradients import summarise_gradients
from sweep.reports.page.groups import summarise_curves
from sweep.reports.page.levels import Levels, levels_of
from sweep.reports.page.packing import pack, pack_within
from sweep.reports.page.subject import Subject, read_subject
from sweep.reports.page.survival import summarise_survival
from sweep.reports.population import COUNTED
from sweep.store.places.layout import ResultsDir
from sweep.trial import Status

FORMAT = 1
MOST_CURVE_LETTERS = 8 * 2**20
"""Letters of packed curves above which they stay out of the page, those of all groups remaining."""
LOSSES = {"final_loss": "loss", "validation_loss": "validation_loss"}
"""The column of the curves for each column of losses."""


@dataclass
class Contents:
    """What a page carries: the manifest, and packed arrays by the id of their element."""

    manifest: dict[str, Any]
    data: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


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
    contents = _contents(subject)
    return _render(subject, contents).encode()


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
    axes = levels_of(subject)
    _add_curves(contents, subject, axes)
    contents.manifest["survival"] = summarise_survival(subject.trials, axes)
    contents.manifest["gradients"] = summarise_gradients(subject.directory, subject.trials, axes)
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


def _add_curves(contents: Contents, subject: Subject, axes: Sequence[Levels]) -> None:
    names = [LOSSES[name] for name in reversed(losses_of(subject.trials))]
    curves = read_curves_of(subject.directory, subject.trials, names)
    diverged = (subject.trials["status"] == Status.DIVERGED).to_numpy(bool)
    contents.manifest["curves"] = None
    contents.manifest["groups"] = summarise_curves(curves, axes, diverged) if curves else {}
    if not curves:
        return
    packed = pack_within((part for one in curves for part in one.encoded()), MOST_CURVE_LETTERS)
    if packed is None:
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


def _render(subject: Subject, contents: Contents) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((FOLDER / "page.html").read_text("utf-8"))
    addresses = modules()
    manifest = contents.manifest
    return template.render(
        title=manifest["sweep"] or subject.directory.path.name,
        made=f"Made {manifest['made']} by sweep {manifest['version']} of {manifest['results']}",
        counts=_counts(subject),
        remarks=[printable_line(remark) for remark in subject.population.remarks],
        config=manifest["config"],
        notes=contents.notes,
        licences=licences(),
        style_sheets=[Markup(sheet) for sheet in style_sheets()],
        libraries=[Markup(script) for script in libraries()],
        manifest=Markup(safe_json(manifest)),
        data={name: Markup(text) for name, text in contents.data.items()},
        import_map=Markup(safe_json({"imports": addresses})),
        has_views="sweep/main" in addresses,
    )


def safe_json(value: object) -> str:
    """Return JSON that may stand in a script element, whatever texts it holds: no `<` is in it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _counts(subject: Subject) -> list[dict[str, object]]:
    found = subject.trials["status"].value_counts()
    counts = {str(status): int(found.get(status, 0)) for status in Status}
    counts["cancelled"] = subject.population.cancelled
    told: list[dict[str, object]] = [{"name": "trials", "n": sum(counts.values())}]
    return told + [{"name": name, "n": n} for name, n in counts.items() if n]


def _configuration(directory: ResultsDir) -> str:
    if not directory.config.is_file():
        return ""
    return printable_text(directory.config.read_bytes().decode("utf-8", "replace"))
