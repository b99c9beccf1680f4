"""What a notebook needs: run a sweep, read its tables, load its networks."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.store.places.remote import AnyPath, RemotePath
from sweep.store.tables import reader

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from torch import nn
    from xarray import Dataset

    from sweep.config import SweepConfig
    from sweep.nets.autoencoder import Autoencoder
    from sweep.notebook.results import Results
    from sweep.notebook.runs import Run
    from sweep.running.driver import OnPlan
    from sweep.running.executor import Executor, OnProgress
    from sweep.running.options import RunOptions, RunSummary

__all__ = [
    "connect",
    "load_model",
    "read_codes",
    "read_curves",
    "read_gradients",
    "read_ladder",
    "read_phases",
    "read_trials",
    "results",
    "run",
    "to_xarray",
]


def run(
    config: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    output: str | AnyPath | None = None,
    engine: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    use_ray: bool = True,
    retry_failed: bool = False,
    merge: bool = False,
    max_failed: int | None = None,
) -> "Run":
    """Train every trial of a sweep that has no row yet; a notebook shows a bar meanwhile.

    Args:
        config: path of a sweep file, or its content as a mapping. There `dataset` may be a matrix
            or a data frame, a row for each sample, and so may a table's `path`; they are kept in
            the results, and workers read them there. Functions are those of modules.
        overrides: changes such as `grid.learning_rate=[0.1,0.01]`.
        output: results directory, or its URI in object storage; `results/NAME` by default.
        engine: in place of the file's.
        workers: in place of the file's.
        address: a running Ray cluster; by default RAY_ADDRESS, else an embedded Ray.
        use_ray: False to train in this process.
        retry_failed: whether to train again what failed before.
        merge: whether the results may be those of other sweeps, to be added to.
        max_failed: failed trials that end the run if there are more; by default any number.

    Returns:
        What was done, and the results.

    Raises:
        ConfigError: the sweep is wrong; carries every fault.
        StoreError: the results cannot be written, or are of another sweep.
    """
    from sweep.config import load_with_text
    from sweep.notebook.bar import notebook_bar
    from sweep.notebook.runs import Run
    from sweep.running.options import check_options

    options = check_options(
        output=output,
        engine=engine,
        workers=workers,
        address=address,
        use_ray=use_ray,
        retry_failed=retry_failed,
        merge=merge,
        max_failed=max_failed,
        overrides=overrides,
    )
    if isinstance(config, Mapping):
        loaded = _validated(config, options)
    else:
        loaded, text = load_with_text(Path(config), options.overrides)
        options = options.model_copy(update={"config_text": text})
    with notebook_bar() as show:
        return Run.of(run_sweep(loaded, options, on_progress=show))


def _validated(config: Mapping[str, Any], options: "RunOptions") -> "SweepConfig":
    """Return the sweep of a mapping; arrays become files in its results once it is found valid."""
    from sweep.config import parse_config
    from sweep.running.driver import results_of
    from sweep.scratch import scratch_folder
    from sweep.store.arrays import with_files
    from sweep.store.ownership import require_own
    from sweep.store.places.layout import ResultsDir

    with scratch_folder("sweep-arrays-") as folder:
        scratch = ResultsDir(folder)
        valid = parse_config(with_files(config, scratch), options.overrides)
        if not scratch.data.exists():
            return valid
    directory = results_of(valid.name, options)
    if not isinstance(directory.path, RemotePath):  # which takes no arrays, as is said below
        require_own(directory, valid.name, merge=options.merge)
    return parse_config(with_files(config, directory), options.overrides)


def run_sweep(
    config: "SweepConfig",
    options: "RunOptions | None" = None,
    *,
    on_plan: "OnPlan | None" = None,
    on_progress: "OnProgress | None" = None,
) -> "RunSummary":
    """Train every trial of a validated sweep that has no row yet, on Ray or in this process.

    Arguments, result and errors are those of `sweep.running.driver.run_on`.
    """
    from sweep.running.driver import run_on
    from sweep.running.options import RunOptions

    options = options or RunOptions()
    executor = _executor(options)
    return run_on(executor, config, options, on_plan=on_plan, on_progress=on_progress)


def _executor(options: "RunOptions") -> "Executor":
    if options.use_ray:
        from sweep.ray.executor import RayExecutor

        return RayExecutor(options.address)
    from sweep.running.inline import InlineExecutor

    return InlineExecutor()


def read_trials(
    path: str | AnyPath,
    *,
    where: str | None = None,
    columns: str | Sequence[str] | None = None,
    varying: bool = True,
) -> "pd.DataFrame":
    """Read the trials of a results directory, one row each: what varied, and what came out.

    By default these columns: `trial_id`; the hyperparameters that are not the same in all trials;
    `status`, `stop_reason`, `epochs`, `final_loss`, `samples_reconstructed`, `seconds`; and where
    any trial has them `weights_epoch`, `validation_loss` and `error`. `columns="all"` has the rest.

    Args:
        path: the results directory, or its URI in object storage.
        where: a condition on rows, as `--where` takes: `activation = 'relu' and epochs < 100`.
        columns: those wanted, in that order, or "all".
        varying: False for all hyperparameters, also those that are the same in all trials.

    Returns:
        Integers that may be missing are `Int64`, truth values `boolean`, times in UTC.

    Raises:
        ConfigError: the condition cannot be read, or a column does not exist.
        StoreError: there are no results, or a file is damaged.
    """
    from sweep.reports.tables.reading import read_chosen

    return read_chosen(path, where, columns, varying=varying)


def read_curves(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read the recorded losses, one row for each trial and epoch: of `trial_ids`, or of all."""
    return reader.read_curves(path, trial_ids)


