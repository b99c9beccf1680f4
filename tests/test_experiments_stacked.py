"""Claims: experiments plan as their files say, and the kept results answer as the pages say."""

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sweep
from sweep.config import load_config
from sweep.planning import make_plan
from sweep.studies.stacking.cells import Cell, cells_of, with_totals
from sweep.studies.stacking.pairs import Pair, growth_of_spread, pairs_of

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "results" / "examples"


def write_mnist(folder: Path, *, samples: int = 300) -> Path:
    """Write images as MNIST's are kept, and return their folder."""
    for name in ("train", "t10k"):
        head = struct.pack(">4I", 0x803, samples, 28, 28)
        pixels = np.random.default_rng(0).integers(0, 256, (samples, 28, 28), np.uint8)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
    return folder


@pytest.mark.parametrize(
    ("name", "count"), [("stacked", 300), ("stacked_full_batch", 320), ("variants", 80)]
)
def test_the_kept_results_are_all_that_the_sweep_asks_for(name: str, count: int) -> None:
    plan = make_plan(load_config(ROOT / f"configs/{name}.yaml"), workers=2)
    trials = sweep.read_trials(EXAMPLES / name, columns="all")
    assert plan.trials == count
    assert set(trials["trial_id"]) == {trial.trial_id for trial in plan.grid}
    assert set(trials["status"]) == {"finished"}


def test_the_tutorials_networks_plan_on_files_like_mnists(tmp_path: Path) -> None:
    place = f"dataset.path={write_mnist(tmp_path)}"
    plan = make_plan(load_config(ROOT / "configs/stacked_mnist.yaml", [place]), workers=2)
    assert (plan.trials, plan.engines) == (20, {"fused on cpu": 20})
    trials = list(plan.grid)
    assert {t.topology for t in trials} == {(784, 32, 784), (784, 128, 64, 32, 64, 128, 784)}
    greedy = next(t for t in trials if t.pretraining == "greedy")
    assert 3 * (greedy.pretraining_max_epochs or 0) + (greedy.fixed_epochs or 0) == 100


def stacking(name: str, **where: object) -> tuple[list[Cell], dict[tuple[int, str], Pair]]:
    """Return the cells of trials with these values, and the comparisons by depth and way."""
    trials = sweep.read_trials(EXAMPLES / name, columns="all")
    for column, value in where.items():
        trials = trials[trials[column] == value]
    trials = with_totals(trials, sweep.read_phases(EXAMPLES / name))
    ways = trials["pretraining"].replace("none", "deep")
    cells = cells_of(trials.assign(way=ways), sweep.read_ladder(EXAMPLES / name))
    return cells, {(p.stacked.depth, p.stacked.way): p for p in pairs_of(cells)}


def side(low: float, high: float, neutral: float) -> int:
    return int(low > neutral) - int(high < neutral)


@pytest.mark.reproduce
def test_stacking_is_shown_to_help_at_no_depth() -> None:
    cells, pairs = stacking("stacked", bottleneck=8)
    assert {float(epochs) for cell in cells for epochs in cell.epochs} == {600.0}
    deep = [cell for cell in cells if cell.way == "deep"]
    assert [round(float(np.median(cell.losses)), 3) for cell in deep] == [
        0.303,
        0.301,
        0.307,
        0.312,
    ]
    assert growth_of_spread(deep[-1], deep[0]).sign == 0
    assert {pair.spread.sign for pair in pairs.values()} == {0}
    losses = {key: side(p.loss.low, p.loss.high, 1.0) for key, p in pairs.items()}
    assert [key for key, sign in losses.items() if sign] == [(8, "greedy")]
    assert losses[8, "greedy"] == 1
    later = {key for key, p in pairs.items() if side(p.sooner.low, p.sooner.high, 0.5) == -1}
    assert later == set(pairs) - {(8, "grow")}


@pytest.mark.reproduce
def test_a_chain_of_autoencoders_loses_with_every_block() -> None:
    cells, _ = stacking("stacked", bottleneck=16)
    deep = [float(np.median(cell.losses)) for cell in cells if cell.way == "deep"]
    assert [round(loss, 3) for loss in deep] == [0.266, 0.281, 0.299]


@pytest.mark.reproduce
def test_full_batches_agree_and_sigmoid_networks_stay_on_the_plateau() -> None:
    _, pairs = stacking("stacked_full_batch", activation="relu")
    assert {side(pair.loss.low, pair.loss.high, 1.0) for pair in pairs.values()} == {1}
    assert {pair.reliable.sign for pair in pairs.values()} == {-1}
    cells, _ = stacking("stacked_full_batch", activation="sigmoid")
    deeper = np.concatenate([cell.losses for cell in cells if cell.depth > 2])
    assert 0.416 < deeper.min() < deeper.max() < 0.418


@pytest.mark.reproduce
def test_tied_weights_do_best_on_digits_held_out() -> None:
    trials = sweep.read_trials(EXAMPLES / "variants", columns="all")
    keys = ["tied_weights", "input_noise_rate", "input_noise_scale", "code_penalty"]
    medians: pd.Series[float] = trials.groupby(keys, dropna=False)["validation_loss"].median()
    assert len(medians) == 8
    assert round(float(medians.min()), 3) == 0.267
    assert medians.idxmin()[0]
    assert round(float(medians.max()), 3) == 0.399
