"""What must never move, as it was recorded: identities, bits, and a results directory.

`python -m tests.gate` records identities and bits anew; what that changes orphans finished trials
or changes results, so it is for what is added, or for a change that the changelog tells.
"""

import gzip
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from sweep.config import load_config
from sweep.planning import expand
from sweep.trial import PARAMETERS, Trial
from tests.gate.cases import Fields, random_trials
from tests.trials import make_trial

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "configs"
IDENTITIES = HERE / "identities.json"
RANDOM_TRIALS = 300


def fields_of(trial: Trial) -> Fields:
    """Return what makes a trial anew; what it leaves at its default is left out."""
    values = {name: getattr(trial, name) for name in PARAMETERS}
    return {n: v for n, v in values.items() if v != PARAMETERS[n].default}


def trial_of(fields: Fields) -> Trial:
    """Return the trial of recorded fields."""
    return Trial(**fields | {"topology": tuple(fields["topology"])})


def write_images(folder: Path) -> None:
    """Write images as MNIST's files have them, a few of one grey each, for what asks for MNIST."""
    for name, count in (("train-images-idx3-ubyte.gz", 300), ("t10k-images-idx3-ubyte.gz", 20)):
        pixels = np.repeat(np.arange(count, dtype=np.uint8), 28 * 28)
        header = struct.pack(">IIII", 0x00000803, count, 28, 28)
        (folder / name).write_bytes(gzip.compress(header + pixels.tobytes(), mtime=0))


def digest_of_config(path: Path, images: Path) -> dict[str, Any]:
    """Return how many trials a sweep file asks for and the digest of their identities.

    Args:
        path: a sweep file.
        images: folder of `write_images`.
    """
    overrides = [f"dataset.path={images}"] if path.stem == "stacked_mnist" else []
    grid = expand(load_config(path, overrides))
    cells = grid.cells
    pairs = zip(cells.trial_ids.tolist(), cells.path_ids.tolist(), strict=True)
    lines = sorted(f"{trial:016x} {way:016x}" for trial, way in pairs)
    for row in range(0, len(grid), max(1, len(grid) // 50)):
        trial = grid.trial(row)
        assert (int(trial.trial_id, 16), int(trial.path_id, 16)) == (
            cells.trial_ids[row],
            cells.path_ids[row],
        )
    return {"trials": len(lines), "digest": _digest("\n".join(lines).encode())}


def record_identities(images: Path) -> dict[str, Any]:
    trials = [make_trial(**fields) for fields in random_trials(RANDOM_TRIALS)]
    return {
        "configs": {p.stem: digest_of_config(p, images) for p in sorted(CONFIGS.glob("*.yaml"))},
        "trials": [
            {"trial_id": t.trial_id, "path_id": t.path_id, "fields": fields_of(t)} for t in trials
        ],
    }


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
