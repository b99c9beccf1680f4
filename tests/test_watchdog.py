"""Claims: a process that stands still is ended and says where, one that waits with leave is not."""

import subprocess
import sys

import pytest

HEAD = """
import re, time
from sweep.ray.watchdog import Watchdog

def stand_still():
    {body}

with Watchdog(0.4, lambda stack: print(stack, flush=True)) as watchdog:
    stand_still()
print("went on")
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    code = HEAD.format(body=body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_a_process_that_stands_still_says_where_and_ends() -> None:
    done = run("time.sleep(30)")
    assert done.returncode == 1
    assert "in stand_still" in done.stdout
    assert "went on" not in done.stdout


@pytest.mark.slow
def test_code_that_lets_no_thread_run_is_ended_too() -> None:
    done = run('re.match("(a+)+$", 60 * "a" + "b")')
    assert done.returncode == 1
    assert "in stand_still" in done.stderr
    assert not done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "[(time.sleep(0.1), watchdog.hear()) for _ in range(15)]",
        "with watchdog.patient(): time.sleep(1.5)",
    ],
)
def test_a_process_that_gives_signs_or_waits_with_leave_goes_on(body: str) -> None:
    done = run(body)
    assert (done.returncode, done.stdout) == (0, "went on\n")
