"""Reads a sweep file into a validated sweep, or says everything that is wrong with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep.config.faults import MAX_FAULTS, faults_of, locate, meant_keys, paths_of, without
from sweep.config.grids.expansion import DECIDED
from sweep.config.grids.values import Problem
from sweep.config.overrides import apply_overrides
from sweep.config.parameters.axis import MAX_VALUES, values_in_ranges
from sweep.config.plain_values import plain
from sweep.config.sweepfile import SweepConfig
from sweep.config.yaml_source import Document, dotted, parse_document, read_text
from sweep.errors import ConfigError, Fault
from sweep.plugins.sources import make_importable


def load_config(path: Path, overrides: Sequence[str] = ()) -> SweepConfig:
    """Read a sweep file.

    The folder of the file and the current one are searched for the user's own code.

    Args:
        path: the YAML file.
        overrides: `key=value` texts that set parts of it, such as `grid.learning_rate=[0.1, 0.01]`.

    Raises:
        ConfigError: with every fault found.
    """
    return load_with_text(path, overrides)[0]


def load_with_text(path: Path, overrides: Sequence[str] = ()) -> tuple[SweepConfig, str]:
    """Read a sweep file; return the sweep, and the file as written, as of the same moment.

    Arguments and errors are those of `load_config`.
    """
    text = read_text(path)
    document = parse_document(text, source=str(path))
    make_importable(Path.cwd(), path.parent)
    return validate(apply_overrides(document, overrides)), text


def parse_config(
    sweep: Mapping[str, Any] | str, overrides: Sequence[str] = (), *, source: str = "sweep"
) -> SweepConfig:
    """Validate a sweep given as a tree of plain values, or as YAML text.

    Raises:
        ConfigError: with every fault found.
    """
    if isinstance(sweep, str):
        document = parse_document(sweep, source=source)
    else:
        document = Document(source, plain(sweep, source=source))
    make_importable(Path.cwd())
    return validate(apply_overrides(document, overrides))


def validate(document: Document) -> SweepConfig:
    """Return the sweep that a document asks for.

    Where parts are wrong, the rest is checked without them: all faults are reported at once.

    Raises:
        ConfigError: with every fault found.
    """
    if not isinstance(document.tree, dict):
        got = "nothing" if document.tree is None else repr(document.tree)[:60]
        must = "hold a mapping with name, dataset, fixed, grid and convergence"
        raise ConfigError.of(document.where(()), must, got=got)
    values = values_in_ranges(document.tree)
    if values > MAX_VALUES:
        must = f"hold at most {MAX_VALUES:,} values in its ranges, all together"
        raise ConfigError.of(document.source, must, got=f"{values:,}")
    try:
        config = SweepConfig.model_validate(document.tree)
    except ValidationError as error:
        faults = faults_of(error, document, SweepConfig)
        more = error.error_count() - MAX_FAULTS
        if more > 0:
            must, got = "have these mended first", f"{more:,} more faults"
            faults.append(Fault(where=document.source, key="", must=must, got=got))
            raise ConfigError(faults) from error
        faults += _faults_of_the_rest(error, document)
        raise ConfigError(sorted(faults, key=_line)) from None
    problems = config.expansion.problems
    if problems:
        faults = [_fault(problem, document) for problem in problems]
        raise ConfigError(sorted(faults, key=_line))
    return config


def _line(fault: Fault) -> int:
    _, _, line = fault.where.rpartition(":")
    return int(line) if line.isdecimal() else 0


def _faults_of_the_rest(error: ValidationError, document: Document) -> list[Fault]:
    """Return the faults that show where the valid parts meet."""
    tree = {"name": "unnamed", **document.tree}
    wrong = paths_of(error, document)
    for path in sorted(wrong, key=len, reverse=True):
        tree = without(tree, path)
    try:
        config = SweepConfig.model_validate({"name": "unnamed", **tree})
    except ValidationError:
        return []
    if any(path[:1] == ("search",) for path in wrong):  # which says what values may be
        return []
    judged = {step for path in wrong for step in path[:3]} | meant_keys(error, SweepConfig)
    if "network" in judged:  # which would decide them
        judged |= {"topology", *DECIDED}
    problems = config.expansion.problems
    known = (p for p in problems if p.key not in judged and "zip" not in p.path)
    return [_fault(problem, document) for problem in known]


def _fault(problem: Problem, document: Document) -> Fault:
    path = locate(problem.path, document.tree)
    return problem.fault(document.where(path), dotted(path))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a sweep file."""
    schema = SweepConfig.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Sweep file",
    }
