"""Brings a sweep's results from the head of a cluster to this machine, only what is new.

A job of its own packs them there, and its node hands out the archive as it hands out logs: that is
what there is where only the job server can be reached.
"""

import hashlib
import json
import secrets
import shlex
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import StoreError, SweepError
from sweep.jobs import archive as archiver
from sweep.jobs.control import JobServer, SweepJob
from sweep.running.scratch import scratch_folder
from sweep.store.places.files import reporting, write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.lock import writer_of

PACKING_SECONDS = 1800.0


@dataclass(frozen=True)
class Fetched:
    """What was brought: into which folder, how many files and bytes."""

    output: Path
    files: int
    size: int


def fetch_results(server: JobServer, job: SweepJob, output: Path) -> Fetched:
    """Make a folder hold the results of a job as they are now.

    Args:
        server: the cluster's job server.
        job: the job, over or not.
        output: where to; results that did not come from there are never touched.

    Raises:
        SweepError: there are no results yet, or they lie elsewhere than on the head.
        StoreError: the folder holds other results.
    """
    if "://" in job.results:
        raise SweepError(
            f"{job.job_id}: its results need no fetching (they lie at {job.results}, which any "
            "machine reads that may: `sweep results` takes it in place of a directory)"
        )
    held = _require_own(output, job)
    with reporting(output, "created"):
        output.mkdir(parents=True, exist_ok=True)
    with scratch_folder(".fetch-", output) as staging:
        archive = staging / "archive.tar"
        parts = _carry(server, job, held, archive)
        files = _unpack(archive, staging / "files")
        size = archive.stat().st_size
        _mark(output, job, held | parts)
        _place(staging / "files", files, output)
    for name in sorted(held.keys() - parts.keys(), key=_rank, reverse=True):
        (output / name).unlink(missing_ok=True)
    if ResultsDir(output).removals.name not in files:  # what an earlier fetch met is over
        ResultsDir(output).removals.unlink(missing_ok=True)
    _mark(output, job, parts)
    return Fetched(output, len(files), size)


def _require_own(output: Path, job: SweepJob) -> dict[str, int]:
    """Return the parts in the folder by size, all of which must have come from the job's place."""
    held = {
        str(path.relative_to(output)): path.stat().st_size
        for path in output.glob("*/part-*.parquet")
    }
    record = _read_mark(output / "fetched.json")
    same = (record.get("sweep"), record.get("results")) == (job.sweep, job.results)
    known = record.get("parts", {}).items() if same else set()
    exists = ResultsDir(output).exists
    if (exists and not same) or not held.items() <= known or writer_of(ResultsDir(output).lock):
        raise StoreError(
            f"{output}: must be new, or hold only what was fetched of {job.results} (got other "
            "results, which fetching would mix up); give another --output"
        )
    return held


def _read_mark(mark: Path) -> dict[str, Any]:
    try:
        record = json.loads(mark.read_text("utf-8")) if mark.exists() else {}
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("parts", {}), dict):
        raise StoreError(f"{mark}: must be what `sweep fetch` wrote there; give another --output")
    return record


def _carry(
    server: JobServer, job: SweepJob, held: Mapping[str, int], archive: Path
) -> dict[str, int]:
    """Have the results packed on the head and copy the archive; return the sizes of all parts."""
    errand = f"fetch-{job.job_id}-{secrets.token_hex(4)}"
    with scratch_folder("sweep-fetch-") as folder:
        shutil.copy(archiver.__file__, folder / "archive.py")
        (folder / "held.json").write_text(json.dumps(held))
        command = f"exec python3 archive.py {shlex.quote(job.results)} held.json"
        server.submit(errand, command, {"working_dir": str(folder)}, {"fetch": job.job_id})
    try:
        said = _await_word(server, errand, job)
        node_id = server.look(errand).node_id
        assert node_id
        server.download(node_id, said["archive"], archive)
    finally:
        server.stop(errand)
        server.forget(errand)
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != said["sha256"]:
        raise SweepError(
            f"{job.job_id}: results must arrive whole (got a damaged copy); fetch again"
        )
    parts: dict[str, int] = said["parts"]
    return parts


def _await_word(server: JobServer, errand: str, job: SweepJob) -> dict[str, Any]:
    """Return what the archiver says once it has packed."""
    words: list[dict[str, Any]] = []

    def spoken(state: SweepJob) -> bool:
        lines = [line for line in server.log(errand).splitlines() if line.startswith("{")]
        words.extend(json.loads(line) for line in lines[:1])
        return bool(words) or state.state.is_over

    in_time = server.wait(errand, until=spoken, seconds=PACKING_SECONDS)
    if words and "archive" in words[0]:
        return words[0]
    if words:
        raise SweepError(
            f"{job.job_id}: must have results in {words[0]['absent']} on the head (got none yet); "
            "they come with the first trials that end"
        )
    why = server.log(errand).strip()[-300:] if in_time else "it took too long"
    raise SweepError(f"{job.job_id}: its results cannot be packed on the head ({why})")


def _unpack(archive: Path, target: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
        return [member.name for member in tar.getmembers()]


def _place(staging: Path, names: list[str], output: Path) -> None:
    """Move files to where they belong, so that whoever reads meanwhile misses no row."""
    for name in sorted(names, key=_rank):
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (staging / name).replace(target)


def _rank(name: str) -> int:
    """When to place a file: parts of the trials after those that they make count, then the rest."""
    if not name.endswith(".parquet"):
        return 2
    return 1 if name.startswith("trials/") else 0


def _mark(output: Path, job: SweepJob, parts: Mapping[str, int]) -> None:
    record = {"sweep": job.sweep, "results": job.results, "parts": parts}
    write_atomically(output / "fetched.json", json.dumps(record, indent=2).encode())
