"""Mini-batches beside every other way, on one core: the cost of an epoch of one network."""

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bench.contenders.by_hand import ByHand, by_onednn
from bench.contenders.contender import Contender
from bench.contenders.jax_scan import JaxScan
from bench.contenders.loop import CompiledLoop, Loop
from bench.contenders.mlp_regressor import TINY, Regressor
from bench.contenders.ours import Batches
from bench.contenders.sgemm import Sgemm
from bench.stopwatch import epoch_seconds, say, use_one_core
from bench.table import Goal, Row, Unit, at_least
from bench.works import ORDERS, Work, digits, images, regularised
from sweep.engines.fused.engine import FusedEngine

ROUNDS = 7
TOLERANCE = 1e-3
CHUNK = 2
DRAWN_TOLERANCE = 0.05  # where each contender has random numbers of its own
OURS, PYTORCH, VMAP, BLAS = "ours", "PyTorch", "JAX, vmap", "SGEMM"


@dataclass(frozen=True)
class Comparison:
    """A work, how many networks train side by side where they can, and what is aimed at.

    Attributes:
        goals: for how many times less ours takes, by contender.
        share: for ours in percent of the SGEMM peak.
    """

    work: Callable[[], Work]
    lanes: int
    goals: Mapping[str, Goal]
    share: Goal | None = None


COMPARISONS = {
    "digits": Comparison(digits, 16, {PYTORCH: at_least(15, 22), VMAP: at_least(1.3, 2)}),
    "images": Comparison(images, 4, {PYTORCH: at_least(1.6, 2.1)}, at_least(60, 80)),
    "regularised": Comparison(regularised, 16, {PYTORCH: at_least(12, 20)}),
}


def measure(*names: str) -> list[Row]:
    """Make the comparisons named, or all and that of two cores."""
    rows = []
    for name in names or ("cores", *COMPARISONS):
        rows += two_cores() if name == "cores" else compare(COMPARISONS[name])
    return rows


def compare(comparison: Comparison, *, rounds: int = ROUNDS) -> list[Row]:
    """Check that all contenders train the same, then time them in turn on one core."""
    use_one_core()
    torch.set_num_threads(1)
    work, contenders = comparison.work(), {}
    made = ways(work, comparison.lanes)
    with threadpool_limits(1):
        for name, (make, lanes) in made.items():
            say(f"minibatch: checking {name}: {work.title}")
            contenders[name] = make(work, lanes)
            _check(name, work, contenders[name])
        say("minibatch: timing")
        taken = epoch_seconds({**contenders, BLAS: Sgemm()}, rounds=rounds, summary=min)
    each = {name: seconds / made.get(name, (None, 1))[1] for name, seconds in taken.items()}
    return rows_of(comparison, work, each, contenders[OURS].name if OURS in made else "")


def ways(work: Work, lanes: int) -> dict[str, tuple[Callable[..., Contender], int]]:
    """Return what can train a work, by name: its maker and how many networks it trains."""
    found: dict[str, tuple[Callable[..., Contender], int]] = {
        PYTORCH: (Loop, 1),
        "PyTorch, Adam's fused form": (partial(Loop, fused=True), 1),
        "torch.compile": (CompiledLoop, 1),
        VMAP: (JaxScan, lanes),
        "JAX alone": (JaxScan, 1),
    }
    if not work.draws and not work.normalised:
        found |= {
            "scikit-learn": (Regressor, 1),
            "NumPy by hand": (ByHand, 1),
            "oneDNN by hand": (partial(ByHand, product=by_onednn), 1),
        }
    return found | (
        {OURS: (Batches, lanes), f"{OURS}, alone": (Batches, 1)} if work.is_ours else {}
    )


