"""The bench: its contenders train the same, and its goals are judged as stated. Times nothing."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bench.contenders.batched import Batched
from bench.contenders.contender import Contender
from bench.contenders.eager import Eager
from bench.contenders.limit import LANES, Limit
from bench.contenders.ours import Ours, OursTorch
from bench.contenders.own_network import EagerOwn, OursOwn, example_trials
from bench.growth import crossing
from bench.problem import STUDY, start_weights
from bench.rivals import Costs
from bench.table import Row, Unit, at_least, at_most, markdown
from sweep.config import load_config
from sweep.planning import make_plan

CONFIGS = Path(__file__).parents[1] / "configs"
EPOCHS = 40
N_LANES = 16
without_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
without_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed: pip install '.[bench]'"
)


def _jax(*args: object) -> Contender:
    from bench.contenders.jax_vmap import JaxVmap

    return JaxVmap(*args)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return Eager(start_weights(2), STUDY).advance(EPOCHS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        Ours,
        OursTorch,
        Batched,
        pytest.param(_jax, marks=without_jax),
        *(pytest.param(partial(Limit, lanes=n), marks=without_compiler) for n in LANES),
    ],
)
def test_contender_trains_as_plain_pytorch_does(
    make: Callable[..., Contender], expected: np.ndarray
) -> None:
    losses = make(start_weights(N_LANES), STUDY).advance(EPOCHS)
    assert losses.shape == (N_LANES,)
    np.testing.assert_allclose(losses[:2], expected, rtol=1e-5)


@pytest.mark.slow
def test_the_loop_of_a_network_of_ones_own_trains_as_the_engine_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    given = example_trials(3, samples=200)
    ours, loop = OursOwn(*given), EagerOwn(*given)
    np.testing.assert_allclose(ours.advance(4), loop.advance(4), rtol=1e-5)
    assert ours.lanes_by == "vmap"


def test_contender_goes_on_from_where_it_was() -> None:
    whole, halves = (Ours(start_weights(2), STUDY) for _ in range(2))
    halves.advance(EPOCHS // 2)
    assert (halves.advance(EPOCHS // 2) == whole.advance(EPOCHS)).all()


def test_missed_goal_is_said_to_be_missed() -> None:
    slow = Row(work="a", ours="2 s", figure=2.0, unit=Unit.SECONDS, goal=at_most(1, stretch=0.5))
    fast = Row(work="b", ours="1 us", figure=700.0, unit=Unit.TIMES, goal=at_least(350))
    unmeasured = Row(work="c", ours="failed", figure=None, unit=Unit.SECONDS, goal=at_most(1))
    assert [row.is_met for row in (slow, fast, unmeasured)] == [False, True, False]
    assert (
        markdown([slow]).splitlines()[2] == "| a | 2 s |  | 2 s | ≤ 1 s (stretch 0.5 s) | **no** |"
    )


def test_crossing_lies_where_powers_meet() -> None:
    widths = (10, 100)
    curves = {
        "fused": {n: n**3 / 30**3 for n in widths},
        "torch": {n: n**2 / 30**2 for n in widths},
    }
    assert crossing(curves) == pytest.approx(30.0)


def test_extrapolation_is_a_line_through_what_was_measured() -> None:
    costs = Costs(bare=10.0, few=50.0, some=210.0)
    assert costs.extrapolated(10_000) == pytest.approx(10_010.0)


def test_published_runs_train_their_published_epochs() -> None:
    plan = make_plan(load_config(CONFIGS / "zhang2017_epochs.yaml"), workers=2)
    assert (plan.trials, plan.max_epochs) == (25, 10_458_481)
