"""Judges trainings by another stop rule than their own, from their ladders. Trains nothing.

The ladder holds the epoch at which each rule of `sweep.ladder` would have stopped a training. A
rule that it had not met by its last epoch is censored there: more training may yet meet it.
"""

import math
from collections.abc import Sequence
from dataclasses import fields

import pandas as pd
import pyarrow.compute as pc

from sweep.components.registry import FAMILIES
from sweep.components.stopping import LOSS, VALIDATION_LOSS
from sweep.errors import ConfigError, StoreError
from sweep.ladder import BY_RUNG, LEVELS, PATIENCES, RULES, TOLERANCES, Rung
from sweep.printable import printable_line
from sweep.reports.false_convergence import ENDED, mark_false_convergence
from sweep.reports.objective import HELD_OUT
from sweep.reports.population import COUNTED, has_converged
from sweep.result import Outcome
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.compact import read_compact, varying_columns
from sweep.store.tables.reader import read_trials
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.snapshot import read_rows
from sweep.trial import PARAMETERS, SAME_LOSS, STOP_PARAMETERS, Status, StopReason

KEPT = frozenset({"status", "stop_reason", "epochs", "error", "traceback"})
"""Outcomes that a rung tells, or that tell of none."""

LOST = (*(item.name for item in fields(Outcome) if item.name not in KEPT), "seconds_share")
"""Columns of the training's end, which a rung that was met before it leaves unknown."""

OF_RUNG = {LOSS: "final_loss", VALIDATION_LOSS: "validation_loss"}
"""The column that a rung tells, by what it monitors."""

COMMON = (*ENDED, "fixed_epochs", HELD_OUT, *SAME_LOSS, *FAMILIES)
"""Columns of the trials that every part of a report may read, beside what varies."""

RESTORE = "restore"
WHERE = "command line"
MORE_EPOCHS = 10


def find_rung(
    rule: str, tolerance: float, patience: int | None = None, monitor: str = LOSS
) -> Rung:
    """Return the rung of the ladder that a reader asks for.

    Args:
        rule: of `sweep.ladder.LADDER`.
        tolerance: of the rule, or the loss to come down to.
        patience: epochs; None for 1, and for a rule that has none, such as `loss`.
        monitor: the loss that it looks at.

    Raises:
        ConfigError: if the ladder has no such rung; names the nearest.
    """
    if rule not in RULES:
        if patience is not None:
            must = f"be left out with --rule {rule}"
            raise ConfigError.of(WHERE, must, key="--patience", got=f"{patience}")
        return Rung(rule, _on_ladder("--tolerance", tolerance, LEVELS), 0, monitor)
    return Rung(
        rule,
        _on_ladder("--tolerance", tolerance, TOLERANCES),
        int(_on_ladder("--patience", 1 if patience is None else patience, PATIENCES)),
        monitor,
    )


