"""Keeps what a bench found, as a page for people and as JSON for programs. Measures nothing."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

RESULTS = Path(__file__).with_name("results")


def output_option(ending: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option `--output` of a bench that writes files of that ending into it."""
    return click.option(
        "--output",
        type=click.Path(path_type=Path, file_okay=False),
        default=RESULTS,
        show_default=True,
        help=f"Directory for DATE{ending}.",
    )


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def opening(title: str, machine: Mapping[str, str]) -> list[str]:
    """Return the first lines of a page: its title with the date, and the machine."""
    return [f"# {title} {today()}", "", *(f"- {name}: {words}" for name, words in machine.items())]


def keep(output: Path, ending: str, page: str, values: Mapping[str, Any] | None = None) -> None:
    """Print a page and write it as DATE{ending}.md, with values to DATE{ending}.json."""
    click.echo(page)
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{today()}{ending}.md").write_text(page)
    if values is not None:
        text = json.dumps({"date": today(), **values}, indent=1)
        (output / f"{today()}{ending}.json").write_text(text + "\n")
