"""`sweep run`: train what a sweep file asks for and is not yet in the table."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep.cli.commands.plan import warn_of_machine
from sweep.cli.console import INTERRUPTED, say
from sweep.cli.options import failure_options, plugin_options
from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.planning import Plan
    from sweep.reports.beside import ReportProcess
    from sweep.reports.recorded import Asked
    from sweep.running.options import RunSummary
    from sweep.store.places.layout import ResultsDir
    from sweep.store.places.remote import AnyPath

MOST_SHOWN = 10
KINDS_SHOWN = 5
TO_PRINT = ("validation_loss", "fixed_epochs", "data_fingerprint")
"""Columns that the best settings go by, beside what varies and how trials ended."""
PROPOSER_SHARE = 0.05
"""Of a run's time, from which on it is said what proposing the points of a search took."""
ENGINES = ["auto", "fused", "torch", "reference"]


@click.command("run")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@click.option("--output", help="Results directory, or its URI in object storage. [results/NAME]")
@click.option("--engine", type=click.Choice(ENGINES), help="What trains a pack. [the file's]")
@click.option("--workers", type=click.IntRange(min=1), help="Packs trained at a time. [all CPUs]")
@click.option("--address", help="Ray cluster: auto or ray://HOST:PORT. [RAY_ADDRESS, else local]")
@click.option("--no-ray", is_flag=True, help="Train in this process, one pack after another.")
@click.option("--retry", type=click.Choice(["failed"]), help="Train again what failed before.")
@click.option("--merge", is_flag=True, help="Add to results of another sweep, too.")
@failure_options
@plugin_options
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON, no table.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def run_command(
    context: click.Context,
    /,
    config: Path,
    overrides: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train every trial of CONFIG that has no row yet.

    OVERRIDES change values of the file, such as convergence.max_epochs=5000. What is finished is
    kept whatever happens: run the same command again to go on, or with a longer grid to add to it.

    Exit code: 0 all well, 1 some trials of CONFIG have failed, now or before, 2 wrong input,
    130 interrupted. A report that cannot be written is a warning.
    """
    beside = _Beside(wanted=not as_json)
    context.call_on_close(beside.end)
    try:
        summary, asked = _run(config, overrides, quiet, given, beside)
    except KeyboardInterrupt:
        click.echo("stopped at once; run the same command to go on", err=True)
        context.exit(INTERRUPTED)
    try:
        _print_summary(summary, asked, as_json, beside)
    except KeyboardInterrupt:
        draws = f"sweep report {shlex.quote(str(summary.output))}"
        say(f"interrupted, but the table is complete; the report is drawn by: {draws}", err=True)
        context.exit(INTERRUPTED)
    if summary.interrupted:
        context.exit(INTERRUPTED)
    context.exit(1 if summary.failed else 0)


class _Beside:
    """The process that writes the report, started once something is known to be trained."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._process: ReportProcess | None = None

    def start(self, directory: "ResultsDir") -> None:
        if self._wanted and self._process is None:
            from sweep.reports.beside import ReportProcess

            self._process = ReportProcess(directory)

    def begin(self) -> None:
        """Have it begin to write, while this process goes on."""
        if self._process:
            self._process.begin()

    def report(self, directory: "ResultsDir") -> "AnyPath":
        """Return the report, written anew unless nothing has changed since it was."""
        if self._process:
            return self._process.written()
        from sweep.reports.beside import current_report

        if current := current_report(directory):
            return current
        from sweep.reports.report import write_report

        return write_report(directory)

    def end(self) -> None:
        if self._process:
            self._process.end()


def _run(
    path: Path,
    overrides: tuple[str, ...],
    quiet: bool,
    given: dict[str, Any],
    beside: _Beside,
) -> tuple["RunSummary", "Asked"]:
    from sweep.config import load_with_text
    from sweep.store.places.layout import ResultsDir

    config, text = load_with_text(path, overrides)
    directory = ResultsDir.at(given["output"] or Path("results") / config.name)
    if isinstance(directory.path, Path) and not directory.exists:
        beside.start(directory)  # there is all to train: let it import while this process does

    from sweep.api import run_sweep
    from sweep.cli.progress import progress_display
    from sweep.reports.recorded import Asked, asked_of_search
    from sweep.running.options import RunOptions

    options = RunOptions(
        output=given["output"],
        engine=given["engine"],
        workers=given["workers"],
        address=given["address"],
        use_ray=not given["no_ray"],
        retry_failed=given["retry"] == "failed",
        merge=given["merge"],
        max_failed=given["max_failed"],
        config_text=text,
        overrides=overrides,
    )
    plans: list[Plan] = []
    with progress_display(quiet=quiet) as display:

        def on_plan(plan: "Plan") -> None:
            plans.append(plan)
            address, alone = given["address"], given["no_ray"]
            _announce(plan, [] if alone else warn_of_machine(plan, None, address))
            if plan.missing:
                display.start()
                beside.start(directory)

        summary = run_sweep(config, options, on_plan=on_plan, on_progress=display.show)
    if config.search and config.search.optuna and not summary.interrupted:
        return summary, asked_of_search(ResultsDir(summary.output), config.name)
    cells = plans[0].grid.cells
    return summary, Asked(cells.trial_ids, cells.path_ids)


def _announce(plan: "Plan", lacking: Sequence[str]) -> None:
    for text in (*(warning.text for warning in plan.warnings), *lacking):
        say(f"warning: {text}", err=True)
    text = f"{plan.missing:,} trials to train, {plan.done:,} done already"
    if plan.derived:
        text += f", {plan.derived:,} derived from finished trainings"
    if plan.others:
        text += f"; {plan.others:,} more in the table, which this file does not ask for, are kept"
    if plan.missing or plan.derived or plan.others:
        say(f"{plan.config.name}: {text}", err=True)


def _print_summary(summary: "RunSummary", asked: "Asked", as_json: bool, beside: _Beside) -> None:
    from sweep.running.record import note_end

    lines = describe_summary(summary)
    for line in lines:
        say(line, err=True)
    record = asdict(summary) | {"output": str(summary.output)}
    stopped = summary.interrupted or summary.gave_up
    note_end(lines[1 if stopped else 0], record)
    if as_json:
        click.echo(json.dumps(record))
    elif not stopped:
        _print_results(summary, asked, beside)


def _print_results(summary: "RunSummary", asked: "Asked", beside: _Beside) -> None:
    beside.begin()
    from sweep.cli.commands.results import print_table
    from sweep.reports.population import population_of
    from sweep.reports.rejudging import read_telling
    from sweep.reports.settings import best_rows
    from sweep.store.places.layout import ResultsDir

    directory = ResultsDir(summary.output)
    trials = read_telling(directory, columns=TO_PRINT)
    counted = population_of(trials, asked).trials
    if len(counted):
        title, best = best_rows(counted, most=MOST_SHOWN)
        say(title)
        print_table(best, trials["trial_id"], elsewhere="the report shows")
    say(f"table:  {directory.trials}, {len(trials):,} trials: sweep results {directory.path}")
    try:
        lines = _report(directory, beside)
    except Exception as error:  # whatever is wrong with a report, what was trained is kept
        say(_unreported(directory, error), err=True)
    else:
        for line in lines:
            say(line)


def _report(directory: "ResultsDir", beside: _Beside) -> list[str]:
    """Have the report written, and return lines on what was found and where it lies."""
    from sweep.reports.findings.record import findings_beside, in_brief, read_findings

    report = beside.report(directory)
    found = found_lines(in_brief(read_findings(findings_beside(report))))
    return [*found, f"report: {shown_report(report)}"]


def _unreported(directory: "ResultsDir", error: Exception) -> str:
    why = str(error) if isinstance(error, SweepError) else f"{type(error).__name__}: {error}"
    again = f"sweep report {shlex.quote(str(directory.path))}"
    return f"warning: no report was written, but the table is complete ({why}); again: {again}"


def found_lines(sentences: Sequence[str]) -> list[str]:
    """Return what was found as lines of the end of a run."""
    return [f"{'' if place else 'found:':7} {line}" for place, line in enumerate(sentences)]


def shown_report(report: "AnyPath") -> "AnyPath":
    """Return the report to look at: the page beside it, if there is one."""
    page = report.with_name(f"{report.stem}.html")
    return page if page.is_file() else report


def describe_summary(summary: "RunSummary") -> list[str]:
    """Describe in a few lines what a run did and how to go on."""
    stopped = summary.interrupted or summary.gave_up
    if not summary.trained and not stopped:
        held = summary.skipped + summary.derived
        text = f"nothing to train: all {held:,} trials are in {summary.output}"
    else:
        text = f"trained {summary.trained - summary.cancelled:,} trials in {summary.seconds:.0f} s"
    notes = {
        "already done": summary.skipped if summary.trained or stopped else 0,
        "derived": summary.derived,
        "diverged": summary.diverged,
        "failed": summary.failed,
        "cancelled": summary.cancelled,
        "pruned": summary.pruned,
    }
    text += "".join(f", {count:,} {name}" for name, count in notes.items() if count)
    lines = [text]
    share = summary.proposer_seconds / summary.seconds if summary.seconds else 0.0
    if share > PROPOSER_SHARE:
        lines.append(f"the proposer took {share:.0%} of the time")
    if summary.interrupted:
        lines.append(f"interrupted with {summary.missing:,} to go; run the same command to go on")
    elif summary.gave_up:
        lines.append(
            f"stopped with {summary.missing:,} to go, as more failed than --max-failed allows; run "
            "the same command to go on with the others"
        )
    if summary.failed:
        lines += describe_failures(summary)
        lines.append("--retry failed trains the failed ones again")
    return lines


def describe_failures(summary: "RunSummary") -> list[str]:
    """Return a line for the first error of each kind."""
    where = shlex.quote(str(summary.output))
    lines = [
        f"{kind.trials:,} failed: {kind.error} (sweep show {kind.trial_id} --results {where})"
        for kind in summary.failures[:KINDS_SHOWN]
    ]
    more = len(summary.failures) - len(lines)
    return [*lines, f"and {more:,} other errors"] if more else lines
