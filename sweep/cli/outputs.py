"""The JSON Schema of what commands print with `--json`, derived from the classes it is made of."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import GenericAlias
from typing import Any, Literal, get_type_hints

from pydantic import ConfigDict, TypeAdapter, create_model

from sweep.errors import ConfigError, nearest

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
Field = tuple[Any, Any]
NAMED = {"string": "string", "double": "number", "int64": "integer", "int8": "integer"}
"""JSON's types by Arrow's; booleans are booleans, times are texts."""


def output_schema(command: str) -> Schema:
    """Return the schema of a command's JSON.

    Raises:
        ConfigError: it prints none.
    """
    make = OUTPUTS.get(command)
    if make is None:
        known = ", ".join(OUTPUTS)
        hint = nearest(command, list(OUTPUTS))
        raise ConfigError.of("--output", f"be one of {known}", got=repr(command), hint=hint)
    return {"$schema": DIALECT, **make(), "title": f"What sweep {command} prints as JSON"}


def _plan() -> Schema:
    from sweep.planning.explanation import GridOutline
    from sweep.planning.searches import SearchSummary
    from sweep.running.estimate import TimeEstimate

    trials = _required(int, "trials", "done", "derived", "missing", "paths")
    packs = _required(int, "pack_keys", "packs", "workers", "max_epochs")
    return _object(
        "Plan",
        {
            "name": (str, ...),
            "search": (SearchSummary, OPTIONAL),
            "grids": (list[GridOutline], ...),
            "stops": (list[str], ...),
            **trials,
            **packs,
            "engines": (dict[str, int], ...),
            "unfused": (dict[str, int], ...),
            "disk_bytes": (dict[str, int], ...),
            "datasets": (list[str], ...),
            "output": (str, ...),
            "warnings": (list[str], ...),
            "rungs": (list[int], OPTIONAL),
            "estimate": (TimeEstimate | None, OPTIONAL),
        },
    )


def _run() -> Schema:
    from sweep.running.options import RunSummary

    return _object("Run", fields_of(RunSummary, output=str))


def _status() -> Schema:
    from sweep.reports.progress import SweepStatus

    here = _model("Status", fields_of(SweepStatus) | {"latest": (str | None, ...)})
    progress = {"latest": (str, ...), "progress": (dict[str, Any] | None, ...)}
    there = _model("Job", _job_fields() | progress)
    return _schema_of(here | there)


def _jobs() -> Schema:
    return _schema_of(_many(_model("Job", _job_fields())))


def _job_fields() -> dict[str, Field]:
    from sweep.jobs.control import SweepJob

    return fields_of(SweepJob) | {"outcome": (int, ...)}


def _results() -> Schema:
    """Rows, each with the columns that were asked for."""
    from sweep.store.places.layout import TableName
    from sweep.store.tables.schema import SCHEMAS

    properties = {
        item.name: {
            "type": [_json_type(item), "null"],
            "description": (item.metadata or {}).get(b"doc", b"").decode(),
        }
        for item in SCHEMAS[TableName.TRIALS]
    }
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def _query() -> Schema:
    """Rows whose columns are those that the SQL names."""
    return {"type": "array", "items": {"type": "object"}}


def _show() -> Schema:
    trial: Schema = _results()["items"]
    point = {
        "phase": (int, ...),
        "epoch": (int, ...),
        "loss": (float | None, OPTIONAL),
        "validation_loss": (float | None, OPTIONAL),
    }
    curve = {"type": "array", "items": _object("Point", point)}
    properties = trial["properties"] | {"curve": curve}
    required = ["trial_id", "status", "epochs", "curve"]
    return {"type": "object", "properties": properties, "required": required}


def _codes() -> Schema:
    from sweep.studies.codes.measures import Measures, Order
    from sweep.studies.codes.page import CodeDistances

    matrix = (list[list[float]], ...)
    record = {
        "source": (str, ...),
        "topology": (str, ...),
        "layer": (int, ...),
        "kept": (bool, ...),
        **fields_of(Order),
        "codes": matrix,
        "activations": matrix,
        **fields_of(Measures),
        "injective": (bool, ...),
        "against": (CodeDistances, OPTIONAL),
    }
    return _schema_of(_many(_model("Codes", record)))


def _replay() -> Schema:
    shares: dict[str, Field] = {
        name: (float | None, ... if name in ("saved", "regret") else OPTIONAL)
        for measure in ("saved", "top_kept", "winner_kept", "regret")
        for name in (measure, f"{measure}_low", f"{measure}_high")
    }
    record: dict[str, Field] = {
        "replayed": (str, ...),
        "dataset": (str, ...),
        "loss": (str, ...),
        "settings": (int, ...),
        "epochs": (int, ...),
        **shares,
        "winner_kept_share": (float | None, OPTIONAL),
    }
    return _schema_of(_many(_model("Replay", record)))


def _verify() -> Schema:
    from sweep.reports.verification import Sample
    from sweep.training.verification.verdicts import Verdict

    verdict = _model("Verdict", fields_of(Verdict) | {"holds": (bool | None, ...)})
    return _object("Verification", {"sample": (Sample, ...), "trials": (_many(verdict), ...)})


def _doctor() -> Schema:
    from sweep.store.inspection import FileProblem

    problem = _model("FileProblem", fields_of(FileProblem, path=str))
    lists = {"problems": (_many(problem), ...), "set_aside": (list[str], ...)}
    return _object("Doctor", {"results": (str, ...), **lists})


def _compare() -> Schema:
    interval = _required(float | None, "value", "low", "high")
    counted = _model("Share", _required(int, "count", "of") | interval)
    loss = _model("Loss", {"name": (str, ...), **interval})
    texts = _required(str, "letter", "name", "results")
    counts = _required(int, "trials", "failed", "missing")
    outcome = {"converged": (counted, ...), "diverged": (counted, ...), "loss": (loss, ...)}
    side = _model("Side", texts | counts | outcome)
    values = {"values": (dict[str, list[str]], ...)}
    difference = _model("Difference", _required(str, "kind", "name") | values)
    record = {
        "format": (Literal[1], ...),
        "level": (float, ...),
        "intervals": (int, ...),
        "sweeps": (_many(side), ...),
        "differences": (_many(difference), ...),
        "contrasts": (list[dict[str, Any]], ...),
    }
    return _object("Comparison", record)


OUTPUTS: Mapping[str, Callable[[], Schema]] = {
    "plan": _plan,
    "run": _run,
    "status": _status,
    "results": _results,
    "query": _query,
    "show": _show,
    "codes": _codes,
    "compare": _compare,
    "replay": _replay,
    "jobs": _jobs,
    "verify": _verify,
    "doctor": _doctor,
}
"""By command, what describes its JSON; `sweep results` prints it with `--format json`."""

OPTIONAL: Any = None
"""Stands for a key that may be missing, as `...` for one that is always there."""


def fields_of(record: type, **instead: Any) -> dict[str, Field]:
    """Return the fields of a dataclass as a model takes them, some of other types."""
    assert is_dataclass(record)
    hints = get_type_hints(record) | instead
    return {item.name: (hints[item.name], ...) for item in fields(record)}


def _required(kind: Any, *names: str) -> dict[str, Field]:
    return dict.fromkeys(names, (kind, ...))


def _model(name: str, record: Mapping[str, Field]) -> Any:
    given: dict[str, Any] = dict(record)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **given)


def _many(model: Any) -> Any:
    return GenericAlias(list, (model,))


def _object(name: str, record: Mapping[str, Field]) -> Schema:
    return _schema_of(_model(name, record))


def _schema_of(kind: Any) -> Schema:
    return TypeAdapter(kind).json_schema(mode="serialization")


def _json_type(item: Any) -> str:
    kind = str(item.type)
    return "boolean" if kind == "bool" else NAMED.get(kind, "string")
