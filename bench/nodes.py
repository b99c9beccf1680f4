"""Trains one sweep on 1 to 8 Ray nodes of this machine: `python -m bench.nodes`, some minutes.

All nodes share the machine's cores: the time says what nodes cost, not what they give. The table
must be the same to the last bit. Ray refuses a node of a fraction of a CPU (quantities must be
whole), so that the packs are fractional: two of half a CPU fill a node of one.
"""

import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd

from bench.machine import describe_machine
from bench.page import keep, opening, output_option
from bench.processes import cores
from bench.stopwatch import say
from sweep.api import run_sweep
from sweep.config import load_config
from sweep.ray.session import set_environment
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_curves, read_trials
from sweep.trial import PARAMETERS

CONFIG = Path(__file__).parents[1] / "configs" / "many.yaml"
NODES = (1, 2, 4, 8)
TRIALS = 200
PACK = 0.5
"""CPUs that a pack takes, of the one that a node offers."""

OUTCOME = ("status", "stop_reason", "epochs", "updates", "final_loss", "best_loss")


@dataclass(frozen=True)
class Trained:
    """A sweep that ran on so many nodes: seconds from start to end, and what its table says."""

    nodes: int
    seconds: float
    digest: str


def train_on(nodes: int, *, trials: int = TRIALS) -> Trained:
    """Start a cluster of so many nodes of one CPU, train the sweep, end the cluster."""
    set_environment()
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex())  # of a cluster that ends here
    from ray.cluster_utils import Cluster

    say(f"{nodes} nodes")
    config = load_config(
        CONFIG,
        (
            f"grid.replicates={trials}",
            f"resources.workers={round(nodes / PACK)}",
            f"resources.cpus_per_pack={PACK}",
        ),
    )
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            options = RunOptions(output=folder, address=cluster.address)
            summary = run_sweep(config, options)
            seconds = time.perf_counter() - began
            assert (summary.trained, summary.failed) == (trials, 0), summary
            say(f"{seconds:.0f} s")
            return Trained(nodes, seconds, digest_of(Path(folder)))
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def digest_of(results: Path) -> str:
    """Return a hash over how every trial ended and its curve, to the last bit."""
    trials = read_trials(results).sort_values("trial_id")
    curves = read_curves(results).sort_values(["trial_id", "epoch"])
    sha = hashlib.sha256()
    for table, columns in (
        (trials, ["trial_id", *PARAMETERS, *OUTCOME]),
        (curves, ["trial_id", "epoch", "loss"]),
    ):
        hashes = pd.util.hash_pandas_object(table[columns].astype(object), index=False)
        sha.update(hashes.to_numpy().tobytes())
    return sha.hexdigest()[:16]


def document(trained: Sequence[Trained]) -> str:
    """Write all for people."""
    lines = opening("Nodes,", describe_machine())
    lines += [
        "",
        f"{TRIALS:,} trials of configs/many.yaml; packs of {PACK} CPU on nodes of 1, "
        f"{cores()} cores for all.",
    ]
    lines += ["", "| nodes | seconds | table |", "| --- | --- | --- |"]
    lines += [f"| {t.nodes} | {t.seconds:.0f} | {t.digest} |" for t in trained]
    return "\n".join(lines) + "\n"


@click.command()
@output_option("-nodes.md")
def main(output: Path) -> None:
    """Train the same sweep on 1, 2, 4 and 8 nodes; fail if the tables differ."""
    trained = [train_on(nodes) for nodes in NODES]
    keep(output, "-nodes", document(trained))
    assert len({each.digest for each in trained}) == 1, "the tables must be the same"


if __name__ == "__main__":
    main()
