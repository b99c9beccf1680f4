"""Writes a plan for people: what will be trained, in which packs, and what it takes."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from sweep.printable import printable_line

if TYPE_CHECKING:
    from sweep.datasets import Data
    from sweep.planning import Plan
    from sweep.planning.explanation import Factor, GridOutline
    from sweep.running.estimate import TimeEstimate
    from sweep.store.places.remote import AnyPath

WIDTH = 80
INDENT = 14
GRIDS_SHOWN = 6
STOPS_SHOWN = 3
LEVELS_SHOWN = 8
DATASETS_NAMED = 4
TABLES_NAMED = 3
UNITS = (("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))
KIND = "kind of network, whose trials can train side by side"
KINDS = "kinds of network, the trials of each can train side by side"
CPUS = "every worker has a CPU to itself"


def describe_plan(plan: "Plan", directory: "AnyPath") -> str:
    """Write the plan for people, a subject a line, in 80 columns where names allow."""
    sections = {
        "data": _data_lines(plan.data),
        "search": _search_lines(plan),
        "trials": _trial_lines(plan),
        "stop": _stop_lines(plan),
        "done": [f"{plan.done:,} in {printable_line(str(directory))}"],
        "derived": [f"{plan.derived:,} from finished trainings"] if plan.derived else [],
        "to train": [_training_text(plan)],
    }
    if plan.missing:
        sections |= {
            "pack keys": [f"{plan.keys:,} {KINDS if plan.keys != 1 else KIND}"],
            "packs": [f"{len(plan.planned_packs):,} for {plan.workers:,} workers"],
            "engines": [_counts(plan.engines), *_engine_reasons(plan)],
            "epochs": [f"at most {plan.max_epochs:,}"],
            "disk": [_disk_text(plan.disk)],
        }
    lines = (line for title, texts in sections.items() for line in _section(title, texts))
    return "\n".join([printable_line(plan.config.name), *lines])


def what_next(plan: "Plan", directory: "AnyPath", words: Sequence[str], *, estimated: bool) -> str:
    """Return what to do next: the command that trains the plan, and the one that says how long.

    Args:
        plan: the plan.
        directory: of its results.
        words: what `sweep plan` was given: the file, overrides and options.
        estimated: whether it was said how long it takes.
    """
    given = " ".join(map(shlex.quote, words))
    if not plan.missing:
        return f"next: nothing is left to train; sweep report {shlex.quote(str(directory))}"
    run = f"next: sweep run {given}"
    return (
        run if estimated else f"{run}\n      sweep plan {given} --estimate says how long it takes"
    )


def _section(title: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield lines of 80 columns, the first of them behind a title."""
    pieces = [piece for text in texts for piece in _wrapped(text)]
    for place, piece in enumerate(pieces):
        yield f"  {'' if place else title:{INDENT - 4}}  {piece}"


