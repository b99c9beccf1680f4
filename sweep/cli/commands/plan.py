"""`sweep plan` and `sweep schema`: what a sweep file comes to, and what it may hold."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
from sweep.cli.options import plugin_options

if TYPE_CHECKING:
    from sweep.planning import Plan
    from sweep.running.estimate import TimeEstimate
    from sweep.store.places.remote import AnyPath


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
    from sweep.cli.plan_page import describe_estimate, describe_plan, what_next
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
    words = [str(config), *overrides, *(["--output", output] if output else [])]
    click.echo(what_next(plan, directory, words, estimated=estimated is not None))


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
    from sweep.planning.explanation import describe_stops, outline_grid

    products = plan.grid.products
    return {
        "name": plan.config.name,
        **({"search": asdict(plan.search)} if plan.search else {}),
        "trials": plan.trials,
        "grids": [] if plan.search else [asdict(outline_grid(product)) for product in products],
        "stops": describe_stops([product.source for product in products]),
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


@click.command("schema")
@click.option(
    "--output", metavar="COMMAND", help="That of what COMMAND prints as JSON, such as plan."
)
def schema_command(output: str | None) -> None:
    """Print the JSON Schema of sweep files, or of the JSON that a command prints.

    Editors with a YAML language server check and complete a file that begins with
    `# yaml-language-server: $schema=sweep.schema.json`.
    """
    if output:
        from sweep.cli.outputs import output_schema

        click.echo(json.dumps(output_schema(output), indent=2))
        return
    from sweep.config.load import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
