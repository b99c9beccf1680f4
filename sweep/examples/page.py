"""Writes a first sweep file, commented for somebody who has not seen one."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from sweep.examples.contents import Contents
from sweep.examples.settings import (
    ACTIVATIONS,
    LEARNING_RATES,
    SEEDS,
    TRIALS,
    Settings,
)
from sweep.printable import printable_line

WIDTH = 80
COLUMN = 44
"""Where comments beside values begin."""
LEFT_OUT_SHOWN = 10
RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that are no texts to some readers of YAML."""


def sweep_text(name: str, contents: Contents, settings: Settings, *, file: str) -> str:
    """Return the text of the sweep file.

    Args:
        name: of the sweep.
        contents: of its data.
        settings: what it trains.
        file: the name of the sweep file, as a shell takes it.
    """
    blocks = (
        _head(name, contents, file),
        [f"name: {name}", f"description: {_quoted(f'A first look at {contents.title}')}"],
        _dataset(contents, settings),
        _fixed(settings),
        _grid(settings),
        _convergence(settings),
    )
    return "\n".join("\n".join(block) + "\n" for block in map(list, blocks))


def _head(name: str, contents: Contents, file: str) -> Iterator[str]:
    about = f"Autoencoders of {contents.title}, {contents.what}: {TRIALS} trials, about a minute."
    yield from _comment(about)
    yield "#"
    commands = {
        f"sweep plan {file}": "what it will train",
        f"sweep run {file}": "train it; again, and only what is new is trained",
        f"sweep report {name}": "what was found, with figures",
    }
    width = max(map(len, commands))
    for command, comment in commands.items():
        yield f"#   {command:{width}}   {comment}"
    yield "#"
    yield from _comment(
        "Change what you like: any parameter takes a value, a list or a range. `sweep schema` "
        "prints what there is, docs/config.md explains it."
    )


def _dataset(contents: Contents, settings: Settings) -> Iterator[str]:
    yield "dataset:"
    for key, value in contents.dataset.items():
        if isinstance(value, list):
            yield from _listed(key, value)
        else:
            note = "seen from where you run sweep" if key == "path" else ""
            yield _line(f"{key}: {_quoted(str(value))}", note)
    for column in contents.left_out[:LEFT_OUT_SHOWN]:
        yield from _comment(f"left out: {column.name!r} {column.why}", indent="  ")
    if more := contents.left_out[LEFT_OUT_SHOWN:]:
        yield f"  # left out: {len(more):,} columns more"
    if contents.test_rows:
        yield "  # the test part that comes with it is held out, to validate on"
    if settings.validation:
        yield _line(f"validation: {settings.validation:g}", "share held out to validate on")
    if settings.train_samples:
        yield _line(f"train_samples: {settings.train_samples}", "so that it takes a minute")
    if settings.scale != "none":
        yield _line(f"scale: {settings.scale}", "each column to mean 0, variance 1")


def _fixed(settings: Settings) -> Iterator[str]:
    ranges = "the data lie from 0 to 1" if settings.output_activation == "sigmoid" else "any number"
    losses = {
        "binary_cross_entropy": "for data from 0 to 1",
        "mean_squared_error": "mean over samples and columns",
    }
    yield "# What all trials have in common."
    yield "fixed:"
    yield _line(f"output_activation: {settings.output_activation}", f"outputs: {ranges}")
    yield _line(f"loss: {settings.loss}", losses[settings.loss])
    yield _line("initialiser: xavier_uniform", "how weights start")
    yield _line("optimizer: adam", "")
    if settings.batch_size:
        yield _line(f"batch_size: {settings.batch_size}", "samples an update; null for all")


def _grid(settings: Settings) -> Iterator[str]:
    names = ["-".join(map(str, widths)) for widths in settings.topologies]
    yield "# What is compared: every combination is a trial."
    yield "grid:"
    yield "  topology:                                 # widths; the narrowest is the code"
    for name, note in zip(names, ("a wide code", "a narrow one", "and deeper"), strict=True):
        yield _line(f"  - {name}", note)
    yield _line(f"activation: [{', '.join(ACTIVATIONS)}]", "of the hidden layers")
    yield _line(f"learning_rate: [{', '.join(map(str, LEARNING_RATES))}]", "")
    yield _line(f"replicates: {SEEDS}", "seeds, to see what is chance")


def _convergence(settings: Settings) -> Iterator[str]:
    yield "# When a trial stops."
    yield "convergence:"
    if settings.holds_out:
        yield "  # once the held-out loss has not improved for so many epochs"
        yield f"  early_stopping: {{monitor: validation_loss, patience: {settings.patience}}}"
        yield _line("restore: best", "keep the weights of the best epoch")
    else:
        yield "  # once the loss has not improved for so many epochs"
        yield f"  early_stopping: {{patience: {settings.patience}}}"
    yield _line(f"max_epochs: {settings.max_epochs}", "at the latest")


def _line(text: str, note: str) -> str:
    return f"  {text:{COLUMN - 2}}# {note}" if note else f"  {text}"


def _comment(text: str, indent: str = "") -> list[str]:
    return wrap(
        printable_line(text), WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )


def _listed(key: str, names: Sequence[str]) -> list[str]:
    """Return a list of names, over as many lines as it takes; none is broken."""
    lines = [f"  {key}: ["]
    for place, name in enumerate(names):
        cell = _quoted(name) + ("]" if place == len(names) - 1 else ",")
        spaced = lines[-1] + ("" if lines[-1].endswith("[") else " ") + cell
        if len(spaced) <= WIDTH:
            lines[-1] = spaced
        else:
            lines.append(f"    {cell}")
    return lines


def _quoted(text: str) -> str:
    """Return a text as any YAML has it, in quotes where it may need them."""
    word = text.isascii() and text[:1].isalpha() and text.replace("_", "").isalnum()
    if word and text.lower() not in RESERVED:
        return text
    kept = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(kept)}"'