def read_judged(
    directory: ResultsDir, rung: Rung | None = None, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read trials as they ended, or as `rung` would have ended them, false convergence marked.

    Args:
        directory: results of a sweep.
        rung: the rule to judge by; None for each trial's own.
        columns: the columns to read, with all that `mark_false_convergence` goes by; None for all.

    Raises:
        StoreError: if there are no results, a file is damaged, or no ladder was kept.
    """
    return _judged(read_trials(directory.path, columns), directory, rung)


def read_telling(
    directory: ResultsDir, rung: Rung | None = None, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Read trials as `read_judged` does: what varies, how they ended, and these columns.

    Parameters that are the same in all trials are left out, unless they are among the columns, and
    texts are categories, so that a million trials take some hundred bytes each.
    """
    wanted = {*ENDED, *FAMILIES, *varying_columns(directory.path, tuple(PARAMETERS)), *columns}
    if rung is not None:
        wanted |= {RESTORE}
    names = [name for name in SCHEMAS[TableName.TRIALS].names if name in wanted]
    return _judged(read_compact(directory.path, names), directory, rung)


def _judged(trials: pd.DataFrame, directory: ResultsDir, rung: Rung | None) -> pd.DataFrame:
    if rung is None:
        return mark_false_convergence(trials)
    return mark_false_convergence(rejudge(trials, read_ladder_of(directory, rung), rung), trials)


def rejudge(trials: pd.DataFrame, ladder: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Return one row a path, as a trial with the rule of `rung` would have ended.

    Where the rung was met, epochs and the loss that it monitors are those of the rung, and what is
    known of the end of the training alone is missing. Where it was not, a finished trial has met a
    limit, `max_epochs`, at its last epoch.

    Args:
        trials: the table of trials. Of those on one path the one trained longest is kept; a
            cancelled one only where the rung was met, or there is no other.
        ladder: rows of the table `ladder`.
        rung: the rule to judge by.
    """
    at = (ladder["rule"] == rung.rule) & (ladder["tolerance"] == rung.tolerance)
    at &= ladder["monitor"] == rung.monitor
    met = ladder[at & (ladder["patience"] == rung.patience)]
    paths = met["trial_id"].map(trials.set_index("trial_id")["path_id"])
    rungs = met.set_index(paths)[["epoch", "loss"]].groupby(level=0).first()
    longest = _longest(trials, trials["path_id"].isin(rungs.index))
    epoch, loss = (longest["path_id"].map(rungs[name]) for name in ("epoch", "loss"))
    return _as_ended(longest, epoch, loss, rung)


def resume_command(directory: ResultsDir, rung: Rung, epochs: int) -> str:
    """Return the command that trains on until `rung` is met, for up to ten times `epochs`."""
    rule = BY_RUNG[rung.rule]
    patience = f", patience: {rung.patience}" if rung.patience else ""
    monitor = f", monitor: {rung.monitor}" if rung.monitor != LOSS else ""
    options = f"{rule.name}: {{{rule.threshold}: {rung.tolerance:g}{patience}{monitor}}}"
    config = directory.config if directory.config.is_file() else "CONFIG"
    return f"sweep run {config} 'convergence={{{options}, max_epochs: {MORE_EPOCHS * epochs}}}'"


def describe_rung(rung: Rung) -> str:
    """Write a rule with its numbers, such as `delta 1e-06, patience 10`."""
    patience = f", patience {rung.patience}" if rung.patience else ""
    monitor = f" of {rung.monitor}" if rung.monitor != LOSS else ""
    return f"{rung.rule} {rung.tolerance:g}{patience}{monitor}"


def describe_unmet(directory: ResultsDir, judged: pd.DataFrame, rung: Rung) -> str:
    """Say how many paths met the rung, of those that count, and what trains the others on."""
    missing = unmet(judged)
    met = int(has_converged(judged).sum())
    text = f"{describe_rung(rung)}: met by {met:,} of {len(judged):,} paths"
    if missing.empty:
        return text
    epochs = int(missing["epochs"].max())
    text += f", not met by {len(missing):,} in up to {epochs:,} epochs; to train these on:"
    return f"{text}\n{printable_line(resume_command(directory, rung, epochs))}"


def unmet(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the finished trials that did not meet the rung by their last epoch."""
    return judged[judged["stop_reason"] == StopReason.MAX_EPOCHS]


def _longest(trials: pd.DataFrame, met: "pd.Series[bool]") -> pd.DataFrame:
    """Return of each path the trial trained longest, one that counts before one that does not.

    A cancelled trial counts where its path has met the rung. Of several trained as long, one that
    stands for its last weights comes first: so would a trial of the rung.
    """
    counts = trials["status"].isin(COUNTED) | (met & (trials["status"] == Status.CANCELLED))
    sound = counts.astype(int) + (trials["status"] != Status.FAILED)
    at_end = trials[RESTORE] != "best"
    keyed = trials.assign(sound=sound, at_end=at_end)
    order = keyed.sort_values(["sound", "epochs", "at_end"], kind="stable").index
    last = trials.loc[order].drop_duplicates("path_id", keep="last")
    return last.loc[trials.index.intersection(last.index)]


def _as_ended(
    trials: pd.DataFrame, epoch: "pd.Series[float]", loss: "pd.Series[float]", rung: Rung
) -> pd.DataFrame:
    """Return the trials as the rung ends them; epoch and loss are missing where it was not met."""
    met, earlier = epoch.notna(), epoch < trials["epochs"].astype("float64")
    rule = BY_RUNG[rung.rule]
    limited = ~met & (trials["status"] == Status.FINISHED)
    reasons = trials["stop_reason"].astype(str)
    judged = trials.assign(
        epochs=trials["epochs"].mask(earlier, epoch).astype("Int64"),
        status=trials["status"].astype(str).mask(met, str(Status.FINISHED)),
        stop_reason=reasons.mask(met, rule.reason).mask(limited, "max_epochs"),
        **{name: trials[name].mask(earlier) for name in LOST if name in trials.columns},
    )
    of_rung = OF_RUNG[rung.monitor]
    judged[of_rung] = trials[of_rung].mask(earlier, loss)
    judged[list(STOP_PARAMETERS)] = pd.NA
    judged[rule.columns[rule.threshold]] = rung.tolerance
    if rung.patience:
        judged[rule.columns["patience"]] = rung.patience
    judged[rule.columns["monitor"]] = rung.monitor
    return judged


def read_ladder_of(directory: ResultsDir, rung: Rung) -> pd.DataFrame:
    where = ("rule", [rung.rule])
    found = read_rows(directory.path, TableName.LADDER, where=where)
    found = found.filter(pc.field("monitor") == rung.monitor)
    if not found.num_rows and rung.monitor not in _monitored(directory):
        held_out = ", of validation_loss where data are held out" * (rung.monitor != LOSS)
        raise StoreError(
            f"{directory.path}: must hold ladders to judge by another rule (got none; "
            f"they are kept unless `record: {{ladder: false}}`{held_out})"
        )
    frame: pd.DataFrame = found.to_pandas()
    return frame


def _monitored(directory: ResultsDir) -> set[str]:
    """Return what the rungs of the ladders held look at."""
    held = read_rows(directory.path, TableName.LADDER, columns=["monitor"])
    return set(held["monitor"].unique().to_pylist())


def _on_ladder(key: str, value: float, rungs: Sequence[float]) -> float:
    """Return the value of the ladder that is meant, which decimals may not name to the bit."""
    for known in rungs:
        if math.isclose(value, known, rel_tol=1e-9):
            return known
    above = [known for known in rungs if known > value]
    below = [known for known in rungs if known < value]
    nearest = [
        f"{known:g}" for known in (max(below, default=None), min(above, default=None)) if known
    ]
    hint = f"the nearest {'are' if len(nearest) > 1 else 'is'} {' and '.join(nearest)}"
    raise ConfigError.of(WHERE, "be on the ladder", key=key, got=f"{value:g}", hint=hint)
