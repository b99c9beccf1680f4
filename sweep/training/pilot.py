"""Times an engine on the first epochs of a pack."""

import statistics
import time
from dataclasses import dataclass, replace
from typing import Any

from sweep.engines.contract import Engine
from sweep.engines.factory import load_checked, make_engine
from sweep.engines.state import Lane, Lanes
from sweep.pack import Pack
from sweep.training.pool import lanes_of
from sweep.training.work import Work
from sweep.trial import PARAMETERS, STOP_PARAMETERS, Trial

FEWEST_CHUNKS = 3
NEVER = 10**12


@dataclass(frozen=True)
class Pace:
    """How fast an engine trains lanes of one pack key.

    Attributes:
        lanes: trained side by side. epoch_seconds: for an epoch of all of them.
    """

    lanes: int
    epoch_seconds: float

    @property
    def lane_epoch_seconds(self) -> float:
        """Time of one epoch of one lane."""
        return self.epoch_seconds / self.lanes


def time_pack(pack: Pack, *, seconds: float = 2.0) -> Pace:
    """Train a pack of one pack key for a few chunks of epochs and return only the time.

    Args:
        pack: the trials; as many of their paths train as the engine takes at once.
        seconds: no chunk is begun after so long, compilation apart; there are at least three.
    """
    first = _endless(pack.trials[0])
    engine = make_engine(pack, first, load_checked(pack, first), validation_every=1)
    paths = [Lane((_endless(lane.path),)) for lane in lanes_of(Work(pack))]
    lanes = Lanes(tuple(paths[: engine.capacity]))
    return Pace(len(lanes), _time_epoch(engine, lanes, seconds))


def _time_epoch(engine: Engine, lanes: Lanes, seconds: float) -> float:
    """Return the median time of an epoch; every chunk begins anew, as lanes may diverge."""
    state = engine.begin(lanes)
    engine.advance(lanes, state.copy(), 1)  # compiles what has to be
    epochs = engine.chunk_epochs(len(lanes))
    times: list[float] = []
    began = time.monotonic()
    while len(times) < FEWEST_CHUNKS or time.monotonic() - began < seconds:
        chunk, started = state.copy(), time.perf_counter()
        engine.advance(lanes, chunk, epochs)
        times.append((time.perf_counter() - started) / epochs)
    return statistics.median(times)


def _endless(trial: Trial) -> Trial:
    """Return the trial without end and pretraining, of which no epoch takes longer than its own."""
    options = [name for name in PARAMETERS if name.startswith("pretraining_")]
    none: dict[str, Any] = dict.fromkeys((*STOP_PARAMETERS, *options))
    return replace(trial, **none | {"max_epochs": NEVER, "pretraining": "none"})
