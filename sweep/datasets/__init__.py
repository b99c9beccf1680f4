"""Data sets by name. Knows nothing of who trains on them."""

from sweep.datasets.data import Data, DatasetSpec
from sweep.datasets.patterns import one_hot, uniform, vectors
from sweep.datasets.registry import DatasetError, dataset, dataset_names, load_data, make_data

__all__ = [
    "Data",
    "DatasetError",
    "DatasetSpec",
    "dataset",
    "dataset_names",
    "load_data",
    "make_data",
    "one_hot",
    "uniform",
    "vectors",
]
