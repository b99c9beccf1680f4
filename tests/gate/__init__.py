"""What must never move, as it was recorded: identities, bits, and a results directory.

`python -m tests.gate` records identities and bits anew; what that changes orphans finished trials
or changes results, so it is for what is added, or for a change that the changelog tells.
"""

import gzip
import hashlib
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sweep.config import load_config
from sweep.planning import expand
from sweep.planning.engines import fused_supports
from sweep.result import TrialResult
from sweep.training.pool import train_pack
from sweep.training.work import Finished
from sweep.trial import PARAMETERS, Trial
from tests.gate.cases import Fields, random_trials, trained_cases
from tests.trials import make_trial, make_work

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "configs"
IDENTITIES = HERE / "identities.json"
BITS = HERE / "bits.json"
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


def train(trials: Iterable[Trial], engine: str) -> dict[str, TrialResult]:
    """Train trials in as few packs as their pack keys allow; return results by trial_id."""
    packs: dict[tuple[object, ...], dict[str, Trial]] = {}
    for trial in trials:
        packs.setdefault(trial.pack_key, {})[trial.trial_id] = trial
    results = {}
    for pack in packs.values():
        work = make_work(*pack.values(), engine=engine)
        for event in train_pack(work, should_stop=lambda: False):
            for result in event.results if isinstance(event, Finished) else ():
                results[result.trial.trial_id] = result
    return results


def bits_of(result: TrialResult) -> dict[str, Any]:
    """Return how a trial ended and the digests of its weights and of its losses by epoch."""
    assert result.parameters is not None
    return {
        "stop_reason": result.outcome.stop_reason,
        "epochs": result.outcome.epochs,
        "weights": _digest(result.parameters.tobytes())[:16],
        "losses": _digest(result.curve.loss.tobytes())[:16],
    }


def numbers_of(result: TrialResult) -> dict[str, list[float]]:
    """Return the weights and losses themselves, for an engine whose bits another CPU may change."""
    assert result.parameters is not None
    return {
        "weights": result.parameters.astype(np.float64).tolist(),
        "losses": result.curve.loss[::4].tolist(),
    }


def record_bits() -> dict[str, Any]:
    torch.set_num_threads(1)  # as the tests and the workers have it
    trials = {name: make_trial(**fields) for name, fields in trained_cases().items()}
    fused = train((trial for trial in trials.values() if fused_supports(trial)), "fused")
    reference = train(trials.values(), "reference")
    recorded = {}
    for name, trial in trials.items():
        close = reference[trial.trial_id]
        exact = {"fused": bits_of(fused[trial.trial_id])} if trial.trial_id in fused else {}
        numbers = {"reference": bits_of(close), "numbers": numbers_of(close)}
        recorded[name] = {"fields": fields_of(trial)} | exact | numbers
    return {"trials": recorded}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
