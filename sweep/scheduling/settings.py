"""Which trials are judged as one, and which are judged against each other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter

import numpy as np
from jaxtyping import Float64, Int64

from sweep.trial import PARAMETERS, SAME_LOSS, Scope, Trial

_COLUMNS = [
    name
    for name, item in PARAMETERS.items()
    if item.metadata["scope"] is not Scope.LABEL and name != "seed"
]
_setting_of = attrgetter(*_COLUMNS)
_scale_of = attrgetter(*SAME_LOSS)


@dataclass(frozen=True)
class Settings:
    """The settings of some trials: what these are but for their seeds.

    Attributes:
        of_trials: the setting of each trial, counted by first appearance.
        scales: of each setting, which of those whose losses are on one scale.
        places: of each setting, a number in [0, 1) that follows from the setting alone.
        fingerprints: of each scale, that of its data.
    """

    of_trials: Int64[np.ndarray, " trials"]
    scales: Int64[np.ndarray, " settings"]
    places: Float64[np.ndarray, " settings"]
    fingerprints: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scales)


def settings_of(trials: Iterable[Trial]) -> Settings:
    """Return the settings of trials."""
    settings: dict[object, int] = {}
    scales: dict[tuple[str, ...], int] = {}
    of_settings: list[int] = []
    places: list[float] = []
    of_trials = np.fromiter(_numbered(trials, settings, scales, of_settings, places), np.int64)
    return Settings(
        of_trials=of_trials,
        scales=np.array(of_settings, np.int64),
        places=np.array(places, np.float64),
        fingerprints=tuple(scale[0] for scale in scales),
    )


def _numbered(
    trials: Iterable[Trial],
    settings: dict[object, int],
    scales: dict[tuple[str, ...], int],
    of_settings: list[int],
    places: list[float],
) -> Iterator[int]:
    """Yield the setting of each trial; fill in the settings as they appear."""
    for trial in trials:
        setting = _setting_of(trial)
        number = settings.setdefault(setting, len(settings))
        if number == len(of_settings):
            of_settings.append(scales.setdefault(_scale_of(trial), len(scales)))
            places.append(_place(trial))
        yield number


def _place(trial: Trial) -> float:
    """Return a number in [0, 1) that is a hash of a trial's setting."""
    lines = "\n".join(f"{name}={getattr(trial, name)!r}" for name in _given(trial))
    return int(sha256(lines.encode()).hexdigest()[:13], 16) / 16**13


def _given(trial: Trial) -> Iterator[str]:
    """Yield what a setting says: what is neutral stays out, as parameters may be added."""
    for name in sorted(_COLUMNS):
        value = getattr(trial, name)
        if value is not None and value != PARAMETERS[name].metadata["neutral"]:
            yield name


@dataclass(frozen=True)
class Members:
    """The trials of each setting: `rows` by setting, that of setting s from starts[s] on."""

    rows: Int64[np.ndarray, " trials"]
    starts: Int64[np.ndarray, " settings_and_end"]

    @classmethod
    def of(cls, of_trials: Int64[np.ndarray, " trials"], n_settings: int) -> "Members":
        counts = np.bincount(of_trials, minlength=n_settings)
        return cls(np.argsort(of_trials, kind="stable"), np.concatenate([[0], np.cumsum(counts)]))

    def of_settings(self, settings: Int64[np.ndarray, " settings"]) -> Int64[np.ndarray, " trials"]:
        """Return the trials of these settings."""
        counts = self.starts[settings + 1] - self.starts[settings]
        shifts = np.repeat(self.starts[settings] - np.cumsum(counts) + counts, counts)
        return np.asarray(self.rows[shifts + np.arange(counts.sum())])

    def medians(
        self, settings: Int64[np.ndarray, " settings"], values: Float64[np.ndarray, "trials rungs"]
    ) -> Float64[np.ndarray, "settings rungs"]:
        """Return the median over the trials of each of these settings."""
        counts = self.starts[settings + 1] - self.starts[settings]
        medians = np.empty((len(settings), values.shape[1]))
        for count in np.unique(counts).tolist():
            own = np.flatnonzero(counts == count)
            rows = self.rows[self.starts[settings[own]][:, None] + np.arange(count)]
            medians[own] = np.median(values[rows], axis=1)
        return medians
