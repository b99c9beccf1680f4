"""What a lane carries from one epoch to the next, as plain arrays."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Shaped

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import LOSS, VALIDATION_LOSS
from sweep.ladder import RULES, RUNGS, TOLERANCES
from sweep.plugins.components import component_of
from sweep.trial import Trial

CURVE_POINTS_PER_DECADE = 20
TAIL_EPOCHS = 16
FIRST_NUMERICS = 1  # of a state saved before states told it
COUNTERS: dict[str, float] = {
    name: first for rule in STOP_RULES.values() for name, first in rule.counters.items()
}
"""What the stop rules count for each trial of a lane, and the first values."""
assert len(COUNTERS) == sum(len(rule.counters) for rule in STOP_RULES.values()), "names clash"

WATCH_COLUMNS: dict[str, float] = {"live": False, **COUNTERS}
"""The arrays of a state with a column for each trial of a lane, and their blanks."""

GROUPS = ("slots", "scalars", "buffers", "validation", "best", "probes", "phases")
"""The groups of arrays by name that a state holds."""

LOSS_RECORD = (
    "best_loss",
    "best_epoch",
    "curve",
    "tail",
    "ladder_since",
    "ladder_best",
    "ladder_epoch",
    "ladder_loss",
)
"""The arrays that a state has of each monitored loss: those on held-out samples in a group."""

NEEDED = frozenset(["epoch", "updates", "parameters", "live", "previous_loss", *LOSS_RECORD])
"""The arrays that a saved state must have; one that lacks another gets what that is at first."""


@dataclass(frozen=True)
class Lane:
    """A path to train and the trials that wait along it, each with its own stop rule.

    Attributes:
        trials: at least one; all of one path, and so equal but for their stop rules.
        start: the state to go on from, one lane wide and with a watch column for each trial; None
            to begin at the initial weights.
        until: the epoch after which trials that have not ended wait; None to train to the end.
    """

    trials: tuple[Trial, ...]
    start: "LaneState | None" = None
    until: int | None = None

    @property
    def path(self) -> Trial:
        """Any trial of the lane, for the parameters that all of them share."""
        return self.trials[0]

    @property
    def lane_id(self) -> str:
        """Name of the lane, unlike any other's: two lanes may go on along one path."""
        return self.trials[0].trial_id


@dataclass(frozen=True)
class Lanes:
    """The lanes that train side by side, with their hyperparameters as arrays: one row a lane."""

    lanes: tuple[Lane, ...]

    def __len__(self) -> int:
        return len(self.lanes)

    @property
    def shape(self) -> Trial:
        """Any trial, for the parameters of the pack key that all lanes share."""
        return self.lanes[0].path

    def numbers(self, name: str, default: float = 0.0) -> Float64[np.ndarray, " lanes"]:
        """Return the parameter `name` of every lane, `default` where it does not apply."""
        values = (getattr(lane.path, name) for lane in self.lanes)
        return np.array([default if v is None else v for v in values], np.float64)

    def options(self, family: str) -> dict[str, Float64[np.ndarray, " lanes"]]:
        """Return the options of the component that all lanes share, of every lane: numbers alone.

        Args:
            family: the parameter that names the component.
        """
        if family not in self._options:
            declared = component_of(self.shape, family)[0].options.items()
            numbers = [name for name, option in declared if option.kind is not str]
            found = [component_of(ln.path, family)[1] for ln in self.lanes] if numbers else []
            self._options[family] = {
                name: np.array([f[name] or 0.0 for f in found], np.float64) for name in numbers
            }
        return self._options[family]

    @cached_property
    def _options(self) -> dict[str, dict[str, Float64[np.ndarray, " lanes"]]]:
        """What `options` has found, since it asks every lane."""
        return {}

    def rule(self, name: str, default: float) -> Float64[np.ndarray, "lanes watches"]:
        """Return the stop parameter `name` of every trial, `default` where not asked for."""
        table = np.full((len(self.lanes), self.width), default, np.float64)
        for row, lane in zip(table, self.lanes, strict=True):
            for column, trial in enumerate(lane.trials):
                value = getattr(trial, name)
                if value is not None:
                    row[column] = value
        return table

    def limits(self) -> Float64[np.ndarray, "lanes watches"]:
        """Return the most epochs that each trial may train now: its own limit, or its lane's."""
        until = [np.inf if lane.until is None else lane.until for lane in self.lanes]
        limits = np.minimum(self.rule("max_epochs", np.inf), np.array(until, np.float64)[:, None])
        return np.asarray(limits)

    @cached_property
    def width(self) -> int:
        """The most trials that any lane carries."""
        return max(len(lane.trials) for lane in self.lanes)

    def take(self, rows: Int64[np.ndarray, " kept"] | list[int]) -> "Lanes":
        return Lanes(tuple(self.lanes[int(row)] for row in rows))