def read_ladder(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read when other stop rules would have been met, one row for each that was."""
    return reader.read_ladder(path, trial_ids)


def read_gradients(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read what probes found, one row for each trial, epoch and layer."""
    return reader.read_gradients(path, trial_ids)


def read_codes(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read hidden activations, one row for each trial, layer, sample and unit."""
    return reader.read_codes(path, trial_ids)


def read_phases(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read the phases of trials with pretraining, one row each."""
    return reader.read_phases(path, trial_ids)


def connect(path: str | AnyPath) -> "DuckDBPyConnection":
    """Open the tables of a results directory for SQL: a connection of DuckDB that only reads.

    Its views are `trials`, `curves`, `ladder`, `gradients`, `codes` and `phases`: the rows that
    count when it is opened. What is not a number is NULL, and times are in UTC. Your own tables
    join by `connection.register`.

    Args:
        path: the results directory, or its URI in object storage.

    Raises:
        StoreError: there are no results, or a file is damaged.
    """
    from sweep.querying.connection import connect

    return connect(path)


def to_xarray(path: str | AnyPath, *, where: str | None = None) -> "Dataset":
    """Return the trials of a grid as an xarray Dataset, a dimension for each axis.

    The axes are the hyperparameters that vary, the seed among them; one that follows from another,
    as where axes are zipped, is a coordinate along that. What came out are the variables, and what
    is the same in all trials are attributes. A cell without a trial is NaN. An axis that does not
    apply to every trial, such as the momentum of one of several optimizers, has the label NaN, or
    `none`, for the others; the attribute `conditional` names it.

    Args:
        path: the results directory, or its URI in object storage.
        where: a condition on rows, as `--where` takes.

    Raises:
        ConfigError: the trials are no grid, such as points drawn at random, or xarray is not there.
        StoreError: there are no results, or a file is damaged.
    """
    from sweep.exports.grid import grid_of

    return grid_of(path, where)


def load_model(path: str | AnyPath, trial_id: str) -> "Autoencoder | nn.Module":
    """Rebuild a trial's trained network as a PyTorch module, with `encode` and `decode`.

    It is in evaluation mode: batch normalisation goes by its running statistics. A network of your
    own is made by its code, which must be importable and as it was.

    Args:
        path: the results directory.
        trial_id: 16 hex digits, or as many of the first as make it unique.

    Raises:
        StoreError: there is no such trial, or its weights were not kept.
    """
    from sweep.notebook import models

    return models.load_model(path, trial_id)


def results(path: str | AnyPath) -> "Results":
    """Return the results of a sweep as an object: tables, networks and pictures, read when asked.

    Args:
        path: the results directory, such as `results/NAME`, or its URI in object storage.

    Raises:
        StoreError: there are none.
    """
    from sweep.notebook.results import Results

    return Results(path)
