"""Measures lanes at log-spaced epochs, between chunks of training.

The measurements are kept in the lanes' own state, so that they survive checkpoints and resuming.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from sweep.datasets.data import Data
from sweep.engines.contract import Engine, Evaluation
from sweep.engines.diagnosis import Diagnosis
from sweep.engines.state import CURVE_POINTS_PER_DECADE, Lanes, LaneState, curve_epochs
from sweep.engines.threads import use_one_thread
from sweep.training.work import KeepCodes, RecordOptions
from sweep.trial import Trial

if TYPE_CHECKING:
    from sweep.training.probes.diagnosis import Examiner
    from sweep.training.probes.own_network import OwnExaminer

POINTS_PER_DECADE = CURVE_POINTS_PER_DECADE // 2  # so that every one is an epoch of the curve
GRADIENTS = (
    "gradient_norm",
    "gradient_rms",
    "weight_norm",
    "update_ratio",
    "saturated_share",
    "dead_share",
    "unit_distance",
)
VANISHING = 1e-3
"""A layer's gradient has vanished below this share of the output layer's, root mean squares both;
and exploded above its inverse."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class FinalMeasurements:
    """What is measured of a network at the end of its trial.

    Attributes:
        details: the tables `gradients` and `codes` as their columns, where asked for.
    """

    diagnosis: Diagnosis | None = None
    details: Mapping[str, Arrays] = field(default_factory=dict)


class Prober:
    """Measures the lanes of one pack key."""

    def __init__(self, record: RecordOptions, engine: Engine, shape: Trial, data: Data) -> None:
        """Prepare for trials of the pack key of `shape`; with little asked for it does nothing."""
        self._engine, self._data, self._shape = engine, data, shape
        self._gradients, self._codes = record.gradients, record.codes

    @cached_property
    def _examiner(self) -> "Examiner | OwnExaminer":
        """What measures with PyTorch, which is imported only for that."""
        from sweep.training.probes.own_network import examiner_of

        use_one_thread()
        return examiner_of(self._shape, self._data)

    def fit(self, state: LaneState) -> LaneState:
        """Return a state with room for what will be seen, and none for what is not asked for."""
        blank = self._blank(len(state))
        kept = {name: state.probes.get(name, array) for name, array in blank.items()}
        return replace(state, probes=kept)

    def epochs_left(self, state: LaneState) -> int | None:
        """Return the epoch after which a lane is measured next; None for never."""
        if not self._gradients:
            return None
        live = state.live.any(axis=1)
        places = np.searchsorted(_EPOCHS, state.epoch[live], side="right")
        return int((_EPOCHS[places] - state.epoch[live]).min())

    def look(self, lanes: Lanes, state: LaneState) -> None:
        """Look at the lanes that have come to an epoch where they must be."""
        if not self._gradients:
            return
        due = np.isin(state.epoch, _EPOCHS) & state.live.any(axis=1) & state.in_last_phase
        rows = np.flatnonzero(due)
        if not len(rows):
            return
        points = np.searchsorted(_EPOCHS, state.epoch[rows])
        chosen, current = lanes.take(rows), state.take(rows)
        seen = self._examiner.probe(chosen, current, self._one_epoch_on(chosen, current))
        for name, values in seen.items():
            state.probes[name][rows, points] = values

    def measure_last(
        self,
        lanes: Lanes,
        state: LaneState,
        ends: LaneState,
        evaluations: Sequence[Evaluation],
    ) -> list[FinalMeasurements]:
        """Measure lanes that have ended.

        Args:
            lanes: which.
            state: with the networks that the trials stand for.
            ends: with the last ones, where the course of the gradients ends.
            evaluations: of them.
        """
        diagnoses = self._diagnoses(lanes, state, evaluations)
        details: list[dict[str, Arrays]] = [{} for _ in diagnoses]
        if self._gradients:
            seen = self._examiner.probe(lanes, ends, None)
            for row, tables in enumerate(details):
                last = {name: seen[name][row] for name in GRADIENTS}
                tables["gradients"] = gradient_table(ends.take([row]), last)
        if self._codes is not KeepCodes.NONE:
            for row, lane in enumerate(lanes.lanes):
                details[row]["codes"] = self._code_table(lane.path, state.network(row))
        return [FinalMeasurements(*parts) for parts in zip(diagnoses, details, strict=True)]

    def _diagnoses(
        self, lanes: Lanes, state: LaneState, evaluations: Sequence[Evaluation]
    ) -> list[Diagnosis]:
        """Return what the engine found or, where it looks at nothing, what is measured."""
        known = [e.diagnosis for e in evaluations if e.diagnosis is not None]
        return known if len(known) == len(lanes) else self._examiner.diagnose(lanes, state)

    def _code_table(self, trial: Trial, parameters: np.ndarray) -> Arrays:
        """Return the columns of the table `codes` of a network, evaluated alone."""
        import torch

        from sweep.engines.evaluation import tensors
        from sweep.nets.autoencoder import network_at

        use_one_thread()
        network = network_at(trial, parameters)
        inputs = tensors(self._data, trial)[0]
        every = range(1, len(trial.topology) - 1)
        layers = every if self._codes is KeepCodes.ALL else [network.bottleneck][: len(every)]
        columns: list[Arrays] = []
        for layer in layers:
            with torch.no_grad():
                activations = network.hidden(inputs, layer).double().numpy()
            sample, unit = np.indices(activations.shape).reshape(2, -1)
            number = np.full(activations.size, layer)
            flat = activations.ravel()
            columns.append({"layer": number, "sample": sample, "unit": unit, "activation": flat})
        names = ("layer", "sample", "unit", "activation")
        return {n: np.concatenate([np.zeros(0), *(c[n] for c in columns)]) for n in names}

    def _one_epoch_on(self, lanes: Lanes, state: LaneState) -> np.ndarray | None:
        """Return the parameters that the next epoch will lead to, training copies of the lanes."""
        ahead = state.copy()
        try:
            self._engine.advance(lanes, ahead, 1)
        except Exception:  # it will be raised again in its turn, and its culprit found
            return None
        return ahead.parameters

    def _blank(self, lanes: int) -> Arrays:
        points, layers = len(_EPOCHS), len(self._shape.topology) - 1
        names = GRADIENTS if self._gradients else ()
        return {name: np.full((lanes, points, layers), np.nan) for name in names}


