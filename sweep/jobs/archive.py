"""Archives the results of a sweep on the head of a cluster, for `sweep.jobs.fetch` to download.

Sent there as a job of its own, so it needs nothing but Python. All that it relies on is that tables
are folders of parts which never change, and that a part counts once its trials are there.
"""

import hashlib
import json
import signal
import sys
import tarfile
from pathlib import Path

ATTEMPTS = 10
PATIENCE_SECONDS = 3600
LEFT_OUT = ("writer.lock", "fetched.json", "progress.json", "checkpoints")


def main() -> int:
    """Write an archive beside this job's log, say so, and remove it once told to stop."""
    place, wanted = sys.argv[1:]
    results = Path(place).expanduser()
    if not (results / "trials").is_dir():
        print(json.dumps({"absent": str(results)}), flush=True)  # noqa: T201
        return 2
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    # Where the log of a job is, its node lets files be read by whoever has the token.
    log = Path("/proc/self/fd/1").readlink()
    archive = log.with_suffix(".tar")
    try:
        parts = pack(results, json.loads(Path(wanted).read_text()), archive)
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        said = {"archive": archive.name, "sha256": digest, "parts": parts}
        print(json.dumps(said), flush=True)  # noqa: T201
        signal.sigtimedwait({signal.SIGTERM}, PATIENCE_SECONDS)
    finally:
        archive.unlink(missing_ok=True)
    return 0


def pack(results: Path, held: dict[str, int], archive: Path) -> dict[str, int]:
    """Put into an archive what is not held elsewhere, as it is at one moment.

    Args:
        results: the results directory, which may be written meanwhile.
        held: size of each part held, by its path below `results`.
        archive: the file to write.

    Returns:
        The size of every part, held or not, by its path.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _pack(results, held, archive)
        except OSError:  # the writer has just put that part together with others
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def _pack(results: Path, held: dict[str, int], archive: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    with tarfile.open(archive, "w") as tar:
        # The journal before the parts: a row on its way from one to the other comes twice, and the
        # second is dropped. The other way round it would be lost.
        for path in _loose(results):
            tar.add(path, str(path.relative_to(results)))
        published = {path.name for path in (results / "trials").glob("part-*.parquet")}
        for path in sorted(results.glob("*/part-*.parquet")):
            name = str(path.relative_to(results))
            if path.name in published:
                sizes[name] = path.stat().st_size
                if held.get(name) != sizes[name]:
                    tar.add(path, name)
        if any(not (results / "trials" / name).exists() for name in published):
            raise FileNotFoundError
    return sizes


def _loose(results: Path) -> list[Path]:
    """All files but parts, the writer's own and what is half written; the journal first."""
    files = [path for path in sorted(results.rglob("*")) if path.is_file()]
    wanted = [path for path in files if path.name[0] != "." and _is_loose(path, results)]
    return sorted(wanted, key=lambda path: path.name != "journal.bin")


def _is_loose(path: Path, results: Path) -> bool:
    part = path.match("part-*.parquet")
    return not part and path.relative_to(results).parts[0] not in LEFT_OUT


if __name__ == "__main__":
    sys.exit(main())
