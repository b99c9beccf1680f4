"""Writes the methods of a sweep as a paragraph for a paper: plain text, from the table alone."""

from collections.abc import Iterator, Sequence

import pandas as pd

from sweep.components.columns import rule_columns
from sweep.reports.axes import varies
from sweep.reports.findings.subject import Subject
from sweep.reports.findings.words import listed
from sweep.reports.objective import objective_name
from sweep.reports.population import has_rule
from sweep.reports.repeats import repeat_of
from sweep.reports.tables.text import format_value
from sweep.store.places.layout import TableName
from sweep.store.tables.snapshot import read_rows
from sweep.trial import PARAMETERS, REPEATS, STOP_PARAMETERS

MOST_VALUES = 8
UNTOLD = frozenset({"data_fingerprint", "dataset", "topology", "dtype", *REPEATS, *STOP_PARAMETERS})
"""Parameters that have sentences of their own, or nothing to say to people."""
SOFTWARE = {
    "sweep_version": "sweep",
    "torch_version": "PyTorch",
    "ray_version": "Ray",
    "python_version": "Python",
}
MEDIANS = (
    "Settings are ranked by the median {loss} over seeds, of which intervals are from order "
    "statistics (95%; none below six trials); intervals of shares are Wilson's. Where several "
    "comparisons are made, intervals are corrected by Bonferroni's method. A trial that diverged "
    "counts as an infinite loss."
)


def methods_text(subject: Subject) -> str:
    """Return what was trained, until when, with what, and how it was judged, in a paragraph."""
    if subject.trials.empty:
        return ""
    fixed = _fixed_values(subject)
    sentences = [
        _trained(subject, fixed),
        *_same(fixed),
        *_stopped(subject, fixed),
        *_software(subject),
        MEDIANS.format(loss=objective_name(subject.trials)),
    ]
    return " ".join(sentences)


def _fixed_values(subject: Subject) -> dict[str, object]:
    """Return the parameters that are the same in all trials, without those that do not apply."""
    trials = subject.trials
    varying = {axis.name for axis in subject.axes} | set(subject.factors)
    known = trials.columns
    names = [n for n in PARAMETERS if n not in varying and not (n in known and varies(trials[n]))]
    first = str(trials["trial_id"].iloc[0])
    where = ("trial_id", [first])
    row = read_rows(subject.directory.path, TableName.TRIALS, columns=names, where=where)
    (values,) = row.to_pylist()
    return {name: values[name] for name in names if values[name] is not None}


def _trained(subject: Subject, fixed: dict[str, object]) -> str:
    trials, factors = subject.trials, subject.factors
    counts = trials.groupby(factors, dropna=False).size() if factors else pd.Series([len(trials)])
    settings, low, high = len(counts), int(counts.min()), int(counts.max())
    count = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    repeat = repeat_of(trials)
    repeats = f"{count} {repeat.several if high > 1 else repeat.one}"
    what = f"autoencoder{'s' * (len(trials) > 1)}"
    what += f" {fixed['topology']}" if "topology" in fixed else ""
    data = f" on {fixed['dataset']}" if "dataset" in fixed else _data_sets(trials, factors)
    each = f"{settings:,} settings with {repeats} each"
    many = each if settings > 1 else f"one setting with {repeats}"
    told = f"We trained {len(trials):,} {what}{data}: {many}"
    if not factors:
        return f"{told}."
    return f"{told}, which differ in {listed([_levels(trials, name) for name in factors])}."


def _data_sets(trials: pd.DataFrame, factors: Sequence[str]) -> str:
    """Return the data sets where they vary and are not told among what settings differ in."""
    if "dataset" in factors or "dataset" not in trials:
        return ""
    names = sorted(map(str, trials["dataset"].dropna().unique()))
    shown = names if len(names) <= MOST_VALUES else [names[0], "…", names[-1]]
    return f" on {len(names):,} data sets ({', '.join(shown)})"


def _levels(trials: pd.DataFrame, name: str) -> str:
    texts = [format_value(value) for value in sorted(trials[name].dropna().unique().tolist())]
    if len(texts) > MOST_VALUES:
        texts = [f"{len(texts):,} values from {texts[0]} to {texts[-1]}"]
    return f"{_words(name)} ({', '.join(texts)})"


def _same(fixed: dict[str, object]) -> Iterator[str]:
    """Say what all trials have, but for what goes without saying."""
    told = [
        f"{_words(name)} {format_value(value)}"
        for name, value in fixed.items()
        if name not in UNTOLD and value != PARAMETERS[name].metadata["neutral"]
    ]
    if told:
        yield f"All have {', '.join(told)}."


def _stopped(subject: Subject, fixed: dict[str, object]) -> Iterator[str]:
    options = {column.name for column in rule_columns()}
    rules = [
        f"{_words(name)} {format_value(value)}"
        for name, value in fixed.items()
        if name in options and value != PARAMETERS[name].metadata["neutral"]
    ]
    epochs = fixed.get("fixed_epochs")
    if epochs is not None:
        yield f"Each trained {epochs:,} epochs."
    elif has_rule(subject.trials).any():
        limits = [
            f"{fixed[name]:,} {name.removeprefix('max_')}"
            for name in ("max_epochs", "max_seconds")
            if name in fixed
        ]
        most = f", for at most {' or '.join(limits)}" if limits else ""
        how = f" ({', '.join(rules)})" if rules else ""
        yield f"Each trained until its stop rule was met{how}{most}."
    if fixed.get("restore") == "best":
        yield "Of each the weights of the epoch with the least monitored loss were kept."


def _software(subject: Subject) -> Iterator[str]:
    trials = subject.trials
    versions = [
        f"{name} {listed(sorted(map(str, trials[column].dropna().unique())))}"
        for column, name in SOFTWARE.items()
        if column in trials.columns and trials[column].notna().any()
    ]
    if not versions:
        return
    yield f"They were trained with {listed(versions)}{_machine(trials)}."


def _machine(trials: pd.DataFrame) -> str:
    told = []
    if "engine" in trials.columns:
        engines: Sequence[str] = sorted(map(str, trials["engine"].dropna().unique()))
        told.append(f"by the engine{'s' * (len(engines) > 1)} {listed(engines)}")
    if "device" in trials.columns:
        told.append(f"on {listed(sorted(map(str, trials['device'].dropna().unique())))}")
    return f" {' '.join(told)}" if told else ""


def _words(name: str) -> str:
    return name.replace("_", " ")