def _wrapped(text: str) -> list[str]:
    """Break a text between words, what follows its first line further in."""
    width = WIDTH - INDENT
    return wrap(
        text,
        width,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _trial_lines(plan: "Plan") -> list[str]:
    """Return the number of trials, as the product of what varies."""
    from sweep.planning.explanation import outline_grid

    if plan.search:
        return [f"{plan.trials:,}"]
    outlines = [outline_grid(product) for product in plan.grid.products]
    if len(outlines) == 1:
        return [_product_text(outlines[0]), *map(_factor_text, outlines[0].factors)]
    lines = [f"{plan.trials:,} in {len(outlines):,} grids, what they share counted once"]
    lines += [f"grid {n}: {_product_text(outline)}" for n, outline in enumerate(outlines)]
    more = len(outlines) - GRIDS_SHOWN
    return lines if more <= 1 else [*lines[: GRIDS_SHOWN + 1], f"and {more:,} grids more"]


def _product_text(outline: "GridOutline") -> str:
    factors = " × ".join(f"{f.size:,} {printable_line(f.title)}" for f in outline.factors)
    less = f", less {outline.excluded:,} excluded" if outline.excluded else ""
    return f"{outline.trials:,}" + (f" = {factors}{less}" if factors else "")


def _factor_text(factor: "Factor") -> str:
    levels = [printable_line(level) for level in factor.levels]
    if not levels:
        return f"{printable_line(factor.title)}: {factor.size:,} values"
    if len(levels) > LEVELS_SHOWN:
        levels = [*levels[: LEVELS_SHOWN - 2], "…", levels[-1]]
    return f"{printable_line(factor.title)}: {' | '.join(levels)}"


def _stop_lines(plan: "Plan") -> list[str]:
    """Return what ends a trial, whatever comes first."""
    from sweep.planning.explanation import describe_stops

    found = describe_stops([product.source for product in plan.grid.products])
    more = len(found) - STOPS_SHOWN
    if more <= 1:
        return list(found)
    return [*found[:STOPS_SHOWN], f"and {more:,} others"]


def _training_text(plan: "Plan") -> str:
    if plan.paths == plan.missing:
        return f"{plan.missing:,}"
    return (
        f"{plan.missing:,} by {plan.paths:,} trainings, one for all that differ in stop rules alone"
    )


def _search_lines(plan: "Plan") -> list[str]:
    """Return what is searched, a dimension a line; nothing where all combinations are trained."""
    if plan.search is None:
        return []
    found = plan.search
    points = f"{found.budget:,} points"
    if found.distinct is None:
        points += " proposed by results; what follows is of as many at random"
    else:
        points += f", {found.distinct:,} of them distinct"
    head = f"{found.proposer}: {points}, {len(found.dimensions):,} dimensions"
    return [head, *(printable_line(text) for text in found.dimensions)]


def _engine_reasons(plan: "Plan") -> list[str]:
    """Return why these engines were chosen, unless fused trains everything."""
    asked = plan.config.resources.engine
    if asked != "auto":
        return [f"as resources asks: engine {asked}"] if plan.missing else []
    reasons = (f"{printable_line(what)} {count:,}" for what, count in plan.unfused.items())
    return [f"fused does not take {', '.join(reasons)}"] if plan.unfused else []


def _data_lines(datasets: "Sequence[Data]") -> list[str]:
    named = [describe_data(data) for data in datasets[:DATASETS_NAMED]]
    more = len(datasets) - len(named)
    return [*named, f"and {more:,} more"] if more else named


def describe_data(data: "Data") -> str:
    """Say what a data set holds, in a line."""
    held = data.validation_inputs
    text = f"{printable_line(data.name)}: {len(data.inputs):,} samples of {data.features:,}"
    return text if held is None else f"{text}, {len(held):,} held out"


def describe_estimate(estimate: "TimeEstimate") -> str:
    """Describe how long training may take, and how that was estimated."""
    from math import ceil

    from sweep.planning.disk import available_cpus
    from sweep.running.wording import clock, magnitude

    most = clock(ceil(estimate.at_most))
    texts = [f"at most about {most}, if all trials reach max_epochs and {CPUS}"]
    if estimate.like_finished:
        quick, middling, slow = (clock(ceil(seconds)) for seconds in estimate.like_finished)
        texts.append(
            f"about {middling} ({quick} to {slow}) if they stop as trials of their pack key did: "
            f"{estimate.finished:,} finished, on {estimate.known:,} of {estimate.kinds:,} keys"
        )
    else:
        texts.append("less if they stop before; no finished trial says when")
    texts.append("training alone; starting Ray adds to it")
    load, cpus = os.getloadavg()[0], available_cpus()
    share = (load + estimate.workers) / cpus
    if load >= 1 and share > 1:
        texts.append(
            f"{share:.1f} times as long at the present load of this machine: "
            f"{load:.1f} beside {estimate.workers:,} workers on {cpus:,} CPUs"
        )
    speed = f"{magnitude(estimate.epochs_per_second)} epochs/s of all workers"
    pilot = f"{estimate.timed:,} of {estimate.kinds:,} pack keys timed: {speed}"
    return "\n".join([*_section("pilot", [pilot]), *_section("time", texts)])


def _disk_text(sizes: Mapping[str, int]) -> str:
    """Describe the disk space that results take, and the largest tables."""
    largest = sorted(sizes, key=lambda name: -sizes[name])[:TABLES_NAMED]
    named = ", ".join(f"{name} {_bytes_text(sizes[name])}" for name in largest)
    return f"at most about {_bytes_text(sum(sizes.values()))} ({named})"


def _bytes_text(size: float) -> str:
    unit, factor = next(((u, f) for u, f in UNITS if size < 999.5 * f), UNITS[-1])
    size /= factor
    return f"{size:,.1f} {unit}" if size < 9.95 else f"{size:,.0f} {unit}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none needed"
