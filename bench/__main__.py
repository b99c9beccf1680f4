"""Runs the bench and writes what came of it: `python -m bench [PART ...]`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from bench.machine import describe_machine
from bench.page import keep, opening, output_option
from bench.parts import PARTS, measure_apart
from bench.table import Row, markdown

WHAT = {
    "engine": "Processor seconds on one core; the contenders take turns, medians of 7 rounds. Each "
    "computes the loss every epoch, summed in float64, and was checked to train alike.",
    "minibatch": "Processor seconds on one core, but for the row of two cores; the contenders take "
    "turns, the least of 7 rounds.",
    "own_network": "Processor seconds on one core; both take turns, medians of 7 rounds.",
    "commands": "Whole commands on all cores, from start to end.",
    "growth": "Processor seconds on one core.\n\n![Time against trials and width](growth.png)",
}


@click.command()
@click.argument("parts", nargs=-1)
@output_option(".md and DATE.json")
def main(parts: tuple[str, ...], output: Path) -> None:
    """Time sweep beside its contenders and write a table of the ratios.

    PARTS are engine, minibatch, own_network, commands and growth; all of them where none is
    named. minibatch.NAME and commands.NAME are one of theirs.
    """
    for part in parts:
        if part.partition(".")[0] not in PARTS:
            raise click.UsageError(f"a part must be one of {', '.join(PARTS)} (got {part!r})")
    machine = describe_machine()
    sections = {part: measure_apart(part) for part in parts or PARTS}
    keep(output, "", document(machine, sections), as_values(machine, sections))


def document(machine: Mapping[str, str], sections: Mapping[str, Sequence[Row]]) -> str:
    """Write the results for people: the machine, then a table for each part."""
    lines = opening("Bench of", machine)
    for name, rows in sections.items():
        lines += ["", f"## {name}", "", WHAT[name.partition(".")[0]], "", markdown(rows).rstrip()]
    return "\n".join(lines) + "\n"


def as_values(
    machine: Mapping[str, str], sections: Mapping[str, Sequence[Row]]
) -> dict[str, object]:
    """Return the same for programs."""
    rows = {name: [asdict(r) | {"met": r.is_met} for r in rs] for name, rs in sections.items()}
    return {"machine": machine, "sections": rows}


if __name__ == "__main__":
    main()
