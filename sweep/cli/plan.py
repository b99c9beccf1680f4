"""`sweep plan`: say what a sweep file comes to, without training anything."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweep.planning import Plan


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@click.option("--output", type=click.Path(path_type=Path), help="Results directory. [results/NAME]")
@click.option("--workers", type=click.IntRange(min=1), help="Packs trained at a time. [all CPUs]")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_command(
    config: Path,
    overrides: tuple[str, ...],
    output: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Count what CONFIG asks for: trials, packs, what is done already, warnings.

    OVERRIDES change values of the file, such as convergence.max_epochs=5000. Nothing is trained.

    Exit code: 0 a valid sweep, 2 wrong input.
    """
    from sweep.config import load_config
    from sweep.planning import make_plan
    from sweep.store.reader import done_ids

    sweep = load_config(config, overrides)
    directory = output or Path("results") / sweep.name
    plan = make_plan(sweep, done_ids(directory), workers=workers)
    for caution in plan.cautions:
        click.echo(f"warning: {caution.text}", err=True)
    if as_json:
        cautions = [asdict(caution)["text"] for caution in plan.cautions]
        summary = summarise(plan) | {"output": str(directory), "warnings": cautions}
        click.echo(json.dumps(summary))
    else:
        click.echo(describe_plan(plan, directory))


def summarise(plan: "Plan") -> dict[str, object]:
    """Return the plan's numbers by name."""
    return {
        "name": plan.config.name,
        "trials": plan.trials,
        "done": plan.done,
        "missing": plan.missing,
        "paths": plan.paths,
        "pack_keys": plan.keys,
        "packs": len(plan.batches),
        "workers": plan.workers,
        "engines": dict(plan.engines),
        "max_epochs": plan.max_epochs,
    }


def describe_plan(plan: "Plan", directory: Path) -> str:
    """Write the plan for people, one number a line."""
    return "\n".join(
        [
            f"{plan.config.name}",
            f"  trials      {plan.trials:,}",
            f"  done        {plan.done:,} in {directory}",
            f"  to train    {plan.missing:,} on {plan.paths:,} paths",
            f"  pack keys   {plan.keys:,}",
            f"  packs       {len(plan.batches):,} for {plan.workers:,} workers",
            f"  engines     {_counts(plan.engines)}",
            f"  epochs      at most {plan.max_epochs:,}",
        ]
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none needed"
