"""Claims: the files that start clusters are valid, and shut to whoever has no token."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parent.parent
RAY_UP = ["cluster.yaml", "clusters/on-premises.yaml"]
KUBERNETES = "clusters/kubernetes.yaml"


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def ray_version() -> str:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return next(line.removeprefix("ray==") for line in lines if line.startswith("ray=="))


@pytest.mark.parametrize("name", RAY_UP)
def test_the_file_is_valid_by_rays_schema(name: str) -> None:
    validate_config(prepare_config(load(name)))


@pytest.mark.parametrize("name", RAY_UP)
def test_the_cluster_takes_a_token_and_its_dashboard_is_on_loopback(name: str) -> None:
    tree = load(name)
    starts = [tree["head_start_ray_commands"][-1], tree["worker_start_ray_commands"][-1]]
    assert all(start.startswith("RAY_AUTH_MODE=token ") for start in starts)
    assert "--dashboard-host=127.0.0.1 " in starts[0]
    assert tree["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert tree["setup_commands"][0] == "chmod 600 ~/.ray/auth_token"


@pytest.mark.parametrize("name", RAY_UP)
def test_nodes_get_sweep_with_its_constraints_and_nothing_made_from_it(name: str) -> None:
    tree = load(name)
    install = tree["setup_commands"][-1]
    assert "--constraint ~/sweep/constraints.txt --editable ~/sweep'[cluster]'" in install
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert extras["cluster"] == ["ray[default]>=2.40"]
    assert {".*", "results/"} <= set(tree["rsync_exclude"])


def test_on_premises_every_worker_is_started() -> None:
    tree = load("clusters/on-premises.yaml")
    count = len(tree["provider"]["worker_ips"])
    assert (tree["min_workers"], tree["max_workers"]) == (count, count)


def test_the_manifest_has_the_structure_of_a_ray_cluster() -> None:
    claim, cluster = yaml.safe_load_all((ROOT / KUBERNETES).read_text("utf-8"))
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert spec["rayVersion"] == ray_version()
    assert spec["authOptions"] == {"mode": "token"}
    head = spec["headGroupSpec"]
    assert head["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    (volume,) = head["template"]["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (mount,) = head["template"]["spec"]["containers"][0]["volumeMounts"]
    assert mount == {"name": volume["name"], "mountPath": "/home/ray/sweep-results"}
    for group in spec["workerGroupSpecs"]:
        assert 0 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (head, *spec["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert f"ray:{ray_version()}-" in container["image"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
