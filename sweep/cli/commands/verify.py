"""`sweep verify`: train a sample of finished trials again and compare."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
from sweep.cli.options import plugin_options
from sweep.printable import printable_line

if TYPE_CHECKING:
    from sweep.reports.verification import Sample
    from sweep.store.places.layout import ResultsDir
    from sweep.training.verification.verdicts import Verdict

DIFFERENT = 1


@click.command("verify")
@click.argument("results")
@click.option(
    "--sample",
    "size",
    metavar="N",
    type=click.IntRange(min=1),
    help="Trials to draw, however long they are. [the 10 cheapest]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Key of the draw. [0]")
@click.option(
    "--trial",
    "prefixes",
    metavar="TRIAL",
    multiple=True,
    help="Verify the trial whose identity begins so, and no sample; may be repeated.",
)
@plugin_options
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON, no table.")
@click.pass_context
def verify_command(
    context: click.Context,
    results: str,
    size: int | None,
    seed: int,
    prefixes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train some finished trials of RESULTS again and compare: a directory, name or sweep file.

    Each is trained alone by the engine that trained it, checked step by step beside the reference
    engine, and its saved weights are evaluated anew.

    Exit code: 0 no difference, 1 a difference, 2 wrong input or nothing that can be compared.
    """
    from sweep.cli.places import find_results
    from sweep.errors import StoreError
    from sweep.reports.verification import choose_sample, describe_sample, sample_of
    from sweep.store.tables.reader import read_trials

    directory = find_results(results)
    trials = read_trials(directory.path)
    drawn = choose_sample(trials, size, seed=seed) if not prefixes else None
    sample = drawn or sample_of(trials, prefixes)
    say(describe_sample(sample), err=True)
    verdicts: list[Verdict] = []
    for verdict in _verdicts(directory, sample):
        if not as_json:
            click.echo(describe_verdict(verdict, heading=not verdicts))
        verdicts.append(verdict)
    if as_json:
        records = [asdict(verdict) | {"holds": verdict.holds} for verdict in verdicts]
        click.echo(json.dumps({"sample": asdict(sample), "trials": records}, indent=2))
    if all(verdict.holds is None for verdict in verdicts):
        raise StoreError(f"{directory.path}: must hold a trial that can be compared (got none)")
    click.echo(conclude(verdicts), err=as_json)
    context.exit(DIFFERENT if any(verdict.holds is False for verdict in verdicts) else 0)


def _verdicts(directory: "ResultsDir", sample: "Sample") -> Iterator["Verdict"]:
    from sweep.reports.recorded import recorded_datasets
    from sweep.reports.verification import read_claims
    from sweep.store.tables.reader import read_trials
    from sweep.training.verification.verify import verify_trial

    claims = list(read_claims(directory, read_trials(directory.path), sample.trial_ids))
    specs = recorded_datasets(directory, {claim.trial.data_fingerprint for claim in claims})
    for claim in claims:
        yield verify_trial(claim, specs.get(claim.trial.data_fingerprint))


def describe_verdict(verdict: "Verdict", *, heading: bool = False) -> str:
    """Write a verdict as a line of the table, below the table's heading if asked for."""
    names = ("trial_id", "engine", "epochs", "outcome", "steps", "alone")
    checks = (verdict.outcome, verdict.steps, verdict.solo)
    cells = (verdict.trial_id, verdict.engine, f"{verdict.epochs:,}", *(c.text for c in checks))
    lines = [names, cells] if heading else [cells]
    form = "{:16}  {:9}  {:>9}  {:12}  {:23}  {}"
    return "\n".join(printable_line(form.format(*line)) for line in lines)


def conclude(verdicts: Sequence["Verdict"]) -> str:
    """Sum the verdicts up in a line or two."""
    different = [verdict.trial_id for verdict in verdicts if verdict.holds is False]
    unjudged = sum(verdict.holds is None for verdict in verdicts)
    text = f"{len(different):,} of {len(verdicts) - unjudged:,} trials differ"
    text += f": {', '.join(different)}" if different else ""
    if unjudged:
        text += f"; {unjudged:,} could not be compared"
    if not (different or unjudged):
        text = f"verified {len(verdicts):,} trials: no difference"
    changed = Counter(verdict.solo.since for verdict in verdicts if verdict.solo.since)
    for since, count in sorted(changed.items()):
        text += (
            f"\n{count:,} cannot be compared bit by bit ({since}): checked by their weights alone"
        )
    return text
