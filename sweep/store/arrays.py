"""Keeps arrays that a notebook trains on as files, which workers and later runs read."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweep.errors import StoreError
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir

PLACES = ("dataset", "path")
"""The keys under which an array is data: a data set, or the path of a table."""


def with_files(tree: Any, directory: ResultsDir) -> Any:
    """Return a sweep in which data given as arrays are tables in files below the results.

    Args:
        tree: a sweep as mappings, with matrices or data frames under `dataset`, or under `path` in
            place of a table's file. All else is left as it is.
        directory: the results, on a disk; a file that is there already is not written again.

    Raises:
        StoreError: an array is no matrix of numbers, or the results lie in object storage.
    """
    if isinstance(tree, Mapping):
        return {key: _replaced(key, value, directory) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [with_files(inner, directory) for inner in tree]
    return tree


def _replaced(key: str, value: Any, directory: ResultsDir) -> Any:
    if key not in PLACES:
        return with_files(value, directory)
    if isinstance(value, list | tuple):
        return [_replaced(key, inner, directory) for inner in value]
    if not isinstance(value, np.ndarray | pd.DataFrame):
        return with_files(value, directory)
    path = str(_written(value, directory))
    return {"name": "table", "path": path} if key == "dataset" else path


def _written(value: np.ndarray | pd.DataFrame, directory: ResultsDir) -> Path:
    """Write an array under a name made of its content, and return where."""
    if not isinstance(directory.data, Path):
        raise StoreError(
            f"{directory.path}: must be on a disk to keep arrays (got object storage); write them "
            "to a file that every node can read, and name it as a table's path"
        )
    content = _parquet(value) if isinstance(value, pd.DataFrame) else _npy(value)
    suffix = ".parquet" if isinstance(value, pd.DataFrame) else ".npy"
    name = hashlib.sha256(content).hexdigest()[:16] + suffix
    path = directory.data.absolute() / name
    if not path.exists():
        write_atomically(path, content)
    return path


def _npy(array: np.ndarray) -> bytes:
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        got = f"{array.dtype} of shape {array.shape}"
        raise StoreError(f"dataset must be a matrix of numbers, a row for each sample (got {got})")
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, np.float64), allow_pickle=False)
    return buffer.getvalue()


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.rename(columns=str).to_parquet(buffer, index=False)
    return buffer.getvalue()
