"""How time grows with trials and with width, beside the torch engine, as figures and as a plot."""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from matplotlib.figure import Figure

from bench.contenders.ours import Ours, OursTorch
from bench.problem import SHALLOW, one_hot, start_weights, study_lanes
from bench.stopwatch import epoch_seconds, say, use_one_core
from bench.table import Row, Unit, microseconds
from sweep.engines.contract import Engine
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.state import Lane, Lanes
from sweep.engines.torch.engine import TorchEngine

PLOT = Path(__file__).with_name("results") / "growth.png"
EPOCHS = 300
TRIALS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
MOST_SECONDS = 25.0  # an engine goes on to the next size while it is expected to take less
WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
WIDE_LANES = 32
ROUNDS = 3
ENGINES = {"fused": FusedEngine, "torch": TorchEngine}
Curve = dict[int, float]


def measure() -> list[Row]:
    """Time both engines on one core, and plot."""
    use_one_core()
    torch.set_num_threads(1)
    by_trials = {name: _trial_curve(name) for name in ENGINES}
    by_width = _width_curves()
    plot(by_trials, by_width)
    return [*_trial_rows(by_trials), *_width_rows(by_width)]


def _trial_curve(name: str) -> Curve:
    """Return the seconds that `EPOCHS` epochs of so many trials take, their start included."""
    curve: Curve = {}
    data = one_hot(SHALLOW[0])
    engine = ENGINES[name](study_lanes(1, SHALLOW).shape, data)
    _train(engine, 1)  # what is compiled, is before
    for n_trials in TRIALS:
        if curve and list(curve.values())[-1] * n_trials / max(curve) > MOST_SECONDS:
            break
        say(f"growth: {name}, {n_trials:,} trials")
        began = time.process_time()
        _train(engine, n_trials)
        curve[n_trials] = time.process_time() - began
    return curve


def _train(engine: Engine, n_trials: int) -> None:
    trial = study_lanes(1, SHALLOW).shape
    for begin in range(0, n_trials, engine.capacity):
        seeds = range(begin, min(n_trials, begin + engine.capacity))
        lanes = Lanes(tuple(Lane((replace(trial, seed=seed),)) for seed in seeds))
        engine.advance(lanes, engine.begin(lanes), EPOCHS)


def _width_curves() -> dict[str, Curve]:
    """Return the seconds of a trial and epoch of N-N/4-N on N one-hot samples, for each N."""
    curves: dict[str, Curve] = {name: {} for name in ENGINES}
    for width in WIDTHS:
        say(f"growth: width {width}")
        topology = (width, width // 4, width)
        weights = start_weights(WIDE_LANES, topology)
        ways = {"fused": Ours(weights, topology), "torch": OursTorch(weights, topology)}
        for way in ways.values():
            way.advance(1)
        for name, seconds in epoch_seconds(ways, rounds=ROUNDS).items():
            curves[name][width] = seconds / WIDE_LANES
    return curves


def crossing(curves: Mapping[str, Curve]) -> float:
    """Return the width from which the torch engine is the faster; infinite if none was measured.

    Between two widths both engines are taken to grow as powers of the width.
    """
    gains = {n: math.log(curves["fused"][n] / curves["torch"][n]) for n in curves["fused"]}
    widths = sorted(gains)
    for narrow, wide in pairwise(widths):
        if gains[narrow] <= 0 < gains[wide]:
            share = -gains[narrow] / (gains[wide] - gains[narrow])
            return float(narrow * (wide / narrow) ** share)
    return float(widths[0]) if gains[widths[0]] > 0 else math.inf


def plot(by_trials: Mapping[str, Curve], by_width: Mapping[str, Curve]) -> None:
    """Draw both, in logarithms."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    topology = "-".join(map(str, SHALLOW))
    left.set(xlabel="trials", ylabel=f"seconds for {EPOCHS} epochs of {topology}, one core")
    right.set(xlabel="width N of N-N/4-N, N samples", ylabel="us a trial and epoch, one core")
    for axes, curves, scale in ((left, by_trials, 1.0), (right, by_width, 1e6)):
        for name, curve in curves.items():
            values = [seconds * scale for seconds in curve.values()]
            axes.loglog(list(curve), values, marker="o", label=f"{name} engine")
        axes.legend()
        axes.grid(visible=True, which="both", alpha=0.3)
    right.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
    right.minorticks_off()
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=120)


def _trial_rows(curves: Mapping[str, Curve]) -> list[Row]:
    fused, other = curves["fused"], curves["torch"]
    return [
        Row(
            work=f"{n:,} trials x {EPOCHS} epochs of 16-4-16, a trial and epoch with its start",
            ours=microseconds(fused[n] / n / EPOCHS),
            contender=f"torch engine: {microseconds(other[n] / n / EPOCHS)}" if n in other else "",
            figure=other[n] / fused[n] if n in other else None,
            unit=Unit.TIMES,
        )
        for n in fused
    ]


def _width_rows(curves: Mapping[str, Curve]) -> list[Row]:
    fused, other = curves["fused"], curves["torch"]
    rows = [
        Row(
            work=f"{n}-{n // 4}-{n}, {n} samples, {WIDE_LANES} lanes, a trial and epoch",
            ours=microseconds(fused[n]),
            contender=f"torch engine: {microseconds(other[n])}",
            figure=other[n] / fused[n],
            unit=Unit.TIMES,
        )
        for n in fused
    ]
    width = crossing(curves)
    text = f"the torch engine is the faster from width {width:.0f} on"
    never = f"the fused engine is the faster at every width up to {max(WIDTHS)}"
    rows[-1] = replace(rows[-1], note=text if width < math.inf else never)
    return rows
