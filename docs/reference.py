"""Writes docs/config.md and docs/tables.md from the schemas: `python docs/reference.py`."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sweep.components.registry import BASES, FAMILIES
from sweep.config.parameters.components import choices_of
from sweep.config.sweepfile import SweepConfig
from sweep.store.tables.schema import SCHEMAS

DOCS = Path(__file__).parent
CONFIG_HEAD = """# The sweep file

Generated from the schema that `sweep schema` prints; editors that know JSON Schema complete and
check sweep files with it (`# yaml-language-server: $schema=sweep.schema.json` as the first line).

Any parameter takes one value, a list, or a range: `{linear: {from: 0, to: 1, count: 5}}` or
`{log: {from: 1e-4, to: 1e-1, count: 4}}`. What has more than one value belongs in `grid` (or in
`convergence`), and the trials are all combinations; with [`search`](search.md) they are points of
the space, and a number may be drawn from an interval, `{from: 1e-4, to: 1e-1, log: true}`. Keys
of overrides on the command line are joined by dots: `sweep run x.yaml grid.learning_rate=[0.1,0.01]
convergence.max_epochs=5000`. A parameter that
the file has elsewhere leaves that place: `grid.X` replaces `fixed.X` and the other way round, and
`grid.optimizer.momentum=[0,0.9]` takes the rest of a fixed optimizer along into the grid. The data
and the stop rules, which may also stand at the top, go by the same rule. Where the file has a list
of grids, `grid.X` is of all of them, and `grid.0.X` of the first; the others keep what was fixed. A
parameter that leaves a grid leaves its `zip` too.
"""
BARE_TITLE = "Names without options"
PARAMETERS_TITLE = "Parameters of fixed and grid"
TABLES_HEAD = """# The tables

