"""Claims: `clusters/slurm.sh` trains a sweep on the nodes of a Slurm job, and goes on in its next.

A real slurmctld and two real slurmd, each on a machine that is a namespace of this one, with a home
that all share. What is not tried: cgroups, accounting and GPUs, and the sizes of a real cluster.
"""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_sweep
from tests.machines import (
    LIMIT_SECONDS,
    ROOT,
    Machine,
    connect,
    end,
    start,
    wait,
    why_not,
)

TOOLS = ("/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "sbatch")
ADDRESSES = {"login": "10.78.0.1", "n1": "10.78.0.11", "n2": "10.78.0.12"}
CONF = """
ClusterName=sweep
SlurmctldHost=login(10.78.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
StateSaveLocation=/run/slurm-state
SlurmdSpoolDir=/run/slurmd-spool
SlurmctldLogFile={lab}/login/slurmctld.log
SlurmdLogFile={lab}/slurmd-%n.log
ReturnToService=2
KillWait=30
NodeName=n1 NodeAddr=10.78.0.11 CPUs={cpus} State=UNKNOWN
NodeName=n2 NodeAddr=10.78.0.12 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
HOSTS = "".join(f"{address} {name}\n" for name, address in ADDRESSES.items())
MUNGE = (
    "mkdir -m 755 /run/munge",
    "munged --force --key-file={lab}/munge.key --socket=/run/munge/munge.socket.2 "
    "--pid-file=/run/munge/pid --log-file=/run/munge/log --seed-file=/run/munge/seed",
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3 * LIMIT_SECONDS),
    pytest.mark.skipif(bool(why_not(*TOOLS)), reason=why_not(*TOOLS) or "all there"),
]


@pytest.fixture
def login() -> Iterator[Machine]:
    """A machine to submit from; two others wait for jobs."""
    lab = Path("/tmp", f"sweep-slurm-{secrets.token_hex(3)}")
    (lab / "home").mkdir(parents=True)
    Path("/tmp/ray").mkdir(exist_ok=True)
    (lab / "munge.key").write_bytes(secrets.token_bytes(128))
    (lab / "munge.key").chmod(0o400)
    (lab / "hosts").write_text(f"127.0.0.1 localhost\n{HOSTS}")
    (lab / "slurm.conf").write_text(CONF.format(lab=lab, cpus=len(os.sched_getaffinity(0))))
    machines: dict[str, Machine] = {}
    try:
        for name in ADDRESSES:
            lines = [f"mount --bind {lab}/hosts /etc/hosts", *(m.format(lab=lab) for m in MUNGE)]
            machines[name] = start(name, lab, [*lines, "exec sleep infinity"], shared_home=True)
        connect(machines, ADDRESSES)
        conf = f"{lab}/slurm.conf"
        machines["login"].run(f"mkdir /run/slurm-state; slurmctld -f {conf}")
        for name in ("n1", "n2"):
            machines[name].run(f"slurmd -N {name} -f {conf}")
        yield machines["login"]
    finally:
        for log in lab.glob("**/*.log"):
            print(f"--- {log}\n{log.read_text(errors='replace')[-4000:]}")  # noqa: T201
        end(machines.values(), lab)


def slurm(login: Machine, command: str) -> str:
    return login.run(f"cd ~; export SLURM_CONF={login.home.parent}/slurm.conf; {command}")


def end_of(login: Machine, job: str) -> str:
    """Wait for a job to end, without Slurm's pause before it queues again; return its state."""
    state = ""
    until = time.monotonic() + 2 * LIMIT_SECONDS
    while state not in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"):
        assert time.monotonic() < until, state
        time.sleep(3)
        told = slurm(login, f"scontrol show job {job} | grep -o 'JobState=[A-Z]*'")
        state = told.strip().removeprefix("JobState=")
        if state == "PENDING":
            slurm(login, f"scontrol update JobId={job} StartTime=now")
    return state


def submit(login: Machine, options: str, sweep: dict[str, object]) -> str:
    (login.home / "small.yaml").write_text(yaml.safe_dump(sweep))
    slurm(login, "sinfo")
    given = f"--parsable {options} {ROOT}/clusters/slurm.sh small.yaml --output results"
    return slurm(login, f"sbatch {given}").split()[-1]


def test_a_job_of_two_nodes_trains_on_both(login):
    resources = {"engine": "torch", "lanes_per_pack": 1, "workers": 4}
    grid = small_sweep()["grid"] | {"replicates": 4}
    sweep = small_sweep(grid=grid, resources=resources, convergence={"max_epochs": 5_000})
    cpus = len(os.sched_getaffinity(0))
    job = submit(login, f"--nodes=2 --cpus-per-task={cpus}", sweep)
    assert end_of(login, job) == "COMPLETED"
    print((login.home / f"sweep-{job}.log").read_text())  # noqa: T201
    trials = read_trials(login.home / "results")
    assert len(trials) == 8
    assert sorted(trials["host"].unique()) == ["n1", "n2"]


def test_a_job_told_to_go_queues_again_and_goes_on(login):
    resources = {"engine": "reference", "workers": 1}
    sweep = small_sweep(resources=resources, convergence={"max_epochs": 20_000})
    job = submit(login, "--nodes=1 --cpus-per-task=1", sweep)
    log = login.home / f"sweep-{job}.log"
    wait(lambda: log.exists() and "epochs" in log.read_text(), LIMIT_SECONDS)
    slurm(login, f"scancel --batch --signal=TERM {job}")  # as at the end of its time
    assert end_of(login, job) == "COMPLETED"
    assert "interrupted" in log.read_text()
    trials = read_trials(login.home / "results")
    assert len(trials) == 4
    assert set(trials["epochs"]) == {20_000}
    assert trials["resumed_from"].max() > 0
