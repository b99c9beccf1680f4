"""Runs the bench and writes what came of it: `python -m bench [PART ...]`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.machine import describe_machine
from bench.parts import PARTS, measure_apart
from bench.table import Row, markdown

RESULTS = Path(__file__).with_name("results")
WHAT = {
    "engine": "Processor seconds on one core; the contenders take turns, medians of 7 rounds. Each "
    "computes the loss every epoch, summed in float64, and was checked to train alike.",
    "commands": "Whole commands on all cores, from start to end.",
    "growth": "Processor seconds on one core.\n\n![Time against trials and width](growth.png)",
}


@click.command()
@click.argument("parts", nargs=-1)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default=True,
    help="Directory for DATE.md and DATE.json.",
)
def main(parts: tuple[str, ...], output: Path) -> None:
    """Time sweep beside its contenders and write a table of the ratios.

    PARTS are engine, commands and growth; all of them where none is named. commands.NAME is one
    measurement of the commands.
    """
    for part in parts:
        if part.partition(".")[0] not in PARTS:
            raise click.UsageError(f"a part must be one of {', '.join(PARTS)} (got {part!r})")
    machine = describe_machine()
    sections = {part: measure_apart(part) for part in parts or PARTS}
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    report = document(date, machine, sections)
    click.echo(report)
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{date}.md").write_text(report)
    (output / f"{date}.json").write_text(as_json(date, machine, sections))


def document(date: str, machine: Mapping[str, str], sections: Mapping[str, Sequence[Row]]) -> str:
    """Write the results for people: the machine, then a table for each part."""
    lines = [f"# Bench of {date}", "", *(f"- {name}: {words}" for name, words in machine.items())]
    for name, rows in sections.items():
        lines += ["", f"## {name}", "", WHAT[name.partition(".")[0]], "", markdown(rows).rstrip()]
    return "\n".join(lines) + "\n"


def as_json(date: str, machine: Mapping[str, str], sections: Mapping[str, Sequence[Row]]) -> str:
    """Write the same for programs."""
    rows = {name: [asdict(r) | {"met": r.is_met} for r in rs] for name, rs in sections.items()}
    return json.dumps({"date": date, "machine": machine, "sections": rows}, indent=1) + "\n"


if __name__ == "__main__":
    main()
