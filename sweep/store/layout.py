"""Where each thing of a sweep's results lies. Knows nothing of what is in it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


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

    path: Path

    def table(self, name: TableName) -> Path:
        return self.path / name

    @property
    def trials(self) -> Path:
        """One row a trial: what was asked for, how it ended, where it ran."""
        return self.table(TableName.TRIALS)

    @property
    def curves(self) -> Path:
        """One row a recorded epoch."""
        return self.table(TableName.CURVES)

    @property
    def weights(self) -> Path:
        """One row a trial: its final parameters."""
        return self.table(TableName.WEIGHTS)

    @property
    def state(self) -> Path:
        """One row a trial that more epochs would carry on."""
        return self.table(TableName.STATE)

    @property
    def journal(self) -> Path:
        """Results that are durable but not yet in a part."""
        return self.path / "journal.bin"

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self.path / "writer.lock"

    @property
    def checkpoints(self) -> Path:
        """States of packs in training."""
        return self.path / "checkpoints"

    @property
    def config(self) -> Path:
        """The sweep file as it was last run."""
        return self.path / "sweep.yaml"

    @property
    def runs(self) -> Path:
        """One file for each run of the sweep."""
        return self.path / "runs"

    @property
    def report(self) -> Path:
        """The report with its figures."""
        return self.path / "report"

    @property
    def exists(self) -> bool:
        """Whether any result was ever written here."""
        return self.trials.is_dir() or self.journal.is_file()
