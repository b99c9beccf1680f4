"""What a worker is handed and what it hands back. Knows nothing of how either travels."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from sweep.planning.packs import Pack
from sweep.result import TrialResult


class KeepState(StrEnum):
    """Of which trials the last state is kept, to resume from."""

    NONE = "none"
    RESUMABLE = "resumable"  # those that a limit or the user ended
    ALL = "all"


@dataclass(frozen=True)
class Record:
    """What is kept of a trial beside its row."""

    curves: bool = True
    weights: bool = True
    state: KeepState = KeepState.RESUMABLE


@dataclass(frozen=True)
class Work:
    """A pack to train.

    Attributes:
        pack: the trials.
        starts: saved states to go on from: path_id to the arrays of a `LaneState`, one lane wide
            and with one watch column, whose counters hold for every trial of the path.
        record: what to keep.
        checkpoint: the latest `Checkpoint.data` of an earlier attempt; None to begin.
        attempt: how often the pack has been started, from 1.
    """

    pack: Pack
    starts: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    record: Record = Record()
    checkpoint: bytes | None = None
    attempt: int = 1
    ray_version: str | None = None
    git_revision: str | None = None


@dataclass(frozen=True)
class Finished:
    """Trials that ended."""

    results: tuple[TrialResult, ...]


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to go on with the pack, once every row before it is safe."""

    data: bytes


@dataclass(frozen=True)
class Progress:
    """How far the pack is.

    Attributes:
        epochs: trained since the last report, summed over lanes.
        trials_done: trials ended since the start of this attempt.
        active: lanes in training. waiting: paths not yet begun.
    """

    epochs: int
    trials_done: int
    active: int
    waiting: int


Event = Finished | Checkpoint | Progress
