"""Gathers what a page carries for its views: the manifest, and packed arrays beside it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pandas as pd

from sweep.printable import printable_line, printable_text
from sweep.reports.objective import losses_of
from sweep.reports.page.columns import encode_columns
from sweep.reports.page.curves import MISSING, TOP, Curves, read_curves_of
from sweep.reports.page.details import gather_details
from sweep.reports.page.gradients import summarise_gradients
from sweep.reports.page.groups import summarise_curves
from sweep.reports.page.levels import Levels, levels_of
from sweep.reports.page.packing import pack, pack_within, safe_json
from sweep.reports.page.reconstructions import Reconstruct
from sweep.reports.page.subject import Subject
from sweep.reports.page.survival import summarise_survival
from sweep.reports.population import COUNTED
from sweep.reports.rejudging import describe_rung
from sweep.reports.tables.text import format_value
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.snapshot import iterate_trials
from sweep.trial import PARAMETERS, Status

FORMAT = 1
MOST_CURVE_LETTERS = 8 * 2**20
"""Letters of packed curves above which they stay out of the page; those of groups remain."""
CURVES_OF = {"final_loss": "loss", "validation_loss": "validation_loss"}
"""The column of the curves for each column of losses."""
NO_CURVES = (
    "The curves of single trials would take too much room here. Those of groups are of all trials."
)


@dataclass
class Contents:
    """What a page carries.

    Attributes:
        manifest: as docs/design/page.md has it.
        data: packed bytes by the id of their element.
        notes: sentences on what the page leaves out.
    """

    manifest: dict[str, Any]
    data: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def gather(subject: Subject, reconstruct: Reconstruct | None = None) -> Contents:
    """Return what the page of a subject carries.

    Args:
        subject: what it is of.
        reconstruct: computes a trained network's outputs; None for no reconstructions.
    """
    trials, directory = subject.trials, subject.directory
    names = printable_line(", ".join(sorted(map(str, trials["sweep"].unique()))))
    contents = Contents(
        {
            "format": FORMAT,
            "sweep": names,
            "latest": format_value(trials["finished"].max()),
            "version": version("autoencoder-sweep"),
            "results": printable_line(str(directory.path)),
            "trials": len(trials),
            "counted": [str(status) for status in COUNTED],
            "config": _configuration(directory),
            "fixed": fixed_parameters(subject),
            "commands": _commands(directory),
        }
    )
    if subject.rung:
        contents.notes.append(f"Trials are judged by {describe_rung(subject.rung)}.")
    _add_columns(contents, subject)
    axes = levels_of(subject)
    _add_curves(contents, subject, axes)
    contents.manifest["survival"] = summarise_survival(trials, axes)
    contents.manifest["gradients"] = summarise_gradients(directory, trials, axes)
    details = gather_details(subject, reconstruct)
    contents.manifest["details"] = list(details["trials"])
    if details["trials"]:
        contents.data["details"] = pack([safe_json(details).encode()])
    contents.manifest["notes"] = contents.notes
    return contents


def fixed_parameters(subject: Subject) -> dict[str, Any]:
    """Return the parameters that all trials have in common, those that do not apply left out."""
    names = [name for name in PARAMETERS if name not in subject.roles]
    held = [name for name in names if name in subject.trials.columns]
    first = _first_row(subject.directory, [name for name in names if name not in held])
    if len(subject.trials):
        first |= {name: subject.trials[name].iloc[0] for name in held}
    return {name: _plain(first[name]) for name in names if not pd.isna(first[name])}


def _first_row(directory: ResultsDir, names: Sequence[str]) -> dict[str, Any]:
    parts = (rows for rows in iterate_trials(directory.path, names) if len(rows))
    for rows in parts:
        values: dict[str, Any] = rows.slice(0, 1).to_pylist()[0]
        return values
    return {}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _commands(directory: ResultsDir) -> dict[str, str]:
    """Return commands on a trial, whose identity takes the place of TRIAL."""
    place = shlex.quote(printable_line(str(directory.path)))
    return {
        "show": f"sweep show TRIAL --results {place}",
        "train": f"sweep verify {place} --trial TRIAL",
        "codes": f"sweep codes TRIAL --results {place} --layer all",
        "load": f'network = sweep.load_model({str(directory.path)!r}, "TRIAL")',
    }


def _configuration(directory: ResultsDir) -> str:
    if not directory.config.is_file():
        return ""
    return printable_text(directory.config.read_bytes().decode("utf-8", "replace"))


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
    names = [CURVES_OF[name] for name in reversed(losses_of(subject.trials))]
    curves = read_curves_of(subject.directory, subject.trials, names)
    diverged = (subject.trials["status"] == Status.DIVERGED).to_numpy(bool)
    contents.manifest["curves"] = None
    contents.manifest["groups"] = summarise_curves(curves, axes, diverged) if curves else {}
    if not curves:
        return
    packed = pack_within((part for one in curves for part in one.encoded()), MOST_CURVE_LETTERS)
    if packed is None:
        contents.notes.append(NO_CURVES)
        return
    contents.manifest["curves"] = _described(curves, len(subject.trials))
    contents.data["curves"] = packed


def _described(curves: Sequence[Curves], n_trials: int) -> dict[str, Any]:
    epochs = curves[0].epochs.tolist()
    size = len(epochs) * n_trials * 2
    return {
        "points": len(epochs),
        "epochs": epochs,
        "quantities": [one.described(place * size) for place, one in enumerate(curves)],
        "type": "u2",
        "top": TOP,
        "missing": MISSING,
    }