@dataclass
class LaneState:
    """The state of lanes side by side; the leading axis of every array is the lane.

    Saved in mid-run and restored it gives what an uninterrupted run gives: nothing that training
    depends on lives elsewhere. `sweep.nets.layout` says what lies where in `parameters`.

    Attributes:
        numerics: version of the engine's arithmetic at the first epoch, as a row will have it.
        epoch: epochs trained. updates: optimizer steps made.
        parameters: the network, in its own dtype.
        slots: the optimizer's arrays of the shape of `parameters`. scalars: its numbers a lane.
        buffers: what a network keeps untrained, such as running means, in the layout's order.
        validation: `LOSS_RECORD` of the loss on held-out samples, nan where it was not taken, and
            `taken`, of how many epochs it was; empty where there are no such samples.
        best: the network, as `network` gives it, after the epoch of the least of a monitored loss,
            by the name of that; only of those by which a trial restores its weights.
        previous_loss: loss of the last epoch, nan before the first. last_delta: its change.
        best_loss, best_epoch: the least loss so far and when; inf and 0 before the first epoch.
        curve: loss at the epochs of `curve_epochs`, nan where not reached.
        tail: loss of epoch t at column t % TAIL_EPOCHS.
        ladder_since: for each rule and tolerance of the ladder, the last epoch that broke it: that
            moved the loss as far, or improved on the best.
        ladder_best: early stopping's best loss for each min_delta of the ladder.
        ladder_epoch, ladder_loss: when each rung was first met, 0 for not yet, and the loss then.
        seconds: time in training. share: the same divided among the lanes beside it.
        probes: what was seen at the epochs of `sweep.training.probes.probe`, nan where not looked.
        phases: of pretraining, as `sweep.engines.pretraining` has it; empty without.
        live: whether the trial in this watch column is still training.
        counters: of the stop rules, as `COUNTERS` names them.
    """

    numerics: Int64[np.ndarray, " lanes"]
    epoch: Int64[np.ndarray, " lanes"]
    updates: Int64[np.ndarray, " lanes"]
    parameters: Float[np.ndarray, "lanes parameters"]
    previous_loss: Float64[np.ndarray, " lanes"]
    last_delta: Float64[np.ndarray, " lanes"]
    best_loss: Float64[np.ndarray, " lanes"]
    best_epoch: Int64[np.ndarray, " lanes"]
    curve: Float64[np.ndarray, "lanes points"]
    tail: Float64[np.ndarray, "lanes tail"]
    ladder_since: Int64[np.ndarray, "lanes rules"]
    ladder_best: Float64[np.ndarray, "lanes tolerances"]
    ladder_epoch: Int64[np.ndarray, "lanes rungs"]
    ladder_loss: Float64[np.ndarray, "lanes rungs"]
    seconds: Float64[np.ndarray, " lanes"]
    share: Float64[np.ndarray, " lanes"]
    live: Bool[np.ndarray, "lanes watches"]
    counters: dict[str, Shaped[np.ndarray, "lanes watches"]]
    slots: dict[str, Float[np.ndarray, "lanes parameters"]] = field(default_factory=dict)
    scalars: dict[str, Float64[np.ndarray, " lanes"]] = field(default_factory=dict)
    buffers: dict[str, Float[np.ndarray, "lanes _"]] = field(default_factory=dict)
    validation: dict[str, Shaped[np.ndarray, "lanes ..."]] = field(default_factory=dict)
    best: dict[str, Float[np.ndarray, "lanes network"]] = field(default_factory=dict)
    probes: dict[str, Float64[np.ndarray, "lanes looks ..."]] = field(default_factory=dict)
    phases: dict[str, Shaped[np.ndarray, "lanes ..."]] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        lanes: Lanes,
        parameters: Float[np.ndarray, "lanes parameters"],
        slots: dict[str, Float[np.ndarray, "lanes parameters"]],
        scalars: dict[str, Float64[np.ndarray, " lanes"]],
        *,
        numerics: int,
    ) -> "LaneState":
        """Return the state before the first epoch."""
        first: dict[str, Any] = _first_arrays(len(lanes), lanes.width)
        for row, lane in zip(first["live"], lanes.lanes, strict=True):
            row[: len(lane.trials)] = True
        first["numerics"] += numerics - FIRST_NUMERICS
        counters = {name: first.pop(name) for name in COUNTERS}
        return cls(**first, counters=counters, parameters=parameters, slots=slots, scalars=scalars)

    def __len__(self) -> int:
        return len(self.epoch)

    @property
    def in_last_phase(self) -> Bool[np.ndarray, " lanes"]:
        """Whether each lane trains its whole network, all pretraining done."""
        if not self.phases:
            return np.ones(len(self), bool)
        phase = self.phases["phase"]
        return np.asarray(phase == self.phases["epochs"].shape[1])

    def arrays(self) -> dict[str, Shaped[np.ndarray, "lanes ..."]]:
        """Return every array by name; those of a group such as `slots` as `slots.NAME`.

        Counters go by their names alone.
        """
        flat: dict[str, np.ndarray] = {}
        for item, value in vars(self).items():
            if item == "counters":
                flat |= value
            elif isinstance(value, dict):
                flat |= {f"{item}.{name}": array for name, array in value.items()}
            else:
                flat[item] = value
        return flat

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "LaneState":
        """Rebuild a state from what `arrays` gave, in this version of sweep or an older one.

        Raises:
            ValueError: an array of `NEEDED` is missing or of another length, or one is unknown.
        """
        values: dict[str, Any] = {name: {} for name in GROUPS}
        for name, array in arrays.items():
            group, _, inner = name.partition(".")
            if inner and group in GROUPS:
                values[group][inner] = array
            else:
                values[name] = array
        known = {item.name for item in fields(cls)} - {"counters"} | COUNTERS.keys()
        if missing := known - values.keys():
            if wrong := sorted(missing & NEEDED):
                raise ValueError(f"a state must have the arrays {', '.join(wrong)}")
            first = _first_arrays(*arrays["live"].shape)
            values |= {name: first[name] for name in missing}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"a state of this sweep has no arrays {', '.join(unknown)}")
        for name, length in _lengths().items():
            if values[name].shape[1] != length:
                raise ValueError(f"{name} must have {length} columns (got {values[name].shape[1]})")
            held_out = values["validation"].get(name)
            if held_out is not None and held_out.shape[1] != length:
                raise ValueError(f"{name} must have {length} columns (got {held_out.shape[1]})")
        counters = {name: values.pop(name) for name in COUNTERS}
        return cls(**values, counters=counters)

    def network(self, row: int) -> Float[np.ndarray, " parameters"]:
        """Return a lane's parameters and then its buffers in one vector."""
        return np.concatenate([self.parameters[row], *(b[row] for b in self.buffers.values())])

    @property
    def networks(self) -> Float[np.ndarray, "lanes network"]:
        """Every lane's parameters and then its buffers."""
        return np.concatenate([self.parameters, *self.buffers.values()], axis=1)

    def restored(self, by: str | None) -> "LaneState":
        """Return the lanes with the networks after the epoch of the least of a loss.

        The state itself for None; lanes without such an epoch keep the network that they have.
        """
        if by is None:
            return self
        least, place = self.best_epochs(by) > 0, self.parameters.shape[1]
        networks = np.where(least[:, None], self.best[by], self.networks)
        buffers = {}
        for name, array in self.buffers.items():
            buffers[name] = np.ascontiguousarray(networks[:, place : place + array.shape[1]])
            place += array.shape[1]
        parameters = np.ascontiguousarray(networks[:, : self.parameters.shape[1]])
        return replace(self, parameters=parameters, buffers=buffers)

    def best_epochs(self, of: str) -> Int64[np.ndarray, " lanes"]:
        """Return the epoch of the least of a monitored loss; 0 where there is none yet."""
        return self.best_epoch if of == LOSS else self.validation["best_epoch"]

    def least(self, of: str) -> Float64[np.ndarray, " lanes"]:
        """Return the least of a monitored loss so far; infinity where there is none yet."""
        return self.best_loss if of == LOSS else self.validation["best_loss"]

    @property
    def validated(self) -> Bool[np.ndarray, " lanes"]:
        """Whether the loss on held-out samples was taken after every epoch so far."""
        taken = self.validation.get("taken")
        return np.zeros(len(self), bool) if taken is None else np.asarray(taken == self.epoch)

    def fitted(self, *, validates: bool, restores: Collection[str]) -> "LaneState":
        """Return the state with room for what is taken, and for no more.

        Args:
            validates: whether a loss on held-out samples is taken.
            restores: the losses by which trials restore their weights.
        """
        blank = _blank_validation(len(self)) if validates else {}
        width = self.parameters.shape[1] + sum(b.shape[1] for b in self.buffers.values())
        best = {n: np.full((len(self), width), np.nan, self.parameters.dtype) for n in restores}
        return replace(
            self,
            validation={n: self.validation.get(n, array) for n, array in blank.items()},
            best={name: self.best.get(name, array) for name, array in best.items()},
        )

    def take(self, rows: Int64[np.ndarray, " kept"] | list[int]) -> "LaneState":
        """Return a copy of these lanes, in this order."""
        index = np.asarray(rows, np.int64)
        return type(self).of_arrays({name: a[index] for name, a in self.arrays().items()})

    def copy(self) -> "LaneState":
        """Return the same lanes in memory of their own."""
        return self.take(np.arange(len(self)))

    @classmethod
    def join(cls, parts: "list[LaneState]") -> "LaneState":
        """Put states side by side; watch columns are padded to the widest."""
        width = max(part.live.shape[1] for part in parts)
        padded = [part.with_watches(width).arrays() for part in parts]
        return cls.of_arrays(
            {name: np.concatenate([p[name] for p in padded]) for name in padded[0]}
        )

    def with_watches(self, width: int) -> "LaneState":
        """Return the state with `width` watch columns: the last cut off, or added ones not live.

        The state itself if it has so many.
        """
        if width == self.live.shape[1]:
            return self
        extra = max(0, width - self.live.shape[1])
        arrays = self.arrays()
        for name, value in WATCH_COLUMNS.items():
            padded = np.pad(arrays[name], ((0, 0), (0, extra)), constant_values=value)
            arrays[name] = np.ascontiguousarray(padded[:, :width])
        return type(self).of_arrays(arrays)


