"""Checks every node of a cluster before anything trains there.

The nodes must run the versions that the driver runs, be able to hold a pack, and agree on the time,
by which rows say when they ended. Results are read and written by the driver alone.
"""

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.errors import SweepError

ANSWER_SECONDS = 60.0
CLOCK_SECONDS = 5.0
PACKAGES = {"sweep": "autoencoder-sweep", "torch": "torch", "ray": "ray"}

Probe = Callable[[Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """A node as it answered.

    Attributes:
        host: name and address, for people.
        cpus, gpus: what it offers.
        versions: of what it runs, by name; without what it lacks. None if it did not answer.
        skew: by how much its clock is ahead of the driver's at least, s.
        complaint: why it did not answer.
    """

    host: str
    cpus: float
    gpus: float
    versions: Mapping[str, str] | None = None
    skew: float = 0.0
    complaint: str = ""


def check_cluster(*, cpus: float, gpus: float) -> None:
    """Raise unless every node of the cluster that Ray is connected to can do its part.

    Args:
        cpus: what a pack takes of them.
        gpus: the same.

    Raises:
        SweepError: with every fault of every node.
    """
    reports = visit_nodes()
    found = list(faults_of(reports, own_versions()))
    lacking = lacking_resources(reports, cpus=cpus, gpus=gpus)
    if lacking and not _has_autoscaler():
        found.append(lacking)
    if found:
        raise SweepError("this cluster cannot train the sweep yet:", *found)


def own_versions() -> dict[str, str]:
    """Return the versions that this process runs with."""
    versions: dict[str, str] = _make_probe()(PACKAGES)["versions"]
    return versions


def visit_nodes() -> list[NodeReport]:
    """Ask every node that is up, all at once, what it runs and what time it is."""
    nodes = _nodes_up()
    probe = ray.remote(num_cpus=0, max_retries=0)(_make_probe())
    asked = time.time()
    answers = {}
    for node_id in nodes:
        there = NodeAffinitySchedulingStrategy(node_id, soft=False)
        answers[probe.options(scheduling_strategy=there).remote(PACKAGES)] = node_id
    reports, pending, until = {}, list(answers), time.monotonic() + ANSWER_SECONDS
    while pending and (left := until - time.monotonic()) > 0:
        ready, pending = ray.wait(pending, timeout=left)
        for answer in ready:
            node_id = answers[answer]
            reports[node_id] = _report(nodes[node_id], answer, asked)
    for answer in pending:
        reports[answers[answer]] = _report(nodes[answers[answer]], None, asked)
    # Nodes come and go: one that went while it was asked is no fault of the cluster.
    there_still = _nodes_up().keys()
    return [report for node_id, report in reports.items() if node_id in there_still]


def _nodes_up() -> dict[str, Mapping[str, Any]]:
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return {node["NodeID"]: node for node in nodes if node["Alive"]}


def faults_of(reports: Iterable[NodeReport], own: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with each node, beside a driver of these versions."""
    for report in reports:
        if report.versions is None:
            yield f"  {report.host}: must answer (got {report.complaint})"
            continue
        for name, version in own.items():
            if (got := report.versions.get(name, "none")) != version:
                yield f"  {report.host}: {name} must be {version}, the driver's (got {got})"
        if abs(report.skew) > CLOCK_SECONDS:
            yield (
                f"  {report.host}: clock must be within {CLOCK_SECONDS:.0f} s of the driver's "
                f"(got {report.skew:+.0f} s); set it by NTP"
            )


def lacking_resources(reports: Sequence[NodeReport], *, cpus: float, gpus: float) -> str | None:
    """Say what a pack takes that no node has; None if one has all of it."""
    if any(report.cpus >= cpus and report.gpus >= gpus for report in reports):
        return None
    offers = ", ".join(
        f"{report.host} has {report.cpus:g} and {report.gpus:g}" for report in reports
    )
    return (
        f"  resources: one node must have the {cpus:g} CPUs and {gpus:g} GPUs of a pack "
        f"({offers}); lower cpus_per_pack or gpus_per_pack, or start a node that has them"
    )


def _report(node: Mapping[str, Any], answer: Any, asked: float) -> NodeReport:
    host = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    held = node["Resources"]
    offer = {"host": host, "cpus": held.get("CPU", 0.0), "gpus": held.get("GPU", 0.0)}
    if answer is None:
        return NodeReport(**offer, complaint=f"nothing in {ANSWER_SECONDS:.0f} s")
    try:
        said = ray.get(answer)
    except ray.exceptions.RayError as error:
        return NodeReport(**offer, complaint=" ".join(str(error).split())[-200:])
    return NodeReport(
        **offer, versions=said["versions"], skew=skew(said["time"], asked, time.time())
    )


def skew(there: float, before: float, after: float) -> float:
    """Return by how much a clock is ahead at least, s; negative if behind, 0 if it may be right.

    Args:
        there: what it showed, s since 1970.
        before: what the driver's showed when it asked.
        after: what that showed when it had the answer.
    """
    return max(0.0, there - after) + min(0.0, there - before)


def _make_probe() -> Probe:
    """Return a function that travels as code: what it is to find out is whether sweep is there."""

    def probe(packages: Mapping[str, str]) -> dict[str, Any]:
        import hashlib
        import importlib.metadata
        import importlib.util
        import pathlib
        import time

        versions = {"python": ".".join(platform.python_version_tuple()[:2])}
        for name, package in packages.items():
            try:
                versions[name] = importlib.metadata.version(package).partition("+")[0]
            except importlib.metadata.PackageNotFoundError:
                continue
        spec = importlib.util.find_spec("sweep")
        for folder in (spec and spec.submodule_search_locations) or ():
            sources = sorted(pathlib.Path(folder).rglob("*.py"))
            digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
            versions["sources of sweep"] = digest.hexdigest()[:8]
        return {"versions": versions, "time": time.time()}

    return probe


def _has_autoscaler() -> bool:
    """Return whether nodes may come that are not there yet, asked of the node of the driver."""

    def look() -> bool:
        import ray
        from ray.autoscaler.v2.sdk import get_cluster_status

        status = get_cluster_status(ray.get_runtime_context().gcs_address)
        nodes = [*status.active_nodes, *status.idle_nodes]
        # Without an autoscaler Ray names each node's type after the node.
        own = [node.ray_node_type_name in ("", f"node_{node.node_id}") for node in nodes]
        return bool(status.pending_nodes or status.pending_launches) or not all(own)

    answer: bool = ray.get(ray.remote(num_cpus=0)(look).remote())
    return answer
