"""`sweep init`: write a first sweep file for data of one's own."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say

if TYPE_CHECKING:
    from sweep.examples import Contents

TABLES = (".csv", ".parquet", ".npy")
KINDS = "name a table (.csv, .parquet, .npy), images (IDX, .npz) or a folder of images"
SHOWN = 5


@click.command("init")
@click.argument("data", required=False)
@click.option(
    "--output", default="sweep.yaml", show_default=True, help="File to write, which is not there."
)
def init_command(data: str | None, output: str) -> None:
    """Write a first sweep file for DATA, commented, that trains in about a minute.

    DATA is a table (.csv, .parquet, .npy), images as MNIST's are kept (IDX, .npz), or a folder of
    either kind of images, pictures (.png, .jpg, …) among them: these are packed into one .npz of
    grey levels beside the sweep file. Without DATA it is scikit-learn's digits.

    Exit code: 0 written, 2 wrong input; nothing that is there is written over.
    """
    from sweep.errors import ConfigError

    file = Path(output)
    name = sweep_name(data)
    packed = file.with_name(f"{name}.npz")
    text, contents = _first_sweep(data, file, name, packed)
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(text)
    except OSError as error:
        raise ConfigError.of(output, "be a file that can be written", got=error.strerror) from error
    _say_what_next(contents, file, name, packed)


def sweep_name(data: str | None) -> str:
    """Return a name for the sweep, and its folder of results, by what it is of."""
    stem = Path(data).absolute().name.partition(".")[0] if data else "digits"
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in stem)
    return safe.strip("-")[:60] or "first"


def _first_sweep(data: str | None, file: Path, name: str, packed: Path) -> "tuple[str, Contents]":
    """Return the text of the sweep file, and what it is of."""
    from sweep.datasets.arrays import DatasetError, find_file
    from sweep.errors import ConfigError
    from sweep.examples import choose_settings, image_contents, sweep_text, table_contents

    if file.exists():
        hint = "name another by --output, or delete it"
        raise ConfigError.of(str(file), "not be there, as nothing is written over", hint=hint)
    try:
        table = data is not None and Path(data).suffix.lower() in TABLES
        if data:
            find_file(data, KINDS)
        contents = table_contents(data) if data and table else image_contents(data, packed)
    except DatasetError as error:
        kinds = KINDS if data and not table else None
        raise ConfigError.of(data or "digits", error.must, got=error.got, hint=kinds) from error
    except FileExistsError as error:
        raise ConfigError.of(str(packed), "not be there, as images are packed into it") from error
    settings = choose_settings(contents)
    return sweep_text(name, contents, settings, file=shlex.quote(str(file))), contents


def _say_what_next(contents: "Contents", file: Path, name: str, packed: Path) -> None:
    from sweep.examples import TRIALS

    if contents.dataset.get("path") == str(packed):
        say(f"{packed}: {contents.what}, of {contents.title}")
    say(f"{file}: {TRIALS} trials on {contents.title}, {contents.what}")
    for column in contents.left_out[:SHOWN]:
        say(f"  left out: column {column.name!r} {column.why}")
    if more := contents.left_out[SHOWN:]:
        say(f"  left out: {len(more):,} columns more")
    quoted = shlex.quote(str(file))
    commands = {
        f"sweep plan {quoted}": "what it will train; --estimate: for how long",
        f"sweep run {quoted}": "train it, about a minute",
        f"sweep report {name}": "what was found, with figures",
    }
    width = max(map(len, commands))
    say("next:")
    for command, comment in commands.items():
        say(f"  {command:{width}}  {comment}")
