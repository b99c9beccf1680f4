"""`sweep plan` and `sweep schema`: what a sweep file comes to, and what it may hold."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
from sweep.cli.options import plugin_options
from sweep.printable import printable_line

if TYPE_CHECKING:
    from sweep.datasets import Data
    from sweep.planning import Plan
    from sweep.running.estimate import TimeEstimate
    from sweep.store.places.remote import AnyPath

DATASETS_NAMED = 4
TABLES_NAMED = 3
UNITS = (("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))
CPUS = "every worker has a CPU to itself"


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@click.option("--output", help="Results directory, or its URI in object storage. [results/NAME]")
@click.option("--workers", type=click.IntRange(min=1), help="Packs trained at a time. [all CPUs]")
@click.option("--estimate", is_flag=True, help="Time a short pilot, and say how long it may take.")
@plugin_options
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_command(
    config: Path,
    overrides: tuple[str, ...],
    output: str | None,
    workers: int | None,
    estimate: bool,
    as_json: bool,
) -> None:
    """Count what CONFIG asks for: trials, packs, what is done already, warnings.

    OVERRIDES change values of the file, such as convergence.max_epochs=5000. Nothing is
    trained but, with --estimate, a pilot of a few seconds a pack key, of which nothing is kept.

    Exit code: 0 a valid sweep, 2 wrong input.
    """
    from sweep.config import load_config
    from sweep.planning import make_plan
    from sweep.reuse.derivation import find_derived
    from sweep.running.rung_queue import read_schedule
    from sweep.store.places.layout import ResultsDir
    from sweep.store.places.remote import path_of
    from sweep.store.tables.reader import done_ids

    sweep = load_config(config, overrides)
    directory = path_of(output or Path("results") / sweep.name)
    plan = make_plan(sweep, done_ids(directory), workers=workers)
    plan = plan.without([item.trial.trial_id for item in find_derived(plan, directory)])
    schedule = read_schedule(plan, ResultsDir.at(directory))
    if schedule:
        plan = plan.settled(schedule.left_behind)
    texts = [*(warning.text for warning in plan.warnings), *warn_of_machine(plan, workers)]
    for text in texts:
        say(f"warning: {text}", err=True)
    estimated = _estimate(plan, directory) if estimate and plan.missing else None
    if as_json:
        summary = summarise(plan) | {"output": str(directory), "warnings": texts}
        if schedule:
            summary["rungs"] = schedule.rungs.tolist()
        if estimate:
            summary["estimate"] = asdict(estimated) if estimated else None
        click.echo(json.dumps(summary))
        return
    click.echo(describe_plan(plan, directory))
    if schedule:
        click.echo(f"  rungs       {', '.join(f'{rung:,}' for rung in schedule.rungs) or 'none'}")
    if estimated:
        click.echo(describe_estimate(estimated))


def warn_of_machine(plan: "Plan", workers: int | None, address: str | None = None) -> list[str]:
    """Return what the plan asks for that this machine lacks, where no cluster is named."""
    from sweep.planning.disk import lacking_here

    if address or os.environ.get("RAY_ADDRESS"):
        return []
    asked = plan.config.resources
    return lacking_here(workers=workers or asked.workers, cpus_per_pack=asked.cpus_per_pack)


def _estimate(plan: "Plan", directory: "AnyPath") -> "TimeEstimate":
    from sweep.running.estimate import estimate_plan, read_epoch_history
    from sweep.training.pilot import time_pack

    return estimate_plan(plan, read_epoch_history(directory, plan.grid.pack_keys), time_pack)


def summarise(plan: "Plan") -> dict[str, object]:
    """Return the plan's numbers by name."""
    return {
        "name": plan.config.name,
        **({"search": asdict(plan.search)} if plan.search else {}),
        "trials": plan.trials,
        "done": plan.done,
        "derived": plan.derived,
        "missing": plan.missing,
        "paths": plan.paths,
        "pack_keys": plan.keys,
        "packs": len(plan.planned_packs),
        "workers": plan.workers,
        "engines": dict(plan.engines),
        "unfused": dict(plan.unfused),
        "max_epochs": plan.max_epochs,
        "disk_bytes": dict(plan.disk),
        "datasets": [data.name for data in plan.data],
    }


