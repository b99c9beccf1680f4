"""A scheduler as an option of the command line: `asha,eta=4,first_rung=20`."""

from typing import Any

from pydantic import ValidationError

from sweep.config.faults import faults_of
from sweep.config.parameters.axis import Block
from sweep.config.scheduler import Rungs, Scheduler
from sweep.config.yaml_source import Document, parse_document
from sweep.errors import ConfigError


class _Asked(Block):
    scheduler: Scheduler


def parse_scheduler(text: str, *, where: str) -> Rungs:
    """Return the scheduler that is asked for as `asha,eta=4,first_rung=20`.

    Raises:
        ConfigError: with every fault of it.
    """
    name, *options = text.split(",")
    tree: dict[str, Any] = {"name": name.strip()}
    for option in options:
        key, given, value = option.partition("=")
        if not given:
            must = "be NAME[,KEY=VALUE…], such as asha,eta=4"
            raise ConfigError.of(where, must, key="--scheduler", got=repr(text))
        tree[key.strip()] = parse_document(value, source=where).tree
    document = Document(where, {"scheduler": tree})
    try:
        return _Asked.model_validate(document.tree).scheduler
    except ValidationError as error:
        faults = faults_of(error, document, _Asked)
    raise ConfigError(faults)
