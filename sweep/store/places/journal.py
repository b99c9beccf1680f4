"""Keeps frames of bytes durable, in one file or as objects.

A frame is a header (magic, length of the payload, CRC-32 of the payload, CRC-32 of the header so
far) and the payload. Each append reaches the disk before it returns, so that only the last frame
can ever be torn; damage before it is reported, never skipped. In object storage each frame is an
object.
"""

import os
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from sweep.errors import StoreError
from sweep.store.places.files import reporting, sync_directory
from sweep.store.places.remote import AnyPath, RemotePath

MAGIC = b"SWPJ"
HEADER = struct.Struct("<4sQI")
CHECK = struct.Struct("<I")
SUFFIX = ".frame"
DELETIONS_AT_ONCE = 16


class Journal:
    """The journal at `path`, open for writing; a torn tail is cut off when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reporting(path, "opened"):
            whole = _whole_length(path)
            self._file = path.open("ab", buffering=0)
            self._cut(whole)
            sync_directory(path.parent)

    def append(self, payload: bytes) -> None:
        """Add a frame; it is durable when this returns.

        Raises:
            StoreError: if it cannot be written; the frames before it stay whole.
        """
        before = self._file.tell()
        with reporting(self.path, "written"):
            try:
                self._write(_header(payload) + payload)
                os.fsync(self._file.fileno())
            except OSError:
                self._cut(before)
                raise

    def clear(self) -> None:
        """Forget every frame, once they are durable elsewhere."""
        if self._file.tell():
            with reporting(self.path, "cleared"):
                self._cut(0)

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _cut(self, length: int) -> None:
        self._file.truncate(length)
        self._file.seek(length)
        os.fsync(self._file.fileno())


class ObjectJournal:
    """The journal in the folder `path` of object storage, open for writing.

    It removes only the frames that it found or wrote, so that a second writer loses none.
    """

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        self._writer = uuid4().hex
        self._moment = 0
        with reporting(path, "opened"):
            path.mkdir()
            self._frames = _objects(path)

    def append(self, payload: bytes) -> None:
        """Add a frame; it is durable when this returns."""
        self._moment = max(self._moment + 1, time.time_ns())
        path = self.path / f"{self._moment:020d}-{self._writer}{SUFFIX}"
        with reporting(path, "written"):
            path.write_bytes(_header(payload) + payload)
        self._frames.append(path)

    def clear(self) -> None:
        """Forget every frame, once they are durable elsewhere."""
        with reporting(self.path, "cleared"), ThreadPoolExecutor(DELETIONS_AT_ONCE) as pool:
            list(pool.map(lambda path: path.unlink(missing_ok=True), self._frames))
        self._frames = []

    def close(self) -> None:
        """Do nothing: no frame is open."""


def open_journal(path: AnyPath) -> Journal | ObjectJournal:
    return ObjectJournal(path) if isinstance(path, RemotePath) else Journal(path)


def replay(path: AnyPath) -> Iterator[bytes]:
    """Yield the payload of every whole frame in order; nothing if there is no journal.

    Raises:
        StoreError: if a frame before the last is damaged.
    """
    for file in files_of(path):
        yield from replay_file(file)


class JournalTail:
    """What a journal gains, read from outside while another process writes it.

    Attributes:
        cleared: whether frames read before were gone at the last call.
    """

    def __init__(self, path: AnyPath) -> None:
        self.path, self.cleared = path, False
        self._first, self._position = b"", 0
        self._seen: frozenset[str] = frozenset()

    def read(self) -> list[bytes]:
        """Return the payload of every whole frame that came since the last call.

        Frames that went meanwhile, as they are in a part, are left out.

        Raises:
            StoreError: if a frame before the last is damaged.
        """
        if isinstance(self.path, RemotePath):
            return self._read_objects(self.path)
        return self._read_file(self.path)

    def _read_objects(self, path: RemotePath) -> list[bytes]:
        frames, payloads = _objects(path), list[bytes]()
        for frame in frames:
            if frame.name not in self._seen:
                payloads += replay_file(frame)
        names = frozenset(frame.name for frame in frames)
        self.cleared, self._seen = not self._seen <= names, names
        return payloads

    def _read_file(self, path: Path) -> list[bytes]:
        overhead = HEADER.size + CHECK.size
        try:
            with reporting(path, "read"), path.open("rb") as file:
                first = file.read(overhead)
                self.cleared = first != self._first and self._position > 0
                if first != self._first:
                    self._first, self._position = first if len(first) == overhead else b"", 0
                file.seek(self._position)
                data = file.read()
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                self.cleared, self._position = self._position > 0, 0
                return []
            raise
        places = list(_frames(data, path))
        self._position += places[-1][1] if places else 0
        return [data[start:end] for start, end in places]


def files_of(path: AnyPath) -> list[AnyPath]:
    """Return the files or objects in which a journal keeps its frames, in order."""
    return [*_objects(path)] if isinstance(path, RemotePath) else [path]


def replay_file(file: AnyPath) -> Iterator[bytes]:
    """Yield the payload of every whole frame in one file or object, in order.

    Raises:
        StoreError: if a frame is damaged, but for the last of a file, which may be torn.
    """
    data, end = _read(file), 0
    for start, end in _frames(data, file):
        yield data[start:end]
    if end < len(data) and isinstance(file, RemotePath):  # an object is never torn
        raise _damage(file, end)


def torn_tail(path: Path) -> bytes:
    """Return what follows the last whole frame of a journal file: a frame never acknowledged.

    Raises:
        StoreError: if a frame before the last is damaged.
    """
    return _read(path)[_whole_length(path) :]


def _objects(path: RemotePath) -> list[RemotePath]:
    return sorted(path.glob(f"*{SUFFIX}"), key=lambda frame: frame.name)


def _whole_length(path: Path) -> int:
    return max((end for _, end in _frames(_read(path), path)), default=0)


def _read(path: AnyPath) -> bytes:
    try:
        with reporting(path, "read"):
            return path.read_bytes()
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return b""
        raise


def _frames(data: bytes, path: AnyPath) -> Iterator[tuple[int, int]]:
    """Yield where each whole payload starts and ends, up to the end or a torn tail."""
    position, overhead = 0, HEADER.size + CHECK.size
    while len(data) - position > overhead:
        magic, length, checksum = HEADER.unpack_from(data, position)
        (check,) = CHECK.unpack_from(data, position + HEADER.size)
        start = position + overhead
        if magic != MAGIC or check != zlib.crc32(data[position : start - CHECK.size]):
            if data[position:].strip(b"\0"):  # zeros are room that a crash left unfilled
                raise _damage(path, position)
            return
        end = start + length
        if end > len(data) or zlib.crc32(data[start:end]) != checksum:
            if end < len(data):
                raise _damage(path, position)
            return
        yield start, end
        position = end


def _header(payload: bytes) -> bytes:
    header = HEADER.pack(MAGIC, len(payload), zlib.crc32(payload))
    return header + CHECK.pack(zlib.crc32(header))


def _damage(path: AnyPath, position: int) -> StoreError:
    return StoreError(
        f"{path}: must hold whole frames (damaged at byte {position}); "
        "move it away to go on without the results in it, which will be trained again"
    )
