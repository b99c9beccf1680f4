"""A network of one's own by the torch engine beside a plain loop, on one core."""

import numpy as np
import torch

from bench.contenders.own_network import EagerOwn, OursOwn, example_trials
from bench.stopwatch import epoch_seconds, say, use_one_core
from bench.table import Row, Unit

ROUNDS = 7
LANES = (1, 8, 32)
CHECK_EPOCHS = 3
TOLERANCE = 1e-4


def measure() -> list[Row]:
    """Check that both train the same, then time them in turn."""
    use_one_core()
    torch.set_num_threads(1)
    return [_row(lanes) for lanes in LANES]


def _row(lanes: int) -> Row:
    say(f"own network: {lanes} lanes")
    trials, data = example_trials(lanes)
    ours, loop = OursOwn(trials, data), EagerOwn(trials, data)
    worst = np.abs(ours.advance(CHECK_EPOCHS) / loop.advance(CHECK_EPOCHS) - 1).max()
    assert worst < TOLERANCE, worst
    taken = epoch_seconds({"ours": ours, "loop": loop}, rounds=ROUNDS)
    each = {name: f"{seconds / lanes * 1e3:.3g} ms" for name, seconds in taken.items()}
    return Row(
        work=f"convolutional example, digits, batch {trials[0].batch_size}, Adam, {lanes} lanes by "
        f"{ours.lanes_by}, a trial and epoch",
        ours=each["ours"],
        contender=f"plain PyTorch loop: {each['loop']}",
        figure=taken["loop"] / taken["ours"],
        unit=Unit.TIMES,
    )
