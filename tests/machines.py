"""Machines for tests: namespaces of this one, each with its own network, processes, name and home.

They share this one's Python and files. An address book names them; the first of it is the hub, to
which the others are linked.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
TOOLS = ("ip", "unshare", "nsenter")
LIMIT_SECONDS = 240


def why_not(*tools: str) -> str:
    """Say what this machine lacks for machines with these tools; empty if nothing."""
    if os.geteuid():
        return "needs root, for namespaces"
    if missing := [tool for tool in (*TOOLS, *tools) if not shutil.which(tool)]:
        return f"needs {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"])
    return "" if tried.returncode == 0 else "needs to be allowed namespaces"


@dataclass(frozen=True)
class Machine:
    """A namespace with a first process, whose end ends all others in it."""

    name: str
    pid: int
    home: Path

    def run(self, command: str) -> str:
        """Run a line of the shell there; show it and what it prints."""
        print(f"\n{self.name}$ {command}", flush=True)  # noqa: T201
        code, text = self.ask(command)
        print(text, flush=True)  # noqa: T201
        assert code == 0, text
        return text

    def ask(self, command: str) -> tuple[int, str]:
        """Run a line of the shell there; return its exit code and what it prints."""
        done = subprocess.run(
            [*self.entry(), "bash", "-c", command],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def entry(self) -> list[str]:
        kinds = ("--mount", "--net", "--pid", "--uts")
        return ["nsenter", f"--target={self.pid}", *kinds, f"--wd={ROOT}"]

    def environment(self) -> dict[str, str]:
        """Return what a login there has."""
        path = f"{BIN}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_UP_enable_autoscaler_v2": "0",
            "TERM": "dumb",
            "COLUMNS": "160",
        }


def start(name: str, lab: Path, lines: Sequence[str], *, shared_home: bool = False) -> Machine:
    """Start a machine in a folder of all: its own /tmp/ray and /run, and `lines` of its own.

    Args:
        name: of the machine, and of its folder.
        lab: the folder; its `home` is the home on every machine.
        lines: of the shell; the last of them runs as long as the machine does.
        shared_home: whether all see the same files there.
    """
    own = lab / name
    (own / "home").mkdir(parents=True)
    (own / "ray").mkdir()
    home = lab / "home" if shared_home else own / "home"
    profile = f"export PATH={BIN}:$PATH PYTHONPATH={ROOT}\n"
    (home / ".bash_profile").write_text(profile)
    (home / ".bashrc").write_text(profile)
    init = own / "init.sh"
    init.write_text(
        f"hostname {name}\n"
        f"mount --bind {home} {lab}/home\nmount --bind {own}/ray /tmp/ray\n"
        "mount -t tmpfs none /run\n"
        + "".join(f"{line}\n" for line in lines[:-1])
        + f"touch {own}/up\n{lines[-1]}\n"
    )
    kinds = ("--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (own / "log").open("w") as log:
        outer = subprocess.Popen(
            ["unshare", *kinds, "bash", "-e", str(init)], stdout=log, stderr=log
        )
    wait((own / "up").exists)
    inner = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
    return Machine(name, int(inner[0]), lab / "home")


def connect(machines: Mapping[str, Machine], addresses: Mapping[str, str]) -> None:
    """Join the networks by a bridge on the first machine."""
    first, *others = addresses
    hub = machines[first]
    hub.run("ip link set lo up; ip link add bridge type bridge; ip link set bridge up")
    hub.run(f"ip address add {addresses[first]}/24 dev bridge")
    for name in others:
        there = machines[name]
        ends = f"to-{name} netns {hub.pid} type veth peer name eth0 netns {there.pid}"
        sh(f"ip link add {ends}")
        hub.run(f"ip link set to-{name} master bridge up")
        there.run(
            f"ip link set lo up; ip address add {addresses[name]}/24 dev eth0; ip link set eth0 up"
        )
        there.run(f"ip route add default via {addresses[first]}")


def end(machines: Collection[Machine], lab: Path) -> None:
    """End machines, and all that runs on them; remove their folder."""
    for machine in machines:
        os.kill(machine.pid, signal.SIGKILL)
    time.sleep(1)
    shutil.rmtree(lab, ignore_errors=True)


def sh(command: str) -> None:
    subprocess.run(["bash", "-ec", command], check=True, timeout=30)


def wait(until, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(2)
