"""A sweep that asks for too much is refused by counting, not by trying."""

import json
import subprocess
import sys
from typing import Any

import pytest

from sweep.config import parse_config
from sweep.config.size import MAX_COMBINATIONS
from sweep.errors import ConfigError
from sweep.planning.grid import expand
from tests.hostile_sweeps import PLANNED, REFUSED
from tests.sweepfiles import small

SECONDS = 20
MEGABYTES = 500  # of all of them one after the other, the interpreter's share included


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What `tests.hostile_sweeps` found, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile_sweeps"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_too_much_is_refused_by_what_is_too_much(found: dict[str, Any], name: str) -> None:
    fault, _ = REFUSED[name]
    lines = str(found["outcomes"][name]).splitlines()
    assert any(fault in line for line in lines)
    assert len(lines) <= 101
    assert max(map(len, lines)) < 300


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANNED)
def test_much_is_planned(found: dict[str, Any], name: str) -> None:
    trials, _ = PLANNED[name]
    assert found["outcomes"][name] == trials


@pytest.mark.slow
@pytest.mark.parametrize("name", [*REFUSED, *PLANNED])
def test_no_sweep_takes_long_to_judge(found: dict[str, Any], name: str) -> None:
    assert found["seconds"][name] < SECONDS


@pytest.mark.slow
def test_no_sweep_takes_much_memory_to_judge(found: dict[str, Any]) -> None:
    assert found["megabytes"] < MEGABYTES


def test_as_many_combinations_as_the_limit_are_counted_and_no_more() -> None:
    span = {"linear": {"from": 0.1, "to": 0.2, "count": 3_163}}
    axes = {"learning_rate": span, "bias_constant": span}
    with pytest.raises(ConfigError, match="got 10,004,569"):
        parse_config(small(grid=axes))
    assert MAX_COMBINATIONS == 10_000_000


def test_what_advances_together_counts_once() -> None:
    span = {"linear": {"from": 0.1, "to": 0.2, "count": 5_000}}
    axes = {"learning_rate": span, "bias_constant": span, "zip": ["learning_rate", "bias_constant"]}
    assert len(expand(parse_config(small(grid=axes)))) == 5_000


@pytest.mark.long
def test_a_million_seeds_plan_in_little_memory() -> None:
    code = (
        "from sweep.config import parse_config; from sweep.planning import make_plan; "
        "from tests.hostile_sweeps import peak_megabytes; from tests.sweepfiles import small; "
        "plan = make_plan(parse_config(small(grid={'replicates': 1_000_000})), workers=2); "
        "print(plan.missing, round(peak_megabytes()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=900
    )
    missing, megabytes = map(int, done.stdout.split())
    assert missing == 1_000_000
    assert megabytes < 400
