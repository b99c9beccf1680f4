"""Ranks the ways of reading a publication by how near their results are to the published ones.

A *reading* is one combination of whatever the publication left open: the parameters that differ
among trials of one published run, seeds apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.axes import UNTELLING
from sweep.reports.figures.curves import last_phases
from sweep.reports.population import has_converged, has_ended
from sweep.reports.published import MATCHES, Measure, Published
from sweep.trial import PARAMETERS, REPEATS

DEVIATING = "output_activation"
AS_PUBLISHED = "as published"
"""What an output activation is called that is the published one; others are other readings."""

LEAST = 1e-12
"""What a loss of 0 counts as in a logarithm."""

ORDER = ["runs", "distance"]
"""Readings that cover more runs come first, then the nearer."""

NEAR_EPOCH = 0.9
"""A curve tells the loss of an epoch by a recorded one that is at least this share of it."""


@dataclass(frozen=True)
class Comparison:
    """Published figures beside ours.

    Attributes:
        published: the figures.
        dimensions: the parameters that tell readings apart.
        readings: one row a reading, the nearest of those that cover the most runs first: the
            dimensions, `runs`, for each measure that weighs the mean |log10(ours / published)|
            under its title, `mismatches` (share), `distance`; and `distance_sure`, `rank_sure`
            without the doubtful rows. The index numbers the readings.
        runs: one row a reading and published run, indexed by both: `trials`; for each measure the
            median, least and most of ours (`TITLE`, `TITLE_low`, `TITLE_high`); `converged`,
            `reconstructed` and `mismatches` of ours, as shares.
        literal: the reading to the letter; None if it was not swept.
    """

    published: Published
    dimensions: list[str]
    readings: pd.DataFrame
    runs: pd.DataFrame
    literal: int | None


def compare(published: Published, pairs: pd.DataFrame) -> Comparison:
    """Compare each reading with what was published, by at least one pair of `pair_trials`."""
    dimensions = _dimensions(pairs)
    pairs = pairs.assign(
        reading=pairs.groupby(dimensions, dropna=False, sort=False).ngroup() if dimensions else 0
    )
    runs = _runs(published, pairs)
    readings = _rank(published, runs)
    values = pairs.drop_duplicates("reading").set_index("reading")[dimensions]
    readings = values.loc[readings.index].join(readings)
    return Comparison(published, dimensions, readings, runs, _literal(published, pairs, readings))


def pair_trials(
    published: Published, trials: pd.DataFrame, curves: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return each trial beside the published rows that it matches, one row a pair.

    Args:
        published: the figures.
        trials: the table of trials.
        curves: their losses; for figures of an epoch.

    Returns:
        The columns of trials; `row`, which published row; `algorithm`, `minutes`, `mismatch`; the
        losses of the curve at the epoch of the row; the output activation as `AS_PUBLISHED` where
        it is.
    """
    rows = published.rows[published.keys].rename(columns=dict(MATCHES))
    rows = rows.rename(columns={DEVIATING: "published_output"}).assign(row=rows.index)
    ours = trials.assign(
        algorithm=_algorithms(trials), minutes=trials["seconds_share"].astype("float64") / 60
    )
    keys = [name for name in rows.columns if name not in ("row", "published_output")]
    for name in keys:
        if pd.api.types.is_numeric_dtype(rows[name].dtype):
            rows[name], ours[name] = rows[name].astype("float64"), ours[name].astype("float64")
    pairs = ours.merge(rows, on=keys) if keys else ours.merge(rows, how="cross")
    if pairs.empty:
        return pairs
    if "published_output" in pairs.columns:
        same = pairs[DEVIATING] == pairs["published_output"]
        pairs[DEVIATING] = pairs[DEVIATING].mask(same, AS_PUBLISHED)
    pairs = pairs.assign(**_reconstruction(published, pairs))
    return pairs if curves is None else _with_curves(published, pairs, curves)


def _algorithms(trials: pd.DataFrame) -> "pd.Series[str]":
    """Return the optimizers by the names of the time when gradient descent was backpropagation."""
    momentum = trials["optimizer_momentum"].astype("float64") > 0
    older = pd.Series(np.where(momentum, "backprop-momentum", "backprop"), index=trials.index)
    return trials["optimizer"].mask(trials["optimizer"] == "sgd", older)


