"""What can stand at a place of the command line, by the name of the parameter.

It reads what lies in the working directory, and raises nothing: a word that cannot be completed has
no completions.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

RESULTS = Path("results")
MOST = 200
"""Of more completions, none are shown: a shell would offer the beginning of those alone."""
SWEEP_FILES = (".yaml", ".yml")
HEAD = 4_000  # characters
OBEYED = set(" ;&|<>(){}$`\"'\\*?!#")
"""What a shell goes by: names with any of them are left to be written, and quoted, by hand."""
PUBLISHED = ("encoder_epochs", "keras_mnist_losses", "zhang2017_codes", "zhang2017_runs")

Complete = Callable[[click.Context, str], Iterable[CompletionItem[str]]]


def completing(command: click.Command) -> click.Command:
    """Have the parameters of a command complete what their names stand for."""
    for parameter in command.params:
        complete = COMPLETIONS.get(str(parameter.name))
        if complete is not None:
            parameter.shell_complete = partial(_found, complete)  # type: ignore[method-assign]
    return command


def _found(complete: Complete, context: click.Context, incomplete: str) -> list[Any]:
    try:
        items = list(complete(context, incomplete))
    except Exception:  # of a damaged file, say: a shell has no use for messages
        return []
    return items if len(items) <= MOST else []


def sweeps(_: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """The sweeps under results/, and files."""
    names = [path.name for path in _folders(RESULTS) if (path / "trials").is_dir()]
    yield from _matching(names, incomplete)
    yield CompletionItem(incomplete, type="file")


def sweep_files(_: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """The sweep files beside the word, or in configs/ where there is none; else all files."""
    folder, slash, _name = incomplete.rpartition("/")
    here = list(_sweep_files_in(folder + slash))
    if not incomplete:
        here += _sweep_files_in("configs/")
    found = list(_matching(here, incomplete))
    yield from found
    yield CompletionItem(incomplete, type="file" if not found else "dir")


def overrides(_: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Keys of the sweep file, and behind a parameter that is a component the names of those."""
    key, equals, _value = incomplete.partition("=")
    if not equals:
        yield from _matching([f"{name}=" for name in _keys()], incomplete)
        return
    from sweep.components.registry import FAMILIES

    parameter = key.rpartition(".")[2]
    known = [*FAMILIES.get(parameter, ())]
    if parameter in ("normalisation", "skip", "input_noise", "gradient_clip", "pretraining"):
        known.append("none")
    start = max(incomplete.rfind(sign) for sign in "=[,") + 1
    yield from _matching([incomplete[:start] + name for name in known], incomplete)


def trials(context: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """The identities of trials, in `--results` or in all results."""
    given = _given_results(context)
    places = [given] if given else _folders(RESULTS)
    found = {name for place in places for name in _trial_ids(place) if name.startswith(incomplete)}
    yield from _matching(sorted(found), incomplete)


def columns(context: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """The columns of the trials, behind a comma too."""
    begun = incomplete.rpartition(",")[0]
    start = f"{begun}," if begun else ""
    if incomplete[len(start) :].startswith("-"):  # sorts descending
        start += "-"
    given = _given_results(context)
    names = _columns_in(given) if given else ()
    yield from _matching([start + name for name in names], incomplete)


def against(_: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """The published tables that come with sweep, and files."""
    yield from _matching(PUBLISHED, incomplete)
    yield CompletionItem(incomplete, type="file")


def schedulers(_: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """The schedulers."""
    yield from _matching(("asha", "hyperband", "median"), incomplete)


def files(_: click.Context, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Files."""
    yield CompletionItem(incomplete, type="file")


COMPLETIONS: dict[str, Complete] = {
    "against": against,
    "by": columns,
    "columns": columns,
    "config": sweep_files,
    "data": files,
    "files": sweep_files,
    "include": files,
    "output": files,
    "overrides": overrides,
    "results": sweeps,
    "schedulers": schedulers,
    "sort": columns,
    "sweep": sweeps,
    "trial": trials,
    "trial_id": trials,
}
"""Completions by the names of parameters, which commands have alike."""


def _matching(words: Iterable[str], incomplete: str) -> Iterator[CompletionItem[str]]:
    """Yield the words that go on so, but for those that a terminal or a shell would obey."""
    for word in words:
        if word.startswith(incomplete) and word.isprintable() and not OBEYED & set(word):
            yield CompletionItem(word)


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []


def _sweep_files_in(folder: str) -> list[str]:
    place = Path(folder or ".").expanduser()
    found = sorted(place.iterdir()) if place.is_dir() else []
    return [f"{folder}{path.name}" for path in found if _may_be_sweep(path)]


def _may_be_sweep(path: Path) -> bool:
    """Whether a file looks like one: YAML with a name at its top."""
    if path.suffix not in SWEEP_FILES or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return any(line.startswith("name:") for line in file.readlines(HEAD))


def _keys() -> Iterator[str]:
    from sweep.trial import PARAMETERS

    yield "grid.replicates"
    yield "convergence.max_epochs"
    for block in ("grid", "fixed"):
        yield from (f"{block}.{name}" for name in PARAMETERS if "_options" not in name)


def _given_results(context: click.Context) -> Path | None:
    """Return the folder of results that the line names, on this machine.

    Behind an option that still lacks its value, click leaves the arguments unread.
    """
    given = context.params.get("results") or context.args
    words = [given] if isinstance(given, str) else given
    folders = (place for word in words for place in (Path(word), RESULTS / word))
    return next((folder for folder in folders if (folder / "trials").is_dir()), None)


def _parts(place: Path) -> list[Path]:
    return sorted((place / "trials").glob("*.parquet"))


def _trial_ids(place: Path) -> Iterator[str]:
    from pyarrow import parquet

    for part in _parts(place):
        yield from parquet.ParquetFile(part).read(["trial_id"])["trial_id"].to_pylist()


def _columns_in(place: Path) -> list[str]:
    from pyarrow import parquet

    parts = _parts(place)
    return list(parquet.read_schema(parts[0]).names) if parts else []
