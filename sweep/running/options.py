"""How to run a sweep, and what a run did."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from sweep.config.faults import faults_of
from sweep.config.parameters.axis import Block, Count, Whole, must
from sweep.config.plain_values import plain
from sweep.config.sweepfile import Engine
from sweep.config.yaml_source import Document
from sweep.errors import ConfigError
from sweep.running.failures import FailureKind
from sweep.store.places.remote import AnyPath, RemotePath

CALL = "sweep.run"


def _place(value: Any) -> Any:
    if value is None or isinstance(value, str | Path | RemotePath):
        return value
    raise must("be a path or a URI")


def _texts(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise must("be a list of texts such as 'grid.learning_rate=0.1'")


class RunOptions(Block):
    """How to run a sweep, apart from what it trains.

    Attributes:
        output: results directory, or its URI in object storage; None for `results/NAME`.
        engine, workers: in place of the file's; None to leave that as it is.
        address: a running Ray cluster; None for RAY_ADDRESS, else an embedded Ray.
        use_ray: False to train in this process, one pack after another.
        retry_failed: whether to train again what failed before.
        merge: whether the results may be those of other sweeps, to be added to.
        max_failed: failed trials that end the run if there are more; None for any number.
        config_text: the sweep file as written, to be kept beside the results; None for its values.
        overrides: changes made to the file on the command line.
    """

    output: Annotated[Any, BeforeValidator(_place)] = None
    engine: Engine | None = None
    workers: Count | None = None
    address: str | None = None
    use_ray: bool = True
    retry_failed: bool = False
    merge: bool = False
    max_failed: Whole | None = None
    config_text: str | None = None
    overrides: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()


def check_options(**given: Any) -> RunOptions:
    """Return options as they were given in Python.

    Raises:
        ConfigError: with every one that is wrong.
    """
    tree = plain(given, source=CALL)
    try:
        return RunOptions(**tree)
    except ValidationError as error:
        faults = faults_of(error, Document(CALL, tree), RunOptions)
    raise ConfigError(faults)


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a run of a sweep did.

    Attributes:
        output: the results directory.
        trained: trials that ended, those below included. skipped: those that had a row before.
        derived: those whose row followed from another's, without training.
        failed: trials of the sweep that have failed, in this run or an earlier one. One that fails
            where an earlier run was cancelled keeps that row, to go on from, and is missing still.
        diverged, cancelled: how many of the trained ended so. pruned: stopped by a scheduler.
        missing: trials that still need training.
        failures: the failed trials in the table, by kind.
        interrupted: whether the user stopped it.
        gave_up: whether it stopped because more trials failed than were allowed.
        seconds: from start to end.
        proposer_seconds: of these, spent on proposing the points of a search.
    """

    output: AnyPath
    trained: int
    skipped: int
    derived: int
    failed: int
    diverged: int
    cancelled: int
    missing: int
    interrupted: bool
    gave_up: bool
    seconds: float
    failures: tuple[FailureKind, ...] = ()
    pruned: int = 0
    proposer_seconds: float = 0.0
