"""Data sets by name."""

from sweep.datasets.arrays import DatasetError, make_data
from sweep.datasets.data import Data, DatasetSpec
from sweep.datasets.generated_digits import digits_28x28
from sweep.datasets.images import digits, idx
from sweep.datasets.patterns import one_hot, uniform, vectors
from sweep.datasets.registry import dataset, dataset_names, load_data
from sweep.datasets.table import table

__all__ = [
    "Data",
    "DatasetError",
    "DatasetSpec",
    "dataset",
    "dataset_names",
    "digits",
    "digits_28x28",
    "idx",
    "load_data",
    "make_data",
    "one_hot",
    "table",
    "uniform",
    "vectors",
]
