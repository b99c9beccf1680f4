"""Checkpoint files that carry their stop rules, so that a later run can go on from them.

A driver that is killed leaves the checkpoints of the packs under way. The next run may make other
packs of what is missing, so each lane is offered on its own, as a saved state of its path.
"""

import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sweep.planning.packs import Pack
from sweep.store.layout import ResultsDir
from sweep.training.checkpoints import thaw
from sweep.trial import STOP_PARAMETERS, StopReason

LENGTH = struct.Struct("<Q")
Stop = dict[str, float | int | None]


@dataclass(frozen=True)
class LeftLane:
    """A lane as a checkpoint holds it, seen by one of its trials; see `resume.SavedState`."""

    path_id: str
    stop_reason: StopReason
    epoch: int
    stop: Stop
    arrays: dict[str, np.ndarray]


def with_rules(pack: Pack, data: bytes) -> bytes:
    """Put the stop parameters of a pack's trials before its checkpoint."""
    rules: dict[str, list[Stop]] = defaultdict(list)
    for trial in pack.trials:
        rules[trial.path_id].append({name: getattr(trial, name) for name in STOP_PARAMETERS})
    header = json.dumps(rules).encode()
    return LENGTH.pack(len(header)) + header + data


def read_leftovers(directory: ResultsDir) -> list[LeftLane]:
    """Return every lane under way in the checkpoints that an earlier run left."""
    return [lane for path in leftover_files(directory) for lane in _lanes(path.read_bytes())]


def leftover_files(directory: ResultsDir) -> list[Path]:
    return sorted(directory.checkpoints.glob("*.checkpoint"))


def _lanes(data: bytes) -> Iterator[LeftLane]:
    (length,) = LENGTH.unpack_from(data)
    start = LENGTH.size + length
    rules: dict[str, list[Stop]] = json.loads(data[LENGTH.size : start])
    state, active, _ = thaw(data[start:])
    for row, path_id in enumerate(active):
        assert state is not None
        arrays = state.take([row]).arrays()
        for column, stop in enumerate(rules[path_id]):
            if state.live[row, column]:
                epoch = int(state.epoch[row])
                watched = _one_watch(arrays, column)
                yield LeftLane(path_id, StopReason.CANCELLED, epoch, stop, watched)


def _one_watch(arrays: dict[str, np.ndarray], column: int) -> dict[str, np.ndarray]:
    names = ("live", "delta_count", "stall_best", "stall_count")
    return arrays | {name: arrays[name][:, column : column + 1] for name in names}
