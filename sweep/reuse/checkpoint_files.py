"""Checkpoint files that name the trials of their lanes, so that a later run can resume them.

A driver that is killed leaves the checkpoints of the packs under way. The next run may divide the
missing trials into other packs, so each trial's lane is offered as a saved state of its path.
"""

import json
import struct
import sys
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweep.engines.state import one_watch
from sweep.store.inspection import FileProblem
from sweep.store.places.files import reporting
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath, matches
from sweep.store.tables.reader import SavedState
from sweep.training.work import thaw
from sweep.trial import PARAMETERS, STOP_PARAMETERS, StopReason, Trial

MAGIC = b"SWPC"
VERSION = 1
HEADER = struct.Struct("<4sHIQ")
"""Magic, version, CRC-32 of all that follows, length of the JSON that follows first."""
FOREIGN = "whole, but not of lanes"

Stop = dict[str, float | int | None]


class _UnreadableError(ValueError):
    """A file is no whole checkpoint of this version."""


@dataclass(frozen=True)
class _Owners:
    """The trials of a lane, by identity, with their stop parameters."""

    path_id: str
    stops: dict[str, Stop]


def encode_checkpoint(lanes: Sequence[Sequence[Trial]], data: bytes) -> bytes:
    """Return the file of a checkpoint: its lanes' trials before it, and a check of both.

    Args:
        lanes: the trials of each lane of the pack, as `Work.lanes` gives them.
        data: the checkpoint.
    """
    owners = {
        trials[0].trial_id: {
            "path_id": trials[0].path_id,
            "stops": {trial.trial_id: _stop_of(trial) for trial in trials},
        }
        for trials in lanes
    }
    about = json.dumps(owners).encode()
    body = about + data
    return HEADER.pack(MAGIC, VERSION, zlib.crc32(body), len(about)) + body


def decode_checkpoint(file: bytes) -> tuple[list[SavedState], bytes]:
    """Return the state of every trial under way in a sealed checkpoint, and the checkpoint itself.

    Raises:
        ValueError: it is not whole, or of another version.
    """
    owners, data = _split(file)
    try:
        return list(_states(owners, data)), data
    except Exception as error:  # a file that something else made can raise anything
        raise _UnreadableError(FOREIGN) from error


def read_checkpoints(directory: ResultsDir) -> list[SavedState]:
    """Return the state of every trial under way in the checkpoints that earlier runs left.

    A file that cannot be read is named on stderr and passed over.
    """
    states: list[SavedState] = []
    for path in _files(directory):
        try:
            states += decode_checkpoint(path.read_bytes())[0]
        except (_UnreadableError, OSError) as error:
            advice = "its trials begin again; remove it to silence this warning"
            sys.stderr.write(f"warning: {path}: cannot be read ({error}); {advice}\n")
    return states


def inspect_checkpoints(directory: ResultsDir, settled: Collection[str]) -> list[FileProblem]:
    """Return the checkpoints that cannot be read, or that no trial needs."""
    problems = []
    for path in _files(directory):
        try:
            states, _ = decode_checkpoint(path.read_bytes())
        except (_UnreadableError, OSError) as error:
            problems.append(
                FileProblem(path, f"cannot be read ({error})", "its trials begin again")
            )
            continue
        if all(state.trial_id in settled for state in states):
            problems.append(FileProblem(path, "is of trials that have ended", "it is not needed"))
    return problems


def holds_checkpoints(directory: ResultsDir) -> bool:
    """Return whether any pack has left a checkpoint."""
    return bool(_files(directory))


def drop_settled(directory: ResultsDir, settled: Collection[str]) -> None:
    """Remove the checkpoints of which all trials are settled: nothing will resume from them."""
    for path in _files(directory):
        try:
            owners, _ = _split(path.read_bytes())
        except (_UnreadableError, OSError):
            continue
        if all(trial_id in settled for owner in owners.values() for trial_id in owner.stops):
            with reporting(path, "removed"):
                path.unlink(missing_ok=True)


def _files(directory: ResultsDir) -> list[AnyPath]:
    return matches(directory.checkpoints, "*.checkpoint")


def _stop_of(trial: Trial) -> Stop:
    return {name: getattr(trial, name) for name in STOP_PARAMETERS}


def _split(file: bytes) -> tuple[dict[str, _Owners], bytes]:
    """Return the trials of each lane in a file, and the checkpoint itself."""
    if len(file) < HEADER.size or not file.startswith(MAGIC):
        raise _UnreadableError("not a checkpoint of sweep")
    _, version, check, length = HEADER.unpack_from(file)
    if version > VERSION:
        raise _UnreadableError(f"version {version}, of a newer sweep; this one reads {VERSION}")
    body = file[HEADER.size :]
    if check != zlib.crc32(body):
        raise _UnreadableError("damaged")
    try:
        return _owners(json.loads(body[:length])), body[length:]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _UnreadableError(FOREIGN) from error


def _owners(about: dict[str, Any]) -> dict[str, _Owners]:
    owners = {name: _Owners(**owner) for name, owner in about.items()}
    return {name: replace(owner, stops=_completed(owner.stops)) for name, owner in owners.items()}


def _completed(stops: dict[str, Stop]) -> dict[str, Stop]:
    """Return stop parameters with the neutral value of each that came after the file.

    Raises:
        ValueError: one is unknown to this version of sweep.
    """
    neutral = {name: PARAMETERS[name].metadata["neutral"] for name in STOP_PARAMETERS}
    for stop in stops.values():
        if unknown := stop.keys() - neutral.keys():
            raise ValueError(f"other stop parameters: {', '.join(sorted(unknown))}")
    return {trial_id: neutral | stop for trial_id, stop in stops.items()}


def _states(owners: dict[str, _Owners], data: bytes) -> Iterator[SavedState]:
    state, lane_ids, _ = thaw(data)
    for row, lane_id in enumerate(lane_ids):
        assert state is not None
        arrays = state.take([row]).arrays()
        for column, (trial_id, stop) in enumerate(owners[lane_id].stops.items()):
            if state.live[row, column]:
                yield SavedState(
                    trial_id=trial_id,
                    path_id=owners[lane_id].path_id,
                    stop_reason=StopReason.CANCELLED,
                    epoch=int(state.epoch[row]),
                    stop=stop,
                    arrays=one_watch(arrays, column),
                )
