"""Records anew what must never move: `python -m tests.gate identities`, `bits` or `results`."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import gate
from tests.gate.results import record_results


def write(path: Path, values: dict[str, Any]) -> None:
    """Write JSON of a line for each entry, so that a change of one shows as one."""
    parts = []
    for name, entries in values.items():
        pairs = entries.items() if isinstance(entries, dict) else enumerate(entries)
        keyed = isinstance(entries, dict)
        lines = [f"{json.dumps(k)}: {json.dumps(v)}" if keyed else json.dumps(v) for k, v in pairs]
        start, end = "{}" if keyed else "[]"
        parts.append(f"{json.dumps(name)}: {start}\n" + ",\n".join(lines) + f"\n{end}")
    path.write_text("{" + ",\n".join(parts) + "}\n")


if __name__ == "__main__":
    if sys.argv[1] == "identities":
        with tempfile.TemporaryDirectory() as folder:
            gate.write_images(Path(folder))
            write(gate.IDENTITIES, gate.record_identities(Path(folder)))
    if sys.argv[1] == "bits":
        write(gate.BITS, gate.record_bits())
    if sys.argv[1] == "results":
        record_results()