def probe_epochs() -> Int64[np.ndarray, " points"]:
    """Return the epochs, after 0 of them and more, at which lanes are measured."""
    step = CURVE_POINTS_PER_DECADE // POINTS_PER_DECADE
    exponents = np.arange(0, 9 * CURVE_POINTS_PER_DECADE + 1, step) / CURVE_POINTS_PER_DECADE
    epochs = np.unique(np.rint(10.0**exponents).astype(np.int64))
    assert np.isin(epochs, curve_epochs()).all()
    return np.concatenate([[0], epochs])


_EPOCHS = probe_epochs()


def gradient_table(state: LaneState, last: Arrays) -> Arrays:
    """Return the columns of the table `gradients` of a lane, with the last look at its end."""
    end = int(state.epoch[0])
    places = np.flatnonzero(~np.isnan(state.probes["weight_norm"][0, :, 0]) & (end != _EPOCHS))
    epochs = np.append(_EPOCHS[places], end)
    layers = len(last["weight_norm"])
    table: Arrays = {
        "epoch": np.repeat(epochs, layers),
        "layer": np.tile(np.arange(layers), len(epochs)),
    }
    for name in GRADIENTS:
        table[name] = np.concatenate([state.probes[name][0, places].ravel(), last[name]])
    table["verdict"] = _verdicts(table, layers)
    return table


def _verdicts(table: Arrays, layers: int) -> np.ndarray:
    """Judge each layer's gradient beside that of the output layer at the same epoch."""
    output = np.repeat(table["gradient_rms"].reshape(-1, layers)[:, -1], layers)
    rms, dead = table["gradient_rms"], table["dead_share"] == 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rms / output
    conditions = [
        dead | (rms == 0.0),
        ~np.isfinite(rms) | (ratio > 1 / VANISHING),
        ratio < VANISHING,
    ]
    verdicts = np.select(conditions, ["dead", "exploding", "vanishing"], "healthy")
    return verdicts.astype(object)
