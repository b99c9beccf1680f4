"""A Ray head of its own with a job server, for tests of what a laptop does with a cluster."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = 60
PORTS = (
    "port",
    "dashboard-port",
    "ray-client-server-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
)


@dataclass(frozen=True)
class Head:
    """A head, and the environment in which commands reach it."""

    address: str
    home: Path
    environment: dict[str, str]

    def sweep(self, *words: str, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command of sweep as on a laptop; its RAY_ADDRESS is the head's job server."""
        return subprocess.run(
            [sys.executable, "-m", "sweep", *words],
            cwd=folder,
            env=self.environment | {"RAY_ADDRESS": self.address} | changes,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


@contextlib.contextmanager
def ray_head(cpus: int) -> Iterator[Head]:
    """Hold a head with a home, a token and ports of its own; all of it ends with the block."""
    home = Path(tempfile.mkdtemp(prefix="sweep-head-"))  # short, as the paths of sockets must be
    token = home / "token"
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    environment = os.environ | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
    }
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    words = [f"--{name}={port}" for name, port in ports.items()]
    words += ["--dashboard-host=127.0.0.1", "--node-ip-address=127.0.0.1", f"--num-cpus={cpus}"]
    words += [f"--temp-dir={home}/ray", "--object-store-memory=100000000"]
    with (home / "head.log").open("w") as log:
        head = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *words],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{ports['dashboard-port']}"
    try:
        _await(address, head, home)
        yield Head(address, home, environment)
    finally:
        head.terminate()  # ends every process of this head; `ray stop` would end those of others
        try:
            head.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(head.pid, signal.SIGKILL)
            head.wait()
        shutil.rmtree(home, ignore_errors=True)


def _await(address: str, head: "subprocess.Popen[bytes]", home: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and head.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api/version", timeout=5).close()
        except urllib.error.HTTPError as error:  # it listens, and wants the token
            error.close()
            return
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError((home / "head.log").read_text())


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
