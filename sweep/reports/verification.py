"""Chooses finished trials to verify, so that every kind has its turn, and reads what they claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.errors import ConfigError
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.reader import read_trial, read_weights
from sweep.store.tables.snapshot import read_rows
from sweep.training.verification.verdicts import Claim
from sweep.trial import PACK_KEY, Status, StopReason, itself

TRIALS = 10
BUDGET_SECONDS = 60.0
EPOCHS_PER_SECOND = {"fused": 100_000.0, "torch": 1_400.0, "reference": 1_200.0}
"""Of one small network alone on one core: a fixed rule, so that everyone draws the same sample."""


@dataclass(frozen=True)
class Sample:
    """Which trials of a table to verify.

    Attributes:
        trial_ids: the trials, in the order to take them.
        finished: how many the table holds. too_long: how many more there would be in the sample,
            were they not so long.
        kinds: engines and pack keys among the finished. kinds_reached: those in the sample.
    """

    trial_ids: tuple[str, ...]
    finished: int
    too_long: int
    kinds: int
    kinds_reached: int


def choose_sample(trials: pd.DataFrame, size: int | None, *, seed: int = 0) -> Sample:
    """Choose finished trials, each engine and pack key in turn.

    Args:
        trials: the table of trials.
        size: how many to draw at random, however long they are; None for the ten that are
            cheapest, or as many of them as should take a minute, at least one.
        seed: key of the draw.
    """
    finished = trials[trials["status"] == Status.FINISHED]
    finished = finished.assign(kind=kinds_of(finished))
    if size is None:
        chosen = _affordable(_in_turn(finished.sort_values("epochs", kind="stable")).head(TRIALS))
    else:
        chosen = _in_turn(finished.sample(frac=1, random_state=seed)).head(size)
    return Sample(
        trial_ids=tuple(chosen["trial_id"]),
        finished=len(finished),
        too_long=min(TRIALS, len(finished)) - len(chosen) if size is None else 0,
        kinds=finished["kind"].nunique(),
        kinds_reached=chosen["kind"].nunique(),
    )


def sample_of(trials: pd.DataFrame, prefixes: Sequence[str]) -> Sample:
    """Return the finished trials whose identities begin so.

    Raises:
        ConfigError: if none does, or more than one.
    """
    finished = trials[trials["status"] == Status.FINISHED]
    finished = finished.assign(kind=kinds_of(finished))
    found = [finished[finished["trial_id"].str.startswith(prefix)] for prefix in prefixes]
    for prefix, rows in zip(prefixes, found, strict=True):
        if len(rows) != 1:
            must = "begin the identity of one finished trial"
            hint = f"{len(rows):,} begin so; `sweep results` lists them"
            raise ConfigError.of("sweep verify", must, key="--trial", got=repr(prefix), hint=hint)
    chosen = pd.concat(found).drop_duplicates("trial_id")
    return Sample(
        trial_ids=tuple(chosen["trial_id"]),
        finished=len(finished),
        too_long=0,
        kinds=finished["kind"].nunique(),
        kinds_reached=chosen["kind"].nunique(),
    )


def describe_sample(sample: Sample) -> str:
    """Say what is verified and what is left out."""
    text = f"verifying {len(sample.trial_ids):,} of {sample.finished:,} finished trials, "
    text += f"{sample.kinds_reached:,} of {sample.kinds:,} kinds (engine and pack key)"
    if sample.too_long:
        text += f"; {sample.too_long:,} more would take long (--sample N takes them all the same)"
    return text


def read_claims(
    directory: ResultsDir, trials: pd.DataFrame, trial_ids: Sequence[str]
) -> Iterator[Claim]:
    """Yield what the rows of `trials` with these identities say, weights included if kept."""
    wanted = trials[trials["trial_id"].isin(list(trial_ids))]
    rows = {row["trial_id"]: row for row in wanted.to_dict("records")}
    where = ("trial_id", trial_ids)
    kept = read_rows(directory.path, TableName.WEIGHTS, columns=["trial_id"], where=where)
    with_weights = set(kept["trial_id"].to_pylist())
    for trial_id in trial_ids:
        row = rows[trial_id]
        yield Claim(
            trial=read_trial(directory.path, trial_id),
            engine=row["engine"],
            device=row["device"],
            numerics_version=int(row["numerics_version"]),
            torch_version=row["torch_version"],
            host=row["host"],
            epochs=int(row["epochs"]),
            stop_reason=StopReason(row["stop_reason"]),
            final_loss=float(row["final_loss"]),
            parameters=read_weights(directory.path, trial_id).flat
            if trial_id in with_weights
            else None,
        )


def kinds_of(trials: pd.DataFrame) -> "pd.Series[int]":
    whole = [name for name, key in PACK_KEY.items() if key is itself]
    return trials.groupby(["engine", *whole], dropna=False, sort=False).ngroup()


def _in_turn(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the first trial of each kind, then the second of each, and so on."""
    turn = trials.groupby("kind").cumcount()
    return trials.iloc[np.argsort(turn.to_numpy(), kind="stable")]


def _affordable(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the cheapest trials that fit the budget, and always the first."""
    seconds = (trials["epochs"] / trials["engine"].map(EPOCHS_PER_SECOND)).to_numpy(np.float64)
    order = np.argsort(seconds, kind="stable")
    n_fitting = int(np.searchsorted(np.cumsum(seconds[order]), BUDGET_SECONDS, side="right"))
    return trials.iloc[order[: max(1, n_fitting)]]
