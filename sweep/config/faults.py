"""Turns pydantic's errors into faults in our own words, at the user's places."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sweep.components.registry import STOP_RULES
from sweep.config.parameters.axis import Block
from sweep.config.parameters.choice import tag_of
from sweep.config.parameters.topology import is_one_topology
from sweep.config.sweepfile import is_one_zip
from sweep.config.yaml_source import Document, TreePath, dotted
from sweep.errors import Fault, nearest, nearest_word

_TYPES = {
    "float_type": "be a number",
    "int_type": "be a whole number",
    "int_from_float": "be a whole number",
    "bool_type": "be true or false",
    "string_type": "be text",
    "list_type": "be a list",
    "dict_type": "be a mapping",
    "model_type": "be a mapping",
    "model_attributes_type": "be a mapping",
    "finite_number": "be finite",
    "missing": "be given",
}
_BOUNDS = {
    "greater_than": ("be > {}", "gt"),
    "greater_than_equal": ("be >= {}", "ge"),
    "less_than": ("be < {}", "lt"),
    "less_than_equal": ("be <= {}", "le"),
    "too_short": ("hold at least {} value(s)", "min_length"),
    "too_long": ("hold at most {:,} values", "max_length"),
    "literal_error": ("be one of {}", "expected"),
}


MAX_FAULTS = 100
SYNONYMS = {
    "lr": "learning_rate",
    "eta": "learning_rate",
    "lr_schedule": "learning_rate_schedule",
    "scheduler": "learning_rate_schedule",
    "schedule": "learning_rate_schedule",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "hidden": "topology",
    "hidden_layers": "topology",
    "layers": "topology",
    "widths": "topology",
    "sizes": "topology",
    "model": "network",
    "module": "network",
    "act": "activation",
    "opt": "optimizer",
    "optim": "optimizer",
    "wd": "weight_decay",
    "l2": "weight_decay",
    "l1": "weight_l1",
    "dropout": "hidden_dropout",
    "init": "initialiser",
    "initializer": "initialiser",
    "weights": "initialiser",
    "criterion": "loss",
    "objective": "loss",
    "noise": "input_noise",
    "clip": "gradient_clip",
    "grad_clip": "gradient_clip",
    "data": "dataset",
    "precision": "dtype",
    "shuffle": "sample_order",
    "seeds": "replicates",
    "n_seeds": "replicates",
    "repeats": "replicates",
    "runs": "replicates",
    "gpus": "gpus_per_pack",
    "cpus": "cpus_per_pack",
    "n_jobs": "workers",
    "eps": "epsilon",
    "alpha": "rho",
}
"""What others call a key, by which nearest spelling finds nothing or the wrong one."""
ELSEWHERE = {
    "epochs": "convergence.epochs",
    "n_epochs": "convergence.epochs",
    "max_epochs": "convergence.max_epochs",
    **{name: f"convergence.{name}" for name in STOP_RULES},
    **{key: f"convergence.{r.name}.{key}" for r in STOP_RULES.values() for key in r.misplaced},
    "momentum": "optimizer.momentum",
    "nesterov": "optimizer.nesterov",
    "epsilon": "optimizer.epsilon",
    "seeds": "grid.replicates",
    "replicates": "grid.replicates",
    "validation": "dataset.validation",
    "engine": "resources.engine",
    "workers": "resources.workers",
    "gpu": "resources.gpu",
}
"""Where keys stand that are not found where they are given."""


def faults_of(error: ValidationError, document: Document, model: type[Block]) -> list[Fault]:
    """Return a fault for each thing that pydantic found wrong in the document's tree, up to 100."""
    errors = error.errors(include_url=False)[:MAX_FAULTS]
    meant = set(filter(None, (_meant(details, model) for details in errors)))
    return [
        _fault(details, document, model)
        for details in errors
        if not (details["type"] == "missing" and details["loc"] in meant)
    ]


def meant_keys(error: ValidationError, model: type[Block]) -> set[str | int]:
    """Return the keys that unknown ones were likely meant to be."""
    found = (_meant(details, model) for details in error.errors(include_url=False))
    return {location[-1] for location in found if location}


def paths_of(error: ValidationError, document: Document) -> list[TreePath]:
    """Return the path into the document's tree of each thing wrong."""
    return [_path(details, document.tree) for details in error.errors(include_url=False)]


