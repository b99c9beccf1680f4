"""Hostile sweep files and damaged results: a plan or faults, rows or a named file, nothing else."""

import contextlib
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.cli.main import main
from sweep.config import parse_config
from sweep.errors import ConfigError, StoreError
from sweep.planning import make_plan
from sweep.store.places.journal import Journal
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.encoding import encode
from sweep.store.tables.snapshot import read_rows
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

LAUGHS = "a: &a [x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
NAMES = st.sampled_from(
    ["../x", "a/b", "/etc", "..", "a\0b", "a\u202eb", "-rf", "x" * 300, "é", ""]
)
HUGE = st.sampled_from([10**6, 10**9, 10**30, -1, float("nan"), float("inf"), 1e308, "1e999"])
PLUGINS = st.sampled_from(
    ["os:system", "..x:y", "a.b.c:d", ":", "x:", "builtins:exec", "os.path:join"]
)
VALUES = st.one_of(NAMES, HUGE, PLUGINS, st.none(), st.text(max_size=6), st.lists(HUGE, max_size=3))
PLACES = [
    ("name",),
    ("dataset",),
    ("dataset", "name"),
    ("dataset", "size"),
    ("fixed", "activation"),
    ("fixed", "topology"),
    ("grid", "learning_rate"),
    ("grid", "replicates"),
    ("grid", "initialiser"),
    ("convergence", "max_epochs"),
    ("resources",),
    ("a\u0000key",),
]
TEXTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [LAUGHS, "{a: " * 3000, "[" * 3000, "&a [*a]", "!!python/name:os.system", "? {}: 1"]
    ),
)
few = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))


def check_tree(data: st.DataObject) -> None:
    """Plan a sweep with hostile values in some places."""
    tree: dict[str, Any] = small_sweep()
    for place in data.draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        inner: Any = tree
        for key in place[:-1]:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[place[-1]] = data.draw(VALUES)
    with contextlib.suppress(ConfigError):
        plan = make_plan(parse_config(tree), workers=2)
        assert plan.missing == plan.trials


def check_text(text: str, folder: Path) -> None:
    """Hand the command line any text as a sweep file."""
    (folder / "hostile.yaml").write_text(text, "utf-8", "surrogatepass")
    done = CliRunner().invoke(main, ["plan", str(folder / "hostile.yaml")])
    assert done.exit_code in (0, 2), done.output
    assert isinstance(done.exception, SystemExit | None)
    assert os.listdir(folder) == ["hostile.yaml"]  # noqa: PTH208


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return results with two parts of each table, a journal and a checkpoint."""
    path = tmp_path_factory.mktemp("fuzz") / "whole"
    with Writer(ResultsDir(path)) as writer:
        for seed in (1, 2):
            state = make_result(StopReason.CANCELLED, seed=seed + 10)
            writer.append(encode([make_result(seed=seed), state], "study"))
            writer.flush()
    journal = Journal(path / "journal.bin")
    for seed in (3, 4):
        journal.append(encode([make_result(seed=seed)], "study"))
    journal.close()
    (path / "checkpoints/a.checkpoint").write_bytes(b"SWPC" + bytes(40))
    return path


def contents(path: Path) -> list[pa.Table]:
    return [read_rows(path, name) for name in TableName]


def check_damage(whole: Path, seed: int) -> None:
    """Damage one file of results: each reader gives what there was, or names the file."""
    draw = random.Random(seed)
    path = whole.with_name("damaged")
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(whole, path)
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.stat().st_size)
    victim = draw.choice(files)
    victim.write_bytes(mutated(victim.read_bytes(), draw))
    torn = victim.name == "journal.bin"
    named = False
    try:
        found = contents(path)
    except StoreError as error:
        named = victim.name in str(error)
    else:
        same = [a.equals(b) for a, b in zip(found, contents(whole), strict=True)]
        named = all(same) or torn
    assert named, victim
    done = CliRunner().invoke(main, ["doctor", str(path), "--repair"])
    assert isinstance(done.exception, SystemExit | None), (victim, done.output, done.exc_info)
    assert done.exit_code == 0, (victim, done.output)
    contents(path)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Return `data` with bytes changed, cut off, put in, or repeated."""
    at = draw.randrange(len(data))
    kind = draw.randrange(5)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        return data[:at] + draw.randbytes(draw.randrange(1, 40)) + data[at:]
    if kind == 3:
        return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]
    return data + data[at:]


@few
@given(st.data())
def test_hostile_values_give_a_plan_or_faults(data: st.DataObject) -> None:
    check_tree(data)


@pytest.mark.long
@many
@given(st.data())
def test_1000_hostile_sweeps_give_a_plan_or_faults(data: st.DataObject) -> None:
    check_tree(data)


@pytest.mark.slow
@few
@given(TEXTS)
def test_hostile_text_is_refused_and_writes_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    check_text(text, tmp_path_factory.mktemp("text"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_damaged_results_are_named_or_whole(whole: Path, seed: int) -> None:
    check_damage(whole, seed)


@pytest.mark.long
def test_1000_damaged_results_are_named_or_whole(whole: Path) -> None:
    for seed in range(1000, 2000):
        check_damage(whole, seed)
