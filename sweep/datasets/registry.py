"""Loads data sets by name."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sweep.datasets.arrays import DatasetError, make_data
from sweep.datasets.data import Data, DatasetSpec, thaw
from sweep.datasets.node_files import is_large, keep_arrays, let_go, open_arrays
from sweep.datasets.scaling import scaled
from sweep.datasets.splits import hold_out
from sweep.datasets.variations import add_noise, choose_samples
from sweep.plugins.loading import load_plugin
from sweep.plugins.sources import PluginError, digest_of
from sweep.trust import objection, objection_to, plugins_are_refused

Maker = Callable[..., Data]
_MAKERS: dict[str, Maker] = {}


def dataset(name: str) -> Callable[[Maker], Maker]:
    """Register a function of the data set's options under `name`."""

    def register(maker: Maker) -> Maker:
        _MAKERS[name] = maker
        return maker

    return register


def dataset_names() -> list[str]:
    """Return the registered names."""
    return sorted(_MAKERS)


@lru_cache(maxsize=256)
def load_data(spec: DatasetSpec) -> Data:
    """Return a data set, read-only, split and scaled; the same object for the same spec.

    Large ones are mapped from files that the processes of a machine share, if these can be written.

    Raises:
        DatasetError: the data set is unknown, or its options do not make one.
    """
    plain = DatasetSpec(spec.name, spec.options)
    data = _made(spec) if spec == plain else _varied(load_data(plain), spec)
    return _shared(data) if is_large(data.inputs) else data


def _varied(made: Data, spec: DatasetSpec) -> Data:
    """Return a data set split, with fewer samples to train on, with noise and scaled, as asked."""
    data = made
    if spec.validation:
        data = hold_out(data, spec.validation, seed=spec.split_seed)
    if spec.noise:
        data = add_noise(data, spec.noise, seed=spec.split_seed)
    if spec.train_samples is not None:
        data = choose_samples(data, spec.train_samples, seed=spec.split_seed)
    if spec.scale != "none":
        data = scaled(data, spec.scale)
    return replace(data, name=f"{data.name}{spec.split_suffix}", left_out=made.left_out)


def find_data(fingerprint: str, name: str) -> Data | None:
    """Return the data set of a fingerprint if the files of this machine have it, however made."""
    try:
        return _found(fingerprint, name)
    except LookupError:
        return None


@lru_cache(maxsize=256)
def _found(fingerprint: str, name: str) -> Data:
    """Return a data set from the files of this machine.

    Raises:
        LookupError: they do not have it, or hold other numbers.
    """
    arrays = open_arrays(fingerprint) or {}
    inputs = arrays["inputs"]
    held_out = arrays.get("validation_inputs")
    data = Data(
        name=name,
        inputs=inputs,
        targets=arrays.get("targets", inputs),
        validation_inputs=held_out,
        validation_targets=arrays.get("validation_targets", held_out),
    )
    same = data.fingerprint == fingerprint
    for array in arrays.values():
        let_go(array)
    if not same:
        raise LookupError(fingerprint)
    return data


def _shared(data: Data) -> Data:
    """Return the data set from the files of this machine, or as it is if they cannot have it."""
    found = find_data(data.fingerprint, data.name)
    if found is None:
        arrays = {"inputs": data.inputs, "validation_inputs": data.validation_inputs}
        if data.targets is not data.inputs:
            arrays |= {"targets": data.targets, "validation_targets": data.validation_targets}
        kept = {name: array for name, array in arrays.items() if array is not None}
        keep_arrays(data.fingerprint, kept)
        found = find_data(data.fingerprint, data.name)
    if found is None:
        return data
    return replace(found, left_out=data.left_out) if data.left_out else found


def _made(spec: DatasetSpec) -> Data:
    plugin = ":" in spec.name
    maker = _plugin(spec.name) if plugin else _MAKERS.get(spec.name)
    if maker is None:
        raise DatasetError(f"be one of {', '.join(dataset_names())} or package.module:function")
    if not plugin:
        return maker(**dict(spec.options))
    try:
        made = maker(**{name: thaw(value) for name, value in spec.options})
    except Exception as error:  # a user's code may raise anything
        raise DatasetError(f"be made by its function, which raised {error!r}") from error
    return _from_plugin(spec.name, made)


def _plugin(name: str) -> Maker:
    if plugins_are_refused():
        raise DatasetError("name a data set that is built in, as --no-plugins is given")
    if against := objection(name):
        raise DatasetError(against)
    place, _, digest = name.partition("@")
    module, _, function = place.partition(":")
    if digest and (found := digest_of(module)) != digest:
        raise DatasetError(
            f"be made by the source that was planned, digest {digest} (got {found} on this "
            "machine; have the same version everywhere, and start the sweep again)"
        )
    try:
        maker = load_plugin(name) if digest else getattr(importlib.import_module(module), function)
    except PluginError as error:
        raise DatasetError(str(error).partition(": must ")[2] or str(error)) from error
    except Exception as error:  # a user's module may raise anything on import
        raise DatasetError(f"name a function that can be imported ({error})") from error
    if not callable(maker):
        raise DatasetError("name a function")
    if against := objection_to(maker):
        raise DatasetError(against)
    return maker


def _from_plugin(name: str, made: Any) -> Data:
    """Accept a Data, an array of samples, or a pair of samples and targets."""
    name = name.partition("@")[0]
    if not isinstance(made, Data):
        inputs, targets = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        return make_data(name, inputs, targets)
    plain = made.targets is made.inputs
    return make_data(
        made.name,
        made.inputs,
        None if plain else made.targets,
        validation_inputs=made.validation_inputs,
        validation_targets=None if plain else made.validation_targets,
    )
