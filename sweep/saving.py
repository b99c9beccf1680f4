"""Writes a sweep that was made in Python as a sweep file."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.config import SweepConfig, parse_config
from sweep.config.plain_values import plain
from sweep.config.yaml_source import write_yaml
from sweep.errors import ConfigError
from sweep.printable import printable_line
from sweep.scratch import scratch_folder
from sweep.store.arrays import with_files
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir

SUFFIXES = (".yaml", ".yml")


def validated(sweep: Mapping[str, Any]) -> SweepConfig:
    """Return a validated sweep, its arrays as data that are read meanwhile and kept nowhere.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    with scratch_folder("sweep-arrays-") as folder:
        return parse_config(with_files(sweep, ResultsDir(folder)))


def save(sweep: Mapping[str, Any], path: str | Path) -> Path:
    """Write a sweep as a file that asks for the same trials; one that is there is replaced.

    Arrays and data frames are written to the folder `data` beside it, which the file names.

    Args:
        sweep: as `sweep.run` takes it.
        path: the file, which ends in .yaml.

    Returns:
        The file.

    Raises:
        ConfigError: with everything that is wrong with the sweep; nothing is written then.
        StoreError: it cannot be written.
    """
    file = Path(path)
    if file.suffix not in SUFFIXES:
        must = f"end in {' or '.join(SUFFIXES)}"
        raise ConfigError.of("sweep.save", must, key="path", got=repr(str(path)))
    validated(sweep)
    tree = plain(with_files(sweep, ResultsDir(file.parent)), source="sweep")
    command = f"# sweep run {shlex.quote(printable_line(str(file)))}\n\n"
    write_atomically(file, (command + write_yaml(tree)).encode())
    return file