def _reconstruction(published: Published, pairs: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """Return which trials reconstruct every sample, and which contradict what was published.

    There are as many one-hot samples as inputs. A trial that did not finish contradicts either.
    """
    samples = pairs["topology"].str.partition("-")[0].astype("float64")
    ours = pairs["samples_reconstructed"].astype("float64")
    finished = has_ended(pairs)
    every = (ours == samples) & finished
    said = pairs["row"].map(published.rows.get("reconstructs", pd.Series(dtype=object)))
    judged = said.isin(("yes", "no")) & (ours.notna() | ~finished)
    wrong = ((said == "yes") != every) | ~finished
    return {
        "reconstructed": every.astype("float64").where(ours.notna() | ~finished),
        "mismatch": wrong.astype("float64").where(judged),
    }


def _with_curves(published: Published, pairs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Add the losses at the epoch that a published row is of, or the last recorded before."""
    last = last_phases(curves)
    last = last.astype({"epoch": "int64"}).assign(recorded=last["epoch"].astype("float64"))
    last = last.rename(columns={"loss": "curve_loss", "validation_loss": "curve_validation_loss"})
    wanted = pairs.assign(epoch=pairs["row"].map(published.rows["epoch"]).astype("int64"))
    columns = ["trial_id", "epoch", "recorded", "curve_loss", "curve_validation_loss"]
    found = pd.merge_asof(
        wanted.sort_values("epoch", kind="stable"),
        last.sort_values("epoch", kind="stable")[columns],
        on="epoch",
        by="trial_id",
    )
    near = found["recorded"] >= NEAR_EPOCH * found["epoch"]
    losses = ["curve_loss", "curve_validation_loss"]
    found[losses] = found[losses].where(near)
    return found


def _dimensions(pairs: pd.DataFrame) -> list[str]:
    """Return the parameters that vary among the trials of some published row."""
    stated = {*REPEATS, *UNTELLING}
    names = [n for n in (*PARAMETERS, "engine") if n in pairs.columns and n not in stated]
    distinct = pairs.groupby("row")[names].nunique(dropna=False)
    return [name for name in names if (distinct[name] > 1).any()]


def _runs(published: Published, pairs: pd.DataFrame) -> pd.DataFrame:
    """Summarise the trials of each reading and published row over their seeds."""
    finished = has_ended(pairs)
    columns, wanted = {}, {}
    for item in published.measures:
        columns[item.title] = pairs[item.ours].astype("float64").where(finished)
        for suffix, statistic in (("", "median"), ("_low", "min"), ("_high", "max")):
            wanted[f"{item.title}{suffix}"] = (item.title, statistic)
    columns["converged"] = has_converged(pairs).astype("float64")
    known = pairs[["reading", "row", "reconstructed", "mismatch"]].assign(**columns)
    return known.groupby(["reading", "row"]).agg(
        trials=("row", "size"),
        converged=("converged", "mean"),
        **wanted,
        reconstructed=("reconstructed", "mean"),
        mismatches=("mismatch", "mean"),
    )


def _rank(published: Published, runs: pd.DataFrame) -> pd.DataFrame:
    """Return how far each reading is, with and without the doubtful rows, the nearest first."""
    far = _distances(published, runs)
    sure = published.rows.get("doubtful", pd.Series(dtype=object)).dropna().index
    certain = _distances(published, runs[~runs.index.get_level_values("row").isin(sure)])
    place = certain.sort_values(ORDER, ascending=[False, True], kind="stable").index
    ranks = pd.Series(np.arange(1.0, len(place) + 1), index=place)
    found = far.assign(distance_sure=certain["distance"], rank_sure=ranks)
    return found.sort_values(ORDER, ascending=[False, True], kind="stable")


def _distances(published: Published, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the distance of each reading.

    It is the mean |log10(ours / published)| of each measure over the runs that state it, averaged
    over the measures, plus the share of trials that contradict the reconstruction.
    """
    weighing = [item for item in published.measures if item.weighs]
    logs = pd.DataFrame({item.title: _log_ratio(published, runs, item) for item in weighing})
    far = logs.abs().groupby(level="reading").mean()
    mismatches = runs["mismatches"].groupby(level="reading").mean()
    return far.assign(
        mismatches=mismatches,
        distance=far.mean(axis=1) + mismatches.fillna(0),
        runs=logs.notna().any(axis=1).groupby(level="reading").sum(),
    )


def _log_ratio(published: Published, runs: pd.DataFrame, item: Measure) -> "pd.Series[float]":
    rows = runs.index.get_level_values("row")
    theirs = published.rows[item.published].loc[rows].to_numpy(np.float64)
    ours = runs[item.title].clip(lower=LEAST).to_numpy(np.float64)
    return pd.Series(np.log10(ours / theirs), index=runs.index)


def _literal(published: Published, pairs: pd.DataFrame, readings: pd.DataFrame) -> int | None:
    """Return the nearest of the readings whose trials are all as the text says to the letter."""
    if not published.literal:
        return None
    holds = pairs[DEVIATING] == AS_PUBLISHED
    for name, value in published.literal.items():
        holds &= (pairs[name] == value).fillna(False).astype(bool)
    literal = holds.groupby(pairs["reading"]).all()
    found: Sequence[int] = [int(number) for number in readings.index if literal[number]]
    return found[0] if found else None
