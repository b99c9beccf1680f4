"""Writes the table of trials as CSV, some rows at a time."""

from collections.abc import Iterator
from pathlib import Path

from sweep.reports.tables.selection import Selection
from sweep.reports.tables.stream import TrialStream
from sweep.reports.tables.text import csv_parts
from sweep.store.places.files import reporting
from sweep.store.places.layout import ResultsDir


def csv_of(directory: ResultsDir, where: str | None) -> Iterator[str]:
    """Yield the text of all columns of the trials that meet a condition, the header first."""
    yield from csv_parts(_stream(directory, where))


def write_csv(directory: ResultsDir, where: str | None, file: Path) -> int:
    """Write the same to a file; return how many trials."""
    stream = _stream(directory, where)
    with reporting(file, "written"), file.open("w", encoding="utf-8", newline="") as out:
        for part in csv_parts(stream):
            out.write(part)
    return stream.matching


def _stream(directory: ResultsDir, where: str | None) -> TrialStream:
    return TrialStream(directory, Selection(where=where, columns=["all"]))
