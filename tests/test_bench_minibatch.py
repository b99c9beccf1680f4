"""The bench of mini-batches: its contenders train the same, and its rows say what was measured."""

import importlib.util
import shutil
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pytest

from bench.contenders.loop import CompiledLoop, Loop
from bench.contenders.mlp_regressor import TINY
from bench.contenders.sgemm import Sgemm
from bench.works import ORDERS, Work, digits, images, regularised

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed: pip install '.[bench]'"
)


def small(**changes: object) -> Work:
    """Return 70 digits through 64-8-64, in batches of 16, the last of them short."""
    work = digits(topology=(64, 8, 64), batch=16)
    return replace(work, samples=work.samples[:70], **changes)


PLAIN, NORMALISED = small(), small(normalised=True)
DRAWN = small(normalised=True, dropout=0.2, noise=0.1)


def _has_onednn() -> bool:
    try:
        return bool(distribution("onednn-cpu-gomp"))
    except PackageNotFoundError:
        return False


def losses(name: str, work: Work) -> list[float]:
    """Return the losses of the first network after each of its first epochs."""
    from bench.minibatch import ways

    make, lanes = ways(work, 3)[name]
    contender = make(work, lanes)
    found = [contender.advance(1) for _ in range(ORDERS)]
    assert all(loss.shape == (lanes,) for loss in found)
    return [loss[0] for loss in found]


DEPRECATED = "ignore:.*:DeprecationWarning"  # within torch.compile
compiles = (
    pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed"),
    pytest.mark.filterwarnings(DEPRECATED),
)
onednn = pytest.mark.skipif(not _has_onednn(), reason="onednn-cpu-gomp is not installed")
EVERYWHERE = [
    "ours",
    "ours, alone",
    "PyTorch, Adam's fused form",
    "JAX, vmap",
    "JAX alone",
]
COMPILED = pytest.param("torch.compile", marks=compiles)
PLAIN_ONLY = ["NumPy by hand", pytest.param("oneDNN by hand", marks=onednn)]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EVERYWHERE, *PLAIN_ONLY])
def test_contender_trains_as_the_plain_loop_does(name: str) -> None:
    expected = [loss for (loss,) in map(Loop(PLAIN).advance, [1] * ORDERS)]
    np.testing.assert_allclose(losses(name, PLAIN), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EVERYWHERE, COMPILED])
def test_contender_normalises_as_the_plain_loop_does(name: str) -> None:
    expected = [loss for (loss,) in map(Loop(NORMALISED).advance, [1] * ORDERS)]
    np.testing.assert_allclose(losses(name, NORMALISED), expected, rtol=1e-4)


def test_scikit_learn_trains_as_the_plain_loop_with_identity_outputs_does() -> None:
    plain = Loop(replace(PLAIN, output="identity"), epsilon=TINY)
    expected = [plain.advance(1)[0] for _ in range(ORDERS)]
    np.testing.assert_allclose(losses("scikit-learn", PLAIN), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PyTorch", "JAX, vmap", "JAX alone"])
def test_noise_and_dropout_raise_the_loss_and_it_falls(name: str) -> None:
    clean = Loop(NORMALISED).advance(ORDERS)[0]
    found = losses(name, DRAWN)
    assert found[0] > found[-1] > clean


@pytest.mark.slow
@pytest.mark.filterwarnings(DEPRECATED)
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_compiled_loop_keeps_the_running_statistics_of_the_plain_loop() -> None:
    plain, compiled = Loop(NORMALISED), CompiledLoop(NORMALISED)
    for loop in (plain, compiled):
        loop.advance(1)
    for name, buffer in plain.buffers.items():
        np.testing.assert_allclose(compiled.buffers[name], buffer, rtol=1e-4, atol=1e-6)


def test_rows_hold_ours_to_each_contender_and_to_the_peak() -> None:
    from bench.minibatch import COMPARISONS, rows_of

    peak = 100e9
    work = images(count=20, features=40)
    assert work.weights == 2 * (40 * 128 + 128 * 32)
    seconds = {"PyTorch": 9e-3, "JAX, vmap": 4e-3, "JAX alone": 6e-3, "ours": 3e-3}
    each = seconds | {"ours, alone": 5e-3, "SGEMM": Sgemm.operations / peak}
    rows = rows_of(COMPARISONS["images"], work, each, "fused engine")
    figures = {row.contender.partition(":")[0]: row.figure for row in rows[:3]}
    assert figures == pytest.approx({"PyTorch": 3.0, "JAX, vmap": 4 / 3, "JAX alone": 2.0})
    assert [row.is_met for row in rows] == [True, None, None, None, None, False]
    assert rows[-1].figure == pytest.approx(100 * 6 * work.weights * 20 / peak / 3e-3)


def test_work_that_no_trial_describes_yet_has_rows_without_ours() -> None:
    from bench.minibatch import COMPARISONS, rows_of

    each = {"PyTorch": 9e-3, "JAX, vmap": 4e-3, "SGEMM": 2e-2}
    rows = rows_of(COMPARISONS["regularised"], regularised(), each, "")
    assert [(row.figure, row.is_met) for row in rows] == [(None, False), (None, None)]


def test_two_cores_train_the_bits_of_one() -> None:
    from bench.minibatch import two_cores

    (row,) = two_cores(PLAIN, rounds=1)
    assert row.work.startswith(PLAIN.title)
