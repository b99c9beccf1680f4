"""The engine beside every other way, on one core: the cost of an epoch of one trial."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from bench.contenders.batched import Batched
from bench.contenders.contender import Contender
from bench.contenders.eager import Eager
from bench.contenders.jax_vmap import JaxVmap
from bench.contenders.limit import LANES, Limit
from bench.contenders.ours import Ours, OursTorch
from bench.problem import STUDY, start_weights
from bench.stopwatch import epoch_seconds, say, use_one_core
from bench.table import Row, Unit, at_least, at_most, microseconds

ROUNDS = 7
PACKED = 512
LIMIT_SECONDS = 1.2e-6  # the C++ must reach this to count as the limit
CHECK_EPOCHS = 200
TOLERANCE = 1e-4

WAYS: dict[str, tuple[Callable[..., Contender], int]] = {
    "fused": (Ours, PACKED),
    "fused alone": (Ours, 1),
    "PyTorch": (Eager, 1),
    "PyTorch, batched": (Batched, PACKED),
    "torch engine": (OursTorch, PACKED),
    "JAX": (JaxVmap, PACKED),
    "JAX alone": (JaxVmap, 1),
} | {f"C++, {lanes} lanes": (partial(Limit, lanes=lanes), PACKED) for lanes in LANES}


def measure() -> list[Row]:
    """Check that all contenders train the same, then time them in turn."""
    use_one_core()
    torch.set_num_threads(1)
    weights = start_weights(PACKED)
    contenders = {}
    for name, (make, lanes) in WAYS.items():
        say(f"engine: checking {name}")
        contenders[name] = make(weights[:lanes], STUDY)
    _check(contenders)
    say("engine: timing")
    epochs = epoch_seconds(contenders, rounds=ROUNDS)
    return _rows({name: seconds / WAYS[name][1] for name, seconds in epochs.items()})


def _check(contenders: dict[str, Contender]) -> None:
    """Hold each contender's losses to plain PyTorch's."""
    expected = contenders["PyTorch"].advance(CHECK_EPOCHS)[0]
    packed = contenders["PyTorch, batched"].advance(CHECK_EPOCHS)
    assert abs(packed[0] / expected - 1) < TOLERANCE, (packed[0], expected)
    for name, contender in contenders.items():
        if name not in ("PyTorch", "PyTorch, batched"):
            losses = contender.advance(CHECK_EPOCHS)
            worst = np.abs(losses / packed[: len(losses)] - 1).max()
            assert worst < TOLERANCE, (name, worst)


def _rows(each: dict[str, float]) -> list[Row]:
    """Compare the seconds a trial and epoch."""
    topology = "-".join(map(str, STUDY))
    limit = min((name for name in each if name.startswith("C++")), key=lambda name: each[name])
    reached = "reached" if each[limit] <= LIMIT_SECONDS else "NOT reached: it is no limit here"
    limit_note = f"{microseconds(LIMIT_SECONDS)}, which the C++ must reach to count, {reached}"

    def row(work: str, ours: str, other: str, **given: object) -> Row:
        return Row(
            work=f"{topology} {work}",
            ours=microseconds(each[ours]),
            contender=f"{other}: {microseconds(each[other])}",
            figure=each[other] / each[ours],
            unit=Unit.TIMES,
            **given,  # type: ignore[arg-type]
        )

    packed = f"packed ({PACKED}), a trial and epoch"
    return [
        row(packed, "fused", "PyTorch", goal=at_least(350, 700)),
        row(packed, "fused", "JAX", goal=at_least(2.5)),
        Row(
            work=f"{topology} {packed}, times slower than the limit",
            ours=microseconds(each["fused"]),
            contender=f"{limit}: {microseconds(each[limit])}",
            figure=each["fused"] / each[limit],
            unit=Unit.TIMES,
            goal=at_most(2.5, 1.5),
            note="; ".join(
                [limit_note, *(f"{n}: {microseconds(each[n])}" for n in each if "C" in n)]
            ),
        ),
        row("alone, an epoch", "fused alone", "JAX alone", goal=at_least(1.5)),
        row("alone, an epoch", "fused alone", "PyTorch"),
        row(packed, "fused", "PyTorch, batched"),
        row(packed, "fused", "torch engine"),
    ]
