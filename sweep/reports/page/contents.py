"""Gathers what a page carries for its views: the manifest, and packed arrays beside it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pandas as pd

from sweep.printable import printable_line, printable_text
from sweep.reports.findings import Finding
from sweep.reports.objective import losses_of
from sweep.reports.page.columns import encode_columns
from sweep.reports.page.curves import MISSING, TOP, Curves, read_curves_of
from sweep.reports.page.details import gather_details
from sweep.reports.page.gradients import summarise_gradients
from sweep.reports.page.groups import summarise_curves
from sweep.reports.page.levels import Levels, levels_of
from sweep.reports.page.packing import pack, pack_within, safe_json
from sweep.reports.page.reconstructions import Reconstruct
from sweep.reports.page.survival import summarise_survival
from sweep.reports.page.table import PageTable
from sweep.reports.population import COUNTED
from sweep.reports.rejudging import describe_rung
from sweep.reports.tables.text import format_value
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.snapshot import iterate_trials
from sweep.trial import PARAMETERS, REPEATS, Status

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
        findings: what was found.
    """

    manifest: dict[str, Any]
    findings: Sequence[Finding]
    data: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def gather(table: PageTable, reconstruct: Reconstruct | None = None) -> Contents:
    """Return what the page of these trials carries.

    Args:
        table: the trials.
        reconstruct: computes a trained network's outputs; None for no reconstructions.
    """
    directory = table.directory
    names = printable_line(", ".join(sorted(map(str, table["sweep"].unique()))))
    findings = table.subject.findings
    contents = Contents(
        {
            "format": FORMAT,
            "sweep": names,
            "latest": format_value(table["finished"].max()),
            "version": version("autoencoder-sweep"),
            "results": printable_line(str(directory.path)),
            "trials": len(table),
            "counted": [str(status) for status in COUNTED],
            "config": _configuration(directory),
            "fixed": fixed_parameters(table),
            "repeats": REPEATS,
            "commands": _commands(directory),
            "findings": [finding.as_data() for finding in findings],
        },
        findings,
    )
    if table.rung:
        contents.notes.append(f"Trials are judged by {describe_rung(table.rung)}.")
    _add_columns(contents, table)
    axes, ids = levels_of(table), table.columns(["trial_id"])
    _add_curves(contents, table, axes)
    contents.manifest["survival"] = summarise_survival(table.population.trials, axes)
    contents.manifest["gradients"] = summarise_gradients(directory, ids, axes)
    details = gather_details(table, reconstruct)
    contents.manifest["details"] = list(details["trials"])
    if details["trials"]:
        contents.data["details"] = pack([safe_json(details).encode()])
    contents.manifest["notes"] = contents.notes
    return contents


def fixed_parameters(table: PageTable) -> dict[str, Any]:
    """Return the parameters that all trials have in common, those that do not apply left out."""
    if not len(table):
        return {}
    names = [name for name in PARAMETERS if name not in table.roles]
    held = [name for name in names if name in table.names]
    first = _first_row(table.directory, [name for name in names if name not in held])
    first |= {name: table[name].iloc[0] for name in held}
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


def _add_columns(contents: Contents, table: PageTable) -> None:
    columns = list(encode_columns(table, table.roles))
    described, offset = [], 0
    for column in columns:
        described.append(column.described(offset))
        offset += len(column.data)
    left_out = sorted(set(table.roles) - {column.name for column in columns})
    if left_out:
        contents.notes.append(f"Left out, for they have too many values: {', '.join(left_out)}.")
    contents.manifest["columns"] = described
    contents.data["trials"] = pack(column.data for column in columns)


def _add_curves(contents: Contents, table: PageTable, axes: Sequence[Levels]) -> None:
    names = [CURVES_OF[name] for name in reversed(losses_of(table.population.trials))]
    trials = table.columns(["trial_id", "epochs", "final_loss"])
    curves = read_curves_of(table.directory, trials, names)
    diverged = (table["status"] == Status.DIVERGED).to_numpy(bool)
    contents.manifest["curves"] = None
    contents.manifest["groups"] = summarise_curves(curves, axes, diverged) if curves else {}
    if not curves:
        return
    packed = pack_within((part for one in curves for part in one.encoded()), MOST_CURVE_LETTERS)
    if packed is None:
        contents.notes.append(NO_CURVES)
        return
    contents.manifest["curves"] = _described(curves, len(table))
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