Generated from the schemas of the Parquet files. `results/NAME/trials` and its siblings are
directories of Parquet parts: `pandas.read_parquet("results/NAME/trials")` reads them as they are
once a run has ended, and `sweep.read_trials("results/NAME", columns="all")` at any time, rows still
in the journal included; [querying.md](querying.md) asks them in SQL. A column that does not apply
to a trial is null in its row.
"""
TABLE_INTROS = {
    "trials": "One row a trial.",
    "curves": "The losses that are recorded: at log-spaced epochs, the same for every trial, and "
    "the last 16 of each. The loss of epoch t is taken before its update; with mini-batches it is "
    "the mean over them, weighted by their sizes, of the loss before the update of each.",
    "weights": "The final parameters, one row a trial; `sweep.load_model` makes a network of them.",
    "ladder": "When other stop rules would have been met on the same trajectory: one row for each "
    "rule that was. A rule that is not listed was not met by the trial's last epoch.",
    "gradients": "What probes found at log-spaced epochs, one row for each layer; only with "
    "`record: {gradients: true}`.",
    "codes": "Activations of hidden layers at the saved weights; only with `record: {codes: …}`.",
    "phases": "The phases of trials with pretraining; the last is that of the whole network.",
    "state": "Where a trial left off, one row a trial that can be resumed.",
}


def config_reference() -> str:
    """Return docs/config.md."""
    schema = SweepConfig.model_json_schema()
    definitions = schema["$defs"]
    titles = _titles(definitions)
    bare = {name for name, item in definitions.items() if _is_bare(**item["properties"])}
    places = {n: BARE_TITLE if n in bare else title for n, title in titles.items()}
    links = {name: f"[{titles[name]}](#{_anchor(place)})" for name, place in places.items()}
    shared = definitions["Fixed"]["properties"]
    extras = {k: v for k, v in definitions["Grid"]["properties"].items() if k not in shared}
    parts = [
        CONFIG_HEAD,
        _section("Blocks", schema, links),
        _section(PARAMETERS_TITLE, definitions["Fixed"], links),
        _section("What else grid takes", {"properties": extras}, links),
    ]
    ordered = sorted(definitions.keys() - {"Fixed", "Grid"}, key=lambda n: (titles[n], n))
    for name in (name for name in ordered if name not in bare):
        parts.append(_section(titles[name], definitions[name], links))
    rows: list[tuple[str, ...]] = [
        (titles[n], _line(definitions[n]["description"])) for n in ordered if n in bare
    ]
    parts.append(f"## {BARE_TITLE}\n\n{_table(('name', 'meaning'), rows)}\n")
    return "\n".join(parts)


def _titles(definitions: dict[str, Any]) -> dict[str, str]:
    """Return a heading for each block, that of two of one name with what they are."""
    kinds = {m.__name__: BASES[f].__name__ for f in FAMILIES for m in choices_of(f)}
    titles = {name: _title(name, item) for name, item in definitions.items()}
    twice = {title for title, count in Counter(titles.values()).items() if count > 1}
    for name, title in titles.items():
        if title in twice:
            titles[name] = f"{title} ({kinds.get(name, 'data set').lower()})"
    return titles | {"Fixed": PARAMETERS_TITLE, "Grid": PARAMETERS_TITLE}


def _is_bare(name: Any = None, **options: Any) -> bool:
    """Return whether a block holds nothing but one name."""
    return not options and "const" in (name or {})


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title).replace(" ", "-").lower()


def _line(text: str) -> str:
    return " ".join(text.split())


def table_reference() -> str:
    """Return docs/tables.md."""
    parts = [TABLES_HEAD]
    for name, schema in SCHEMAS.items():
        rows: Sequence[tuple[str, ...]] = [
            (f"`{item.name}`", str(item.type), (item.metadata or {}).get(b"doc", b"").decode())
            for item in schema
        ]
        table = _table(("column", "type", "meaning"), rows)
        parts.append(f"## {name}\n\n{TABLE_INTROS[str(name)]}\n\n{table}\n")
    return "\n".join(parts)


def _title(name: str, item: dict[str, Any]) -> str:
    """Return a heading: the name that a user writes, if the block has one."""
    tag = item.get("properties", {}).get("name", {})
    values = [tag["const"]] if "const" in tag else tag.get("enum", [])
    return ", ".join(values) if values else name


def _section(title: str, item: dict[str, Any], links: dict[str, str]) -> str:
    rows = [_row(key, value, item, links) for key, value in item.get("properties", {}).items()]
    text = item.get("description")
    head = f"## {title}\n\n" + (f"{text}\n\n" if text else "")
    return head + _table(("key", "takes", "default", "meaning"), rows) + "\n"


def _row(
    key: str, value: dict[str, Any], item: dict[str, Any], links: dict[str, str]
) -> tuple[str, ...]:
    kinds = ", ".join(dict.fromkeys(_kinds(value, links)))
    return f"`{key}`", kinds, _default(key, value, item), value.get("description", "")


def _default(key: str, value: dict[str, Any], item: dict[str, Any]) -> str:
    """Return what holds where the key is left out, as a user would write it."""
    if key in item.get("required", []):
        return "required"
    default = value.get("default")
    shown = default[0] if isinstance(default, list) and len(default) == 1 else default
    if shown is None or isinstance(shown, list | dict):
        return ""
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def _kinds(value: dict[str, Any], links: dict[str, str]) -> Iterator[str]:
    """Yield what a value may be, lists, ranges and intervals of it left out."""
    options = value.get("anyOf", value.get("oneOf", [value]))
    references = [option["$ref"].rpartition("/")[2] for option in options if "$ref" in option]
    for name in references:
        yield links[name]
    for option in options:
        if "anyOf" in option or "oneOf" in option:
            yield from _kinds(option, links)
        elif "enum" in option and not references:
            yield " \\| ".join(f"`{choice}`" for choice in option["enum"])
        elif "const" in option and not references:
            yield f"`{option['const']}`"
        elif option.get("type") in {"string", "integer", "number", "boolean"} and not references:
            yield _bounded(option)


def _bounded(option: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {option[key]:g}" for key, sign in signs.items() if key in option]
    return " ".join([str(option["type"]), *limits])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = [[re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row] for row in rows]  # |x| is text
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    (DOCS / "config.md").write_text(config_reference(), "utf-8")
    (DOCS / "tables.md").write_text(table_reference(), "utf-8")