def written(value: object) -> str:
    """Write a value as a user would, shortened."""
    plain = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return plain[value]
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fault(details: ErrorDetails, document: Document, model: type[Block]) -> Fault:
    path = _path(details, document.tree)
    kind, context = details["type"], details.get("ctx", {})
    got = None if kind == "missing" else written(context.get("got", details["input"]))
    must, hint = _must(details), context.get("hint")
    if kind == "extra_forbidden":
        words = _words_at(details, model)
        must, got = f"be one of {', '.join(words)}", written(path[-1])
        hint = _hint(str(path[-1]), words)
    if kind == "literal_error":
        hint = nearest(str(details["input"]), _words(context["expected"]).split(", "))
    return Fault(where=document.where(path), key=dotted(path), must=must, got=got, hint=hint)


def _hint(key: str, words: Sequence[str]) -> str:
    """Return what to write for an unknown key, where that can be guessed."""
    meant = SYNONYMS.get(key.lower())
    if meant in words:
        return f"did you mean {meant!r}?"
    if key.lower() in ELSEWHERE:
        return f"give {ELSEWHERE[key.lower()]}"
    return nearest(key, words) or "there is no such key here"


def _words_at(details: ErrorDetails, model: type[Block]) -> list[str]:
    """Return the keys known where an unknown one was found."""
    return list(_model_at(model, details["loc"][:-1]).model_fields)


def _meant(details: ErrorDetails, model: type[Block]) -> tuple[str | int, ...] | None:
    """Return the location that an unknown key was likely meant to have."""
    if details["type"] != "extra_forbidden":
        return None
    *outer, key = details["loc"]
    words = _words_at(details, model)
    synonym = SYNONYMS.get(str(key).lower())
    word = synonym if synonym in words else nearest_word(str(key), words)
    return (*outer, word) if word else None


def _must(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "must":
        return str(context["must"])
    if kind in _BOUNDS:
        template, name = _BOUNDS[kind]
        bound = context[name]
        text = _words(bound) if isinstance(bound, str) else bound
        return template.format(f"{text:g}" if isinstance(text, float) else text)
    return _TYPES.get(kind, f"be right: {details['msg']}")


def _words(expected: str) -> str:
    """Return pydantic's "'a', 'b' or 'c'" as "a, b, c"."""
    return expected.replace("'", "").replace(" or ", ", ")


def _path(details: ErrorDetails, tree: Any) -> TreePath:
    location, context = details["loc"], details.get("ctx", {})
    path = locate((*location, context["step"]) if "step" in context else location, tree)
    return (*path, location[-1]) if details["type"] == "missing" else path


def locate(location: Sequence[str | int], tree: Any) -> TreePath:
    """Walk pydantic's location through the tree, past the steps that only pydantic takes."""
    path: list[str | int] = []
    node = tree
    for step in location:
        if _leads_on(node, step, path):
            path.append(step)
            node = node[step]
    return tuple(path)


def _leads_on(node: Any, step: str | int, path: list[str | int]) -> bool:
    if isinstance(node, dict):
        return step in node
    single = (path[-1:] == ["topology"] and is_one_topology(node)) or (
        path[-1:] == ["zip"] and is_one_zip(node)
    )
    return isinstance(node, list) and isinstance(step, int) and step < len(node) and not single


def _model_at(model: type[Block], location: Sequence[str | int]) -> type[Block]:
    """Return the model that pydantic was in at a location."""
    tags = {tag_of(block): block for block in _descendants(Block)}
    for step in location:
        if step in tags:
            model = tags[str(step)]
        elif step in model.model_fields:
            inner = next(_blocks_in(model.model_fields[str(step)].annotation), None)
            model = inner or model
    return model


def _descendants(block: type[Block]) -> Iterator[type[Block]]:
    for child in block.__subclasses__():
        yield child
        yield from _descendants(child)


def _blocks_in(annotation: Any) -> Iterator[type[Block]]:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield annotation
    for inner in get_args(annotation):
        yield from _blocks_in(inner)


def without(tree: Mapping[str, Any], path: TreePath) -> dict[str, Any]:
    """Return the tree without the parameter that holds `path`, so that the rest can be checked."""
    pruned = dict(tree)
    head, *rest = path or ("",)
    block = pruned.get(str(head))
    if head == "grid" and isinstance(block, list) and rest:
        index, *inner = rest
        pruned["grid"] = [_less(b, inner) if i == index else b for i, b in enumerate(block)]
    elif head in ("fixed", "grid", "resources", "record") and isinstance(block, dict) and rest:
        pruned[str(head)] = _less(block, rest)
    else:
        pruned.pop(str(head), None)
    return pruned


def _less(block: Any, path: Sequence[str | int]) -> Any:
    if not isinstance(block, dict) or not path:
        return {}
    return {key: value for key, value in block.items() if key != path[0]}
