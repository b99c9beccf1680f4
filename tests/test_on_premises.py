"""Claims: `clusters/on-premises.yaml` starts a cluster over ssh, and leaves nothing when it ends.

Three machines are namespaces of this one: each with its own network, processes, host name, home and
/tmp/ray. What is not tried: setting them up, as they share the Python that runs this.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_sweep
from tests.machines import BIN, LIMIT_SECONDS, ROOT, Machine, connect, end, sh, start, wait, why_not
from tests.test_faults_ray import SOME_SECONDS, ends, trained_calmly

TOOLS = ("ssh", "ssh-keygen", "rsync", "/usr/sbin/sshd", f"{BIN}/ray")
ADDRESSES = {"laptop": "10.77.0.1", "head": "10.77.0.10", "worker": "10.77.0.11"}
EPOCHS = 5_000  # some seconds a pack, so that all machines come to train some
SUBMIT = "submit small.yaml --no-install --follow"
RAY_PROCESSES = "pgrep -af '[r]aylet|[g]cs_server|[r]ay::' || true"


pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2 * LIMIT_SECONDS),
    pytest.mark.skipif(bool(why_not(*TOOLS)), reason=why_not(*TOOLS) or "all there"),
]


@pytest.fixture
def machines() -> Iterator[dict[str, Machine]]:
    lab = Path("/tmp", f"sweep-lab-{secrets.token_hex(3)}")
    started: dict[str, Machine] = {}
    (lab / "home").mkdir(parents=True)
    Path("/tmp/ray").mkdir(exist_ok=True)
    try:
        for key in ("key", "host"):
            sh(f"ssh-keygen -q -t ed25519 -N '' -f {lab}/{key}")
        passwd = (
            f"root:x:0:0::{lab}/home:/bin/bash\nsshd:x:110:65534::/run/sshd:/usr/sbin/nologin\n"
        )
        (lab / "passwd").write_text(passwd)
        for name in ADDRESSES:
            started[name] = start(name, lab, sshd(lab))
        connect(started, ADDRESSES)
        yield started
    finally:
        end(started.values(), lab)


def sshd(lab: Path) -> list[str]:
    """Return the lines that let the lab's key log in."""
    return [
        f"mount --bind {lab}/passwd /etc/passwd",
        "mkdir /run/sshd",
        f"exec /usr/sbin/sshd -D -e -f /dev/null -h {lab}/host -o AuthorizedKeysFile={lab}/key.pub "
        "-o StrictModes=no -o UsePAM=no -o PermitRootLogin=prohibit-password -o PidFile=none",
    ]


def cluster_file(lab: Path) -> Path:
    """Write the file that is shown to users, for these machines, which need no setting up."""
    tree = yaml.safe_load((ROOT / "clusters/on-premises.yaml").read_text("utf-8"))
    tree["cluster_name"] = f"on-premises-{lab.name}"
    tree["provider"] |= {"head_ip": ADDRESSES["head"], "worker_ips": [ADDRESSES["worker"]]}
    tree["auth"] = {"ssh_user": "root", "ssh_private_key": f"{lab}/key"}
    tree |= {"min_workers": 1, "max_workers": 1}
    tree["setup_commands"] = tree["setup_commands"][:1]
    path = lab / "cluster.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def rays(machine: Machine) -> str:
    return machine.ask(RAY_PROCESSES)[1]


def test_a_sweep_runs_on_machines_reached_by_ssh(machines, tmp_path):
    laptop, head, worker = machines["laptop"], machines["head"], machines["worker"]
    file = cluster_file(laptop.home.parent)
    laptop.run("(umask 077; ray get-auth-token --generate > /dev/null); ls -l ~/.ray")
    laptop.run(f"ray up -y --no-config-cache {file}")
    head.run("ls -l ~/.ray/auth_token; ls ~/sweep | head -20")
    began = time.monotonic()
    cpus = 2 * len(os.sched_getaffinity(0))
    wait(lambda: f"/{cpus}.0 CPU" in head.ask("ray status")[1], 90)
    print(f"worker up {time.monotonic() - began:.0f} s after the head")  # noqa: T201
    ssh = f"ssh -i {file.parent}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    shell = f"{ssh} root"
    laptop.run(f"{ssh} -f -N -L 8265:127.0.0.1:8265 root@{ADDRESSES['head']} 2> /dev/null")
    resources = {"engine": "torch", "lanes_per_pack": 1}
    grid = small_sweep()["grid"] | {"replicates": 4}
    rule = {"max_epochs": EPOCHS}
    text = yaml.safe_dump(small_sweep(grid=grid, resources=resources, convergence=rule))
    laptop.run(f"cat > ~/small.yaml <<'END'\n{text}END")
    reach = "cd ~ && RAY_ADDRESS=http://127.0.0.1:8265"
    told = laptop.run(f"{reach} {BIN}/python -m sweep {SUBMIT}")
    assert "trained 8 trials" in told
    laptop.run(f"{reach} {BIN}/python -m sweep fetch small")
    laptop.run(f"{reach} {BIN}/python -m sweep jobs")
    laptop.run(f"{reach} {BIN}/python -m sweep status small --address http://127.0.0.1:8265")
    laptop.run(f"{reach} {BIN}/python -m sweep fetch small")
    laptop.run(f"cp -r ~/results {file.parent}/fetched")
    trials = read_trials(file.parent / "fetched/small")
    assert sorted(trials["host"].unique()) == ["head", "worker"]
    laptop.run(f"ray down -y {file}")
    laptop.run(f"{shell}@{ADDRESSES['worker']} bash -lc \"'ray stop'\"")  # as the file says
    wait(lambda: not rays(head).strip() and not rays(worker).strip())
    print("no process of Ray is left on either")  # noqa: T201


def test_packs_of_a_machine_whose_link_goes_down_are_trained_elsewhere(machines, tmp_path):
    head, worker = machines["head"], machines["worker"]
    lab, hub = head.home.parent, f"{ADDRESSES['head']}:6379"
    head.run("(umask 077; ray get-auth-token --generate > /dev/null)")
    shutil.copytree(lab / "head/home/.ray", lab / "worker/home/.ray")
    watch = "RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=2000 "
    watch += "RAY_health_check_failure_threshold=3 RAY_health_check_initial_delay_ms=1000"
    start_ray = f"{watch} ray start --num-cpus=1 --node-ip-address"
    head.run(f"{start_ray}={ADDRESSES['head']} --head --port=6379 --include-dashboard=false")
    worker.run(f"{start_ray}={ADDRESSES['worker']} --address={hub}")
    (lab / "head/home/small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = f"cd ~ && {BIN}/python -m sweep run small.yaml {' '.join(SOME_SECONDS)}"
    process = subprocess.Popen(
        [*head.entry(), "bash", "-c", f"{command} --address {hub} --output wild"],
        env=head.environment(),
    )
    results = lab / "head/home/wild"
    wait(lambda: any(results.glob("checkpoints/*.checkpoint")), 120)
    wait(lambda: "ray::Implicit" in rays(worker), 60)
    worker.run("ip link set eth0 down")
    assert process.wait(LIMIT_SECONDS) == 0
    assert ends(results) == trained_calmly(tmp_path)
    assert read_trials(results)["attempt"].max() >= 2
    head.run("ray stop --force")
