"""`sweep prune`: remove the trials of a table that no sweep file asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say
from sweep.cli.options import plugin_options

if TYPE_CHECKING:
    import pandas as pd

    from sweep.config import SweepConfig
    from sweep.reuse.pruning import Pruning
    from sweep.store.places.layout import ResultsDir


@click.command("prune")
@click.argument("results")
@click.argument("files", metavar="[FILE [OVERRIDE]...]...", nargs=-1)
@click.option("--finished", is_flag=True, help="Remove trials that finished or diverged, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@plugin_options
def prune_command(results: str, files: tuple[str, ...], finished: bool, yes: bool) -> None:
    """Remove the trials in RESULTS that none of the sweep FILEs asks for, with all kept of them.

    Without a FILE, what counts is the file of each sweep as it was last run, with the OVERRIDES of
    all its runs.
    Removed is what failed or was cancelled; with --finished, also what ended by itself. A trial is
    kept if one that is asked for is to go on from its state, or could not without it. Shows what it
    would remove, and asks.

    Exit code: 0, 1 you said no, 2 wrong input.
    """
    from sweep.cli.places import find_results
    from sweep.reuse.pruning import find_unwanted, recorded_configs

    directory = find_results(results)
    configs = _configs(files) if files else recorded_configs(directory)
    pruning = find_unwanted(directory, configs, ended=finished)
    for line in describe_pruning(pruning):
        say(f"{directory.path}: {line}")
    if pruning.removed.empty:
        return
    if not yes:
        count = len(pruning.removed)
        click.confirm(f"Remove {count:,} trials with all that is kept of them?", abort=True)
    _remove(directory, configs, pruning, finished=finished)
    say(f"{directory.path}: {len(pruning.removed):,} trials removed")


def _configs(words: Sequence[str]) -> list["SweepConfig"]:
    """Read sweep files, each with the overrides that follow it."""
    from sweep.config import load_config

    files: list[tuple[Path, list[str]]] = []
    for word in words:
        if "=" in word and files and not Path(word).exists():
            files[-1][1].append(word)
        else:
            files.append((Path(word), []))
    return [load_config(path, overrides) for path, overrides in files]


def describe_pruning(pruning: "Pruning") -> list[str]:
    """Describe in lines which trials are not asked for, and what happens to them."""
    unwanted = len(pruning.removed) + len(pruning.ended) + len(pruning.needed)
    lines = [f"{pruning.trials:,} trials, of which {unwanted:,} are not asked for"]
    if len(pruning.needed):
        lines.append(f"{_counts(pruning.needed)} kept: trials asked for can go on from them")
    if len(pruning.ended):
        lines.append(f"{_counts(pruning.ended)} kept: --finished removes them, too")
    if len(pruning.removed):
        lines.append(f"{_counts(pruning.removed)} to remove")
    return lines


def _counts(trials: "pd.DataFrame") -> str:
    counts = trials["status"].value_counts()
    return ", ".join(f"{count:,} {status}" for status, count in counts.items())


def _remove(
    directory: "ResultsDir", configs: Sequence["SweepConfig"], shown: "Pruning", *, finished: bool
) -> None:
    """Remove what was shown, and the checkpoints that nobody goes on from."""
    from sweep.errors import StoreError
    from sweep.reuse.checkpoint_files import drop_settled
    from sweep.reuse.pruning import find_unwanted
    from sweep.store.tables.reader import done_ids
    from sweep.store.tables.writer import Writer

    with Writer(directory) as writer:
        now = find_unwanted(directory, configs, ended=finished)
        if set(now.removed["trial_id"]) != set(shown.removed["trial_id"]):
            raise StoreError(
                f"{directory.path}: must not change meanwhile (another process has written there); "
                "nothing was removed, run the same command again"
            )
        writer.remove(shown.removed["trial_id"])
        settled = done_ids(directory.path, retry_failed=True) | set(shown.removed["trial_id"])
        drop_settled(directory, settled)