def one_watch(arrays: Mapping[str, np.ndarray], column: int) -> dict[str, np.ndarray]:
    """Return the arrays of a lane with the watch column of one of its trials alone."""
    return {
        name: array[:, column : column + 1] if name in WATCH_COLUMNS else array
        for name, array in arrays.items()
    }


def _first_arrays(lanes: int, width: int) -> dict[str, np.ndarray]:
    """Return the arrays of a state before its first epoch, but for the network and groups."""
    return {
        "numerics": np.full(lanes, FIRST_NUMERICS, np.int64),
        "epoch": np.zeros(lanes, np.int64),
        "updates": np.zeros(lanes, np.int64),
        "previous_loss": np.full(lanes, np.nan),
        "last_delta": np.full(lanes, np.nan),
        "best_loss": np.full(lanes, np.inf),
        "best_epoch": np.zeros(lanes, np.int64),
        "curve": np.full((lanes, len(curve_epochs())), np.nan),
        "tail": np.full((lanes, TAIL_EPOCHS), np.nan),
        "ladder_since": np.zeros((lanes, len(RULES) * len(TOLERANCES)), np.int64),
        "ladder_best": np.full((lanes, len(TOLERANCES)), np.inf),
        "ladder_epoch": np.zeros((lanes, len(RUNGS)), np.int64),
        "ladder_loss": np.full((lanes, len(RUNGS)), np.nan),
        "seconds": np.zeros(lanes),
        "share": np.zeros(lanes),
        "live": np.zeros((lanes, width), bool),
        **{name: np.full((lanes, width), value) for name, value in COUNTERS.items()},
    }


