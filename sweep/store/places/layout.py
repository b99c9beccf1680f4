"""Where each part of a sweep's results lies."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from sweep.errors import StoreError
from sweep.store.places.remote import AnyPath, RemotePath, path_of


class TableName(StrEnum):
    """The tables of a results directory; each is a folder of Parquet parts."""

    TRIALS = "trials"
    CURVES = "curves"
    WEIGHTS = "weights"
    STATE = "state"
    LADDER = "ladder"
    GRADIENTS = "gradients"
    CODES = "codes"
    PHASES = "phases"


@dataclass(frozen=True)
class ResultsDir:
    """The results of one sweep, usually `results/NAME`."""

    path: AnyPath

    @classmethod
    def at(cls, place: str | AnyPath) -> Self:
        """Return the results at a path or URI."""
        return cls(path_of(place))

    def table(self, name: TableName) -> AnyPath:
        return self.path / name

    @property
    def trials(self) -> AnyPath:
        """One row a trial: what was asked for, how it ended, where it ran."""
        return self.table(TableName.TRIALS)

    @property
    def curves(self) -> AnyPath:
        """One row a recorded epoch."""
        return self.table(TableName.CURVES)

    @property
    def weights(self) -> AnyPath:
        """One row a trial: its final parameters."""
        return self.table(TableName.WEIGHTS)

    @property
    def state(self) -> AnyPath:
        """One row a trial that more epochs would carry on."""
        return self.table(TableName.STATE)

    @property
    def journal(self) -> AnyPath:
        """Results that are durable but not yet in a part: a file, or a folder of objects."""
        remote = isinstance(self.path, RemotePath)
        return self.path / ("journal" if remote else "journal.bin")

    @property
    def removals(self) -> AnyPath:
        """The trials that are being removed; there only until no part holds them."""
        return self.path / "removals.json"

    @property
    def lock(self) -> AnyPath:
        """Held by the one writer."""
        return self.path / "writer.lock"

    @property
    def checkpoints(self) -> AnyPath:
        """States of packs in training."""
        return self.path / "checkpoints"

    @property
    def config(self) -> AnyPath:
        """The sweep file as it was last run."""
        return self.path / "sweep.yaml"

    @property
    def runs(self) -> AnyPath:
        """One file for each run of the sweep."""
        return self.path / "runs"

    @property
    def progress(self) -> AnyPath:
        """How far the run that writes is, or the last one was: what others watch."""
        return self.path / "progress.json"

    @property
    def searches(self) -> AnyPath:
        """One file for each search: the points that it asked for."""
        return self.path / "searches"

    @property
    def report(self) -> AnyPath:
        """The report with its figures."""
        return self.path / "report"

    @property
    def data(self) -> AnyPath:
        """Arrays that a notebook trained on, named by their content."""
        return self.path / "data"

    @property
    def damaged(self) -> AnyPath:
        """Files that `sweep doctor --repair` set aside; nothing reads them."""
        return self.path / "damaged"

    @property
    def entries(self) -> tuple[AnyPath, ...]:
        """Everything that sweep may write into the directory itself."""
        fetched = self.path / "fetched.json"
        files = (self.config, self.lock, self.journal, self.removals, self.progress, fetched)
        folders = (self.checkpoints, self.runs, self.report, self.searches, self.data, self.damaged)
        return (*files, *folders, *map(self.table, TableName))

    @property
    def exists(self) -> bool:
        """Whether any result was ever written here."""
        return self.trials.is_dir() or self.journal.exists()


def required_results(path: str | AnyPath) -> ResultsDir:
    """Return the results directory at a path.

    Raises:
        StoreError: it holds no results.
    """
    directory = ResultsDir.at(path)
    if not directory.exists:
        got = "must hold results of a sweep (got none); `sweep run` makes them"
        raise StoreError(f"{directory.path}: {got}")
    return directory