def describe_plan(plan: "Plan", directory: "AnyPath") -> str:
    """Write the plan for people, one number a line."""
    return "\n".join(
        [
            printable_line(plan.config.name),
            *_data_lines(plan.data),
            *_search_lines(plan),
            f"  trials      {plan.trials:,}",
            f"  done        {plan.done:,} in {printable_line(str(directory))}",
            *([f"  derived     {plan.derived:,} from finished trainings"] if plan.derived else []),
            f"  to train    {plan.missing:,} on {plan.paths:,} paths",
            f"  pack keys   {plan.keys:,}",
            f"  packs       {len(plan.planned_packs):,} for {plan.workers:,} workers",
            f"  engines     {_counts(plan.engines)}",
            *(f"              {line}" for line in _engine_reasons(plan)),
            f"  epochs      at most {plan.max_epochs:,}",
            f"  disk        {_disk_text(plan.disk)}",
        ]
    )


def _search_lines(plan: "Plan") -> list[str]:
    """Return what is searched, a dimension a line; nothing where all combinations are trained."""
    if plan.search is None:
        return []
    found = plan.search
    points = f"{found.budget:,} points"
    if found.distinct is None:
        points += " proposed by results; what follows is of as many at random"
    else:
        points += f", {found.distinct:,} of them distinct"
    head = f"{found.proposer}: {points}, {len(found.dimensions):,} dimensions"
    lines = [head, *(printable_line(text) for text in found.dimensions)]
    return [f"  {'' if place else 'search':10}  {line}" for place, line in enumerate(lines)]


def _engine_reasons(plan: "Plan") -> list[str]:
    """Return why these engines were chosen, unless fused trains everything."""
    asked = plan.config.resources.engine
    if asked != "auto":
        return [f"as resources asks: engine {asked}"] if plan.missing else []
    reasons = (f"{printable_line(what)} {count:,}" for what, count in plan.unfused.items())
    return [f"fused does not take {', '.join(reasons)}"] if plan.unfused else []


def _data_lines(datasets: "Sequence[Data]") -> list[str]:
    named = [describe_data(data) for data in datasets[:DATASETS_NAMED]]
    more = len(datasets) - len(named)
    lines = [*named, f"and {more:,} more"] if more else named
    return [f"  {'' if place else 'data':10}  {line}" for place, line in enumerate(lines)]


def describe_data(data: "Data") -> str:
    """Say what a data set holds, in a line."""
    held = data.validation_inputs
    text = f"{printable_line(data.name)}: {len(data.inputs):,} samples of {data.features:,}"
    return text if held is None else f"{text}, {len(held):,} held out"


def describe_estimate(estimate: "TimeEstimate") -> str:
    """Describe how long training may take, and how that was estimated."""
    from math import ceil

    from sweep.planning.disk import available_cpus
    from sweep.running.wording import clock, magnitude

    most = clock(ceil(estimate.at_most))
    lines = [
        f"  pilot       {estimate.timed:,} of {estimate.kinds:,} pack keys timed: "
        f"{magnitude(estimate.epochs_per_second)} epochs/s of all workers",
        f"  time        at most about {most}, if all trials reach max_epochs and {CPUS}",
    ]
    if estimate.like_finished:
        quick, middling, slow = (clock(ceil(seconds)) for seconds in estimate.like_finished)
        lines += [
            f"              about {middling} ({quick} to {slow}) if they stop as trials of their",
            f"              pack key did: {estimate.finished:,} finished, on {estimate.known:,} of "
            f"{estimate.kinds:,} keys",
        ]
    else:
        lines.append("              less if they stop before; no finished trial says when")
    lines.append("              training alone; starting Ray adds to it")
    load, cpus = os.getloadavg()[0], available_cpus()
    share = (load + estimate.workers) / cpus
    if load >= 1 and share > 1:
        lines.append(
            f"              {share:.1f} times as long at the present load of this machine: "
            f"{load:.1f} beside {estimate.workers:,} workers on {cpus:,} CPUs"
        )
    return "\n".join(lines)


def _disk_text(sizes: Mapping[str, int]) -> str:
    """Describe the disk space that results take, and the largest tables."""
    if not sizes:
        return "nothing more"
    largest = sorted(sizes, key=lambda name: -sizes[name])[:TABLES_NAMED]
    named = ", ".join(f"{name} {_bytes_text(sizes[name])}" for name in largest)
    return f"at most about {_bytes_text(sum(sizes.values()))} ({named})"


def _bytes_text(size: float) -> str:
    unit, factor = next(((u, f) for u, f in UNITS if size < 999.5 * f), UNITS[-1])
    size /= factor
    return f"{size:,.1f} {unit}" if size < 9.95 else f"{size:,.0f} {unit}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none needed"


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of sweep files.

    Editors with a YAML language server check and complete a file that begins with
    `# yaml-language-server: $schema=sweep.schema.json`.
    """
    from sweep.config.load import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
