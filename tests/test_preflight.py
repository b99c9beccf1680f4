"""Claims: what keeps a cluster from training is said before it trains, all at once."""

from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from sweep.api import run_sweep
from sweep.errors import SweepError
from sweep.ray.preflight import (
    NodeReport,
    faults_of,
    lacking_resources,
    own_versions,
    skew,
    visit_nodes,
)
from sweep.running.options import RunOptions
from sweep.store.tables.reader import done_ids
from tests.cluster_sweeps import small_config

OWN = {"python": "3.11", "sweep": "0.1.0", "torch": "2.13.0"}


def report(**changes: object) -> NodeReport:
    values = {"host": "a (10.0.0.1)", "cpus": 2.0, "gpus": 0.0, "versions": OWN}
    return NodeReport(**values | changes)


def test_a_node_like_the_driver_has_no_faults():
    assert list(faults_of([report(), report(skew=-4.9)], OWN)) == []


def test_every_fault_of_every_node_is_said():
    reports = [
        report(versions={"python": "3.12", "sweep": "0.1.0"}, skew=-61.4),
        report(host="b (10.0.0.2)", versions=None, complaint="nothing in 30 s"),
    ]
    assert list(faults_of(reports, OWN)) == [
        "  a (10.0.0.1): python must be 3.11, the driver's (got 3.12)",
        "  a (10.0.0.1): torch must be 2.13.0, the driver's (got none)",
        "  a (10.0.0.1): clock must be within 5 s of the driver's (got -61 s); set it by NTP",
        "  b (10.0.0.2): must answer (got nothing in 30 s)",
    ]


def test_a_clock_is_wrong_only_beyond_the_time_that_asking_took():
    assert skew(12.0, 10.0, 15.0) == 0.0
    assert skew(18.0, 10.0, 15.0) == 3.0
    assert skew(4.0, 10.0, 15.0) == -6.0


def test_one_node_must_hold_a_whole_pack():
    both = [report(), report(host="b (10.0.0.2)", cpus=1.0, gpus=1.0)]
    assert lacking_resources(both, cpus=2, gpus=0) is None
    assert lacking_resources(both, cpus=1, gpus=0.5) is None
    said = lacking_resources(both, cpus=2, gpus=0.5)
    assert said
    assert "2 CPUs and 0.5 GPUs of a pack (a (10.0.0.1) has 2 and 0, b (10.0.0.2) has 1 and" in said


def odd_python(folder: Path) -> Path:
    """Fill a folder for a node to import from first: another sweep, a clock an hour ahead."""
    (folder / "sweep").mkdir(parents=True)
    (folder / "sweep" / "__init__.py").write_text("")
    (folder / "autoencoder_sweep-0.0.9.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: autoencoder-sweep\nVersion: 0.0.9\n"
    (folder / "autoencoder_sweep-0.0.9.dist-info" / "METADATA").write_text(metadata)
    ahead = "import time\nright = time.time\ntime.time = lambda: right() + 3600\n"
    (folder / "sitecustomize.py").write_text(ahead)
    return folder


@pytest.mark.ray
def test_a_cluster_is_asked_and_what_it_never_could_do_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # workers import from there first
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        cluster.add_node(num_cpus=1)
        options = RunOptions(output=tmp_path / "out", address=cluster.address)
        with pytest.raises(SweepError) as lacking:
            run_sweep(small_config("resources.cpus_per_pack=3"), options)
        ray.init(cluster.address, log_to_driver=False, logging_level=40)
        seen = visit_nodes()
        ray.shutdown()
        cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(odd_python(tmp_path / "odd"))})
        with pytest.raises(SweepError) as differing:
            run_sweep(small_config(), options)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert "one node must have the 3 CPUs and 0 GPUs of a pack" in str(lacking.value)
    header, *faults = str(differing.value).splitlines()
    assert header == "this cluster cannot train the sweep yet:"
    assert len(faults) == 3
    own = own_versions()
    assert f"sweep must be {own['sweep']}, the driver's (got 0.0.9)" in faults[0]
    assert f"sources of sweep must be {own['sources of sweep']}, the driver's (got" in faults[1]
    assert "clock must be within 5 s of the driver's (got +3" in faults[2]
    assert done_ids(tmp_path / "out") == set()
    assert sorted(node.cpus for node in seen) == [0.0, 1.0]
    assert [node.versions for node in seen] == [own_versions()] * 2
    assert list(faults_of(seen, own_versions())) == []