def _check(name: str, work: Work, contender: Contender) -> None:
    """Hold a contender's losses to those of a plain loop over the same orders."""
    plain = Loop(work)
    if name == "scikit-learn":
        plain = Loop(replace(work, output="identity"), epsilon=TINY)
    expected = plain.advance(ORDERS)[0]
    loss = contender.advance(ORDERS)[0]
    tolerance = DRAWN_TOLERANCE if work.draws else TOLERANCE
    assert abs(loss / expected - 1) < tolerance, (name, loss, expected)


def rows_of(
    comparison: Comparison, work: Work, each: Mapping[str, float], engine: str
) -> list[Row]:
    """Compare the seconds that an epoch of one network takes each contender."""
    peak = Sgemm.operations / each[BLAS]

    def described(name: str) -> str:
        share = 100 * work.operations / each[name] / peak
        return f"{milliseconds(each[name])}, {share:.3g}% of the SGEMM peak"

    def row(ours: str, other: str, goal: Goal | None = None) -> Row:
        mine = each.get(ours)
        return Row(
            work=f"{work.title}: an epoch of a network{' alone' if ours != OURS else ''}",
            ours=described(ours) if mine else "no such parameters yet",
            contender=f"{other}: {described(other)}",
            figure=each[other] / mine if mine else None,
            unit=Unit.TIMES,
            goal=goal,
        )

    alone = f"{OURS}, alone"
    others = [name for name in each if name not in (OURS, alone, BLAS)]
    rows = [row(OURS, name, comparison.goals.get(name)) for name in others]
    rows += [row(alone, name) for name in (PYTORCH, "JAX alone") if alone in each]
    if OURS in each:
        rows.append(
            Row(
                work=f"{work.title}: share of the SGEMM peak",
                ours=milliseconds(each[OURS]),
                contender=f"at the peak: {milliseconds(work.operations / peak)}",
                figure=100 * work.operations / each[OURS] / peak,
                unit=Unit.PERCENT,
                goal=comparison.share,
            )
        )
    rows[-1] = replace(rows[-1], note=_note(comparison, work, engine, peak))
    return rows


def _note(comparison: Comparison, work: Work, engine: str, peak: float) -> str:
    own = ", each with random numbers of its own" if work.draws else ""
    return (
        f"{engine or 'not ours'}; {comparison.lanes} networks under vmap and in a pack; peak "
        f"{peak / 1e9:.1f} GFLOP/s; shares count 6 operations a weight and sample, "
        f"{100 * work.unneeded:.0f}% of them for the gradient of the inputs, which nobody "
        f"computes; orders drawn before for all but ours{own}; losses after {ORDERS} epochs were "
        f"checked"
    )


def two_cores(work: Work | None = None, *, rounds: int = ROUNDS) -> list[Row]:
    """Time one wide network alone in the fused engine on two cores and on one, turn by turn."""
    work = work or images()
    title = f"{work.title}: one network alone on two cores against one"
    if "threads" not in inspect.signature(FusedEngine).parameters:
        return [Row(work=title, ours="the engine takes one", figure=None, unit=Unit.TIMES)]
    say("minibatch: two cores")
    contenders = {n: Batches(work, 1, threads=n) for n in (1, 2)}
    losses = {n: contender.advance(1).tolist() for n, contender in contenders.items()}
    assert losses[1] == losses[2], losses
    taken: dict[int, list[float]] = {n: [] for n in contenders}
    for _ in range(rounds):
        for n, contender in contenders.items():
            began = time.perf_counter()
            contender.advance(CHUNK)
            taken[n].append((time.perf_counter() - began) / CHUNK)
    best = {n: min(seconds) for n, seconds in taken.items()}
    return [
        Row(
            work=title,
            ours=milliseconds(best[2]),
            contender=milliseconds(best[1]),
            figure=best[1] / best[2],
            unit=Unit.TIMES,
            goal=at_least(1.7),
            note=f"seconds by the clock, {CHUNK} epochs a call, as a chunk of so wide a network "
            "has; the same bits; with other work on either core, much less",
        )
    ]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"