def _blank_validation(lanes: int) -> dict[str, np.ndarray]:
    """Return the record of the loss on held-out samples before the first epoch."""
    first = _first_arrays(lanes, 0)
    return {name: first[name] for name in LOSS_RECORD} | {"taken": np.zeros(lanes, np.int64)}


def record_of(
    arrays: Mapping[str, np.ndarray], monitor: str
) -> dict[str, Shaped[np.ndarray, "lanes ..."]] | None:
    """Return `LOSS_RECORD` of a monitored loss from the arrays of a state.

    None where the state does not have it of every epoch.
    """
    if monitor == LOSS:
        return {name: arrays[name] for name in LOSS_RECORD}
    assert monitor == VALIDATION_LOSS, monitor
    taken = arrays.get("validation.taken")
    if taken is None or (taken != arrays["epoch"]).any():
        return None
    return {name: arrays[f"validation.{name}"] for name in LOSS_RECORD}


@cache
def _lengths() -> dict[str, int]:
    """Return the columns of each array whose length this version of sweep decides."""
    first = _first_arrays(0, 0)
    return {n: first[n].shape[1] for n in first.keys() - WATCH_COLUMNS.keys() if first[n].ndim > 1}


def curve_epochs() -> Int64[np.ndarray, " points"]:
    """Return the epochs whose losses are recorded: log-spaced, the same for every trial."""
    exponents = np.arange(9 * CURVE_POINTS_PER_DECADE + 1) / CURVE_POINTS_PER_DECADE
    return np.unique(np.rint(10.0**exponents).astype(np.int64))
