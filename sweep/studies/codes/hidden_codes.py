"""Finds the hidden codes of a trial, kept or computed, and published ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd

from sweep.datasets import load_data
from sweep.errors import ConfigError, StoreError
from sweep.nets.codes import Codes, unit_codes
from sweep.nets.topology import bottleneck_layer
from sweep.reports.recorded import recorded_datasets
from sweep.reports.tables.trial_page import locate_trial
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_codes, read_trial, read_weights
from sweep.trial import Trial, format_topology

BOTTLENECK, ALL = "bottleneck", "all"
PUBLISHED = files("sweep") / "published"
CODES_SUFFIX = "_codes"
WHERE = "sweep codes"

Compute = Callable[[Trial, np.ndarray, np.ndarray, Sequence[int]], list[Codes]]
"""Returns the activations of hidden layers, from the parameters of a trial and its samples."""


@dataclass(frozen=True, kw_only=True)
class HiddenCodes:
    """What a layer says of each sample.

    Attributes:
        source: identity of the trial, or name of the publication.
        topology: widths, such as 16-4-16.
        layer: hidden layer, from 1.
        data: fingerprint of the samples; None where it is not known.
        activations: as the network has them. codes: the same in [0, 1].
        kept: whether they were read rather than computed.
    """

    source: str
    topology: str
    layer: int
    data: str | None
    activations: Codes
    codes: Codes
    kept: bool


def find_codes(
    places: Sequence[ResultsDir], prefix: str, layer: str, *, compute: Compute
) -> list[HiddenCodes]:
    """Return the codes of the trial whose identity begins with `prefix`, a layer each.

    They are those that were kept, else computed from its weights and recorded data.

    Args:
        places: where to look.
        prefix: the first digits of its identity.
        layer: number of a hidden layer from 1, `bottleneck` or `all`.
        compute: `sweep.nets.autoencoder.hidden_activations`, which needs PyTorch, as this does not.

    Raises:
        ConfigError: if no such trial or layer exists.
        StoreError: if they were not kept and its weights or data are missing.
    """
    place, trial_id = locate_trial(places, prefix)
    trial = read_trial(place.path, trial_id)
    wanted = _layers(trial, layer)
    rows = read_codes(place.path, [trial_id])
    kept = {number: _table(found) for number, found in rows.groupby("layer")}
    missing = [number for number in wanted if number not in kept]
    computed = _compute(place, trial, missing, compute) if missing else []
    tables = kept | dict(zip(missing, computed, strict=True))
    return [
        HiddenCodes(
            source=trial_id,
            topology=format_topology(trial.topology),
            layer=number,
            data=trial.data_fingerprint,
            activations=tables[number],
            codes=unit_codes(trial, tables[number]),
            kept=number in kept,
        )
        for number in wanted
    ]


def published_names() -> list[str]:
    """Return the names of the publications whose codes come with sweep."""
    stems = [item.name.removesuffix(".csv") for item in PUBLISHED.iterdir()]
    return sorted(stem for stem in stems if stem.endswith(CODES_SUFFIX))


def read_published(name: str, topology: str) -> HiddenCodes:
    """Read the published codes of the bottleneck of a network, rounded as they were printed.

    Args:
        name: one of `published_names()`.
        topology: of the network, such as 16-4-16.

    Raises:
        ConfigError: if it gives none for that topology.
    """
    with (PUBLISHED / f"{name}.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    rows = table[table["topology"] == topology]
    if rows.empty:
        known = " or ".join(table["topology"].unique())
        raise ConfigError.of(
            WHERE,
            f"be asked of a trial {known} where it is {name}",
            key="--against",
            got=repr(topology),
        )
    codes = _table(rows.rename(columns={"code": "activation"}))
    widths = [int(width) for width in topology.split("-")]
    return HiddenCodes(
        source=name,
        topology=topology,
        layer=bottleneck_layer(widths) or 0,
        data=None,
        activations=codes,
        codes=codes,
        kept=True,
    )


def _layers(trial: Trial, layer: str) -> Sequence[int]:
    hidden = range(1, len(trial.topology) - 1)
    if not hidden:
        raise ConfigError.of(
            WHERE, "have a hidden layer", key="TRIAL", got=repr(format_topology(trial.topology))
        )
    if layer == ALL:
        return hidden
    number = bottleneck_layer(trial.topology) if layer == BOTTLENECK else None
    if layer.isdecimal():
        number = int(layer)
    if number is None or number not in hidden:
        raise ConfigError.of(
            WHERE, f"be {BOTTLENECK}, {ALL} or 1 to {len(hidden)}", key="--layer", got=repr(layer)
        )
    return [number]


def _compute(
    place: ResultsDir, trial: Trial, layers: Sequence[int], compute: Compute
) -> list[Codes]:
    """Run the recorded data through the trained network."""
    parameters = read_weights(place.path, trial.trial_id).flat
    spec = recorded_datasets(place, {trial.data_fingerprint}).get(trial.data_fingerprint)
    if spec is None:
        raise StoreError(
            f"{place.path}: must record a sweep file that names the data of trial "
            f"{trial.trial_id} (got none); record: {{codes: bottleneck}} keeps codes in the table"
        )
    return compute(trial, parameters, load_data(spec).inputs, layers)


def _table(rows: pd.DataFrame) -> Codes:
    """Lay long rows out as samples by units."""
    return rows.pivot(index="sample", columns="unit", values="activation").to_numpy(np.float64)
