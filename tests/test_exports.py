"""Claims: what is handed to another program, that program reads back."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import sweep
from sweep.cli.main import main
from sweep.errors import ConfigError
from sweep.result import Curve
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result

MOMENTUM = {"optimizer": "sgd", "optimizer_rho": None}


def write(folder: Path, *results: object) -> Path:
    with Writer(ResultsDir(folder)) as writer:
        writer.append(encode(list(results), "study"))
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two optimizers, one with an option of its own, two seeds; a trial failed, one diverged."""
    folder = tmp_path_factory.mktemp("exports") / "study"
    held = Curve(
        phase=np.zeros(2, np.int8),
        epoch=np.array([1, 50]),
        loss=np.array([1.0, 0.5]),
        validation_loss=np.array([np.nan, 0.75]),
    )
    for seed in (0, 1):
        results = [
            make_result(seed=seed, epochs=50 + seed, outcome={"validation_loss": 0.5 + seed}),
            make_result(seed=seed, **MOMENTUM, optimizer_momentum=0.0),
            make_result(
                StopReason.DIVERGED if seed else StopReason.CONVERGED,
                seed=seed,
                outcome={"final_loss": float("inf") if seed else 0.125},
                **MOMENTUM,
                optimizer_momentum=0.9,
            ),
        ]
        object.__setattr__(results[0], "curve", held)
        write(folder, *results)
    return write(
        folder,
        make_result(StopReason.FAILED, seed=1, dtype="float64", outcome={"error": "é\x1b[31m"}),
    )


def export(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", *words])


def test_csv_has_all_columns_and_is_read_back_by_pandas(study: Path, tmp_path: Path) -> None:
    done = export(str(study), "--to", "csv", "--output", str(tmp_path / "all.csv"))
    assert done.output == f"7 trials written to {tmp_path}/all.csv\n"
    read, kept = pd.read_csv(tmp_path / "all.csv"), sweep.read_trials(study, columns="all")
    assert list(read.columns) == [*kept.columns, "false_convergence"]
    for name in ("trial_id", "final_loss", "optimizer_momentum", "seed", "error"):
        assert read[name].isna().tolist() == kept[name].isna().tolist()
        assert read[name].dropna().tolist() == kept[name].dropna().tolist()
    printed = export(str(study), "--to", "csv", "--output", "-", "--where", "seed = 0").output
    assert len(pd.read_csv(io.StringIO(printed))) == 3


@pytest.mark.slow
def test_tensorboard_shows_the_hyperparameters_and_what_came_out(
    study: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "my board"
    done = export(str(study), "--to", "tensorboard", "--output", str(folder))
    assert done.output == f"7 trials written to {folder}; tensorboard --logdir '{folder}'\n"
    groups = session_groups(folder)
    trials = sweep.read_trials(study, columns="all").set_index("trial_id")
    assert set(groups) == set(trials.index)
    for trial_id, (parameters, metrics, ended) in groups.items():
        row = trials.loc[trial_id]
        assert parameters["optimizer"] == row["optimizer"]
        assert parameters["seed"] == row["seed"]
        assert parameters.get("optimizer_momentum", None) == (
            None if pd.isna(row["optimizer_momentum"]) else row["optimizer_momentum"]
        )
        assert metrics["epochs"] == row["epochs"]
        is_known = np.isfinite(row["final_loss"])
        assert metrics.get("final_loss") == (pytest.approx(row["final_loss"]) if is_known else None)
        assert ended == ("STATUS_FAILURE" if row["status"] == "failed" else "STATUS_SUCCESS")
    best = trials.query("validation_loss == 0.5").index.item()
    assert scalars(folder / best, "loss") == [(1, 1.0), (50, 0.5)]
    assert scalars(folder / best, "validation_loss_by_epoch") == [(50, 0.75)]
    assert scalars(folder / best, "validation_loss") == [(50, 0.5)]


def session_groups(folder: Path) -> dict[str, tuple[dict[str, object], dict[str, float], str]]:
    """Return what TensorBoard's HParams page lists: parameters, metrics and end of each run."""
    from google.protobuf import json_format  # type: ignore[import-untyped]
    from tensorboard import context as requests
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    events = plugin_event_multiplexer.EventMultiplexer()
    events.AddRunsFromDirectory(str(folder))
    events.Reload()
    provider = data_provider.MultiplexerDataProvider(events, str(folder))
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    asked = requests.RequestContext()
    known = context.hparams_metadata(asked, "0")
    experiment = context.experiment_from_metadata(asked, "0", True, known, [])
    names = {info.name for info in experiment.hparam_infos}
    assert names == {"seed", "optimizer", "optimizer_momentum", "dtype"}
    assert "final_loss" in [info.name.tag for info in experiment.metric_infos]
    columns = [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos] + [
        api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos
    ]
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, col_params=columns, allowed_statuses=[0, 1, 2, 3]
    )
    found = list_session_groups.Handler(asked, context, "0", request).run()
    plain = json_format.MessageToDict(found, preserving_proto_field_name=True)
    return {
        group["name"]: (
            group.get("hparams", {}),
            {value["name"]["tag"]: value["value"] for value in group["metric_values"]},
            group["sessions"][0]["status"],
        )
        for group in plain["session_groups"]
    }


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    points = events.Tensors(tag) if tag in events.Tags()["tensors"] else events.Scalars(tag)
    return [
        (p.step, p.value if hasattr(p, "value") else p.tensor_proto.float_val[0]) for p in points
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_mlflow_finds_the_runs(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    done = export(str(study), "--to", "mlflow", "--output", str(file), "--where", "seed = 1")
    assert done.output.endswith(f"; mlflow ui --backend-store-uri sqlite:///{file}\n")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{file}")
    experiment = client.get_experiment_by_name("study")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    trials = sweep.read_trials(study, where="seed = 1", columns="all").set_index("trial_id")
    assert set(runs) == set(trials.index)
    for trial_id, run in runs.items():
        row = trials.loc[trial_id]
        assert run.data.params["optimizer"] == row["optimizer"]
        assert ("optimizer_momentum" in run.data.params) == (row["optimizer"] == "sgd")
        assert run.data.metrics["epochs"] == row["epochs"]
        assert ("final_loss" in run.data.metrics) == bool(np.isfinite(row["final_loss"]))
        assert run.info.status == ("FAILED" if row["status"] == "failed" else "FINISHED")
        assert run.data.tags.get("error") == (None if pd.isna(row["error"]) else row["error"])
        assert run.info.start_time == round(row["started"].timestamp() * 1000)
    best = trials.query("validation_loss == 1.5").index.item()
    history = client.get_metric_history(runs[best].info.run_id, "loss")
    assert sorted((point.step, point.value) for point in history) == [(1, 1.0), (50, 0.5)]
    found = client.search_runs([experiment.experiment_id], "params.optimizer_momentum = '0.9'")
    assert [run.data.tags["stop_reason"] for run in found] == ["diverged"]


def test_nothing_is_written_over(study: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    for form in ("csv", "tensorboard", "mlflow"):
        done = export(str(study), "--to", form, "--output", str(tmp_path / "kept"))
        assert (done.exit_code, "must not exist" in done.output) == (2, True)
    assert (tmp_path / "kept").read_text() == "kept"
    done = export(str(study), "--to", "csv", "--output", str(tmp_path / "no/where.csv"))
    assert (done.exit_code, "must be a folder" in done.output) == (2, True)


def test_a_condition_that_cannot_be_read_writes_nothing(study: Path, tmp_path: Path) -> None:
    for form in ("csv", "tensorboard", "mlflow"):
        place = tmp_path / form
        done = export(str(study), "--to", form, "--where", "epoch > 1", "--output", str(place))
        assert (done.exit_code, "did you mean 'epochs'?" in done.output) == (2, True)
        assert not place.exists()


@pytest.mark.parametrize(
    ("call", "package"),
    [
        (lambda study: export(str(study), "--to", "tensorboard", "--output", "new"), "tensorboard"),
        (lambda study: export(str(study), "--to", "mlflow", "--output", "new"), "mlflow"),
        (lambda study: sweep.to_xarray(study), "xarray"),
    ],
    ids=["tensorboard", "mlflow", "xarray"],
)
def test_a_library_that_is_not_installed_is_named(
    study: Path, call: object, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    try:
        told = call(study).output
    except ConfigError as error:
        told = str(error)
    assert f"must have {package} installed" in told
    assert "pip install 'autoencoder-sweep[export]'" in told
    assert not Path("new").exists()


def test_a_grid_has_its_axes_as_dimensions(study: Path) -> None:
    grid = sweep.to_xarray(study, where="dtype = 'float32' and optimizer = 'sgd'")
    assert dict(grid.sizes) == {"seed": 2, "optimizer_momentum": 2}
    assert grid["final_loss"].sel(seed=0, optimizer_momentum=0.9).item() == 0.125
    assert grid["status"].sel(seed=1, optimizer_momentum=0.9).item() == "diverged"
    assert grid["epochs"].dtype == np.int64
    assert grid["final_loss"].mean("seed").sel(optimizer_momentum=0.0).item() == 0.25
    assert grid.attrs["activation"] == "sigmoid"
    assert grid["final_loss"].attrs["long_name"].startswith("loss at the saved weights")
    assert "empty_cells" not in grid.attrs


def test_an_axis_of_some_trials_only_has_the_label_nan_for_the_others(study: Path) -> None:
    grid = sweep.to_xarray(study, where="dtype = 'float32'")
    assert dict(grid.sizes) == {"seed": 2, "optimizer": 2, "optimizer_momentum": 3}
    loss = grid["final_loss"].sel(seed=0)
    assert loss.sel(optimizer="sgd").values[:2].tolist() == [0.25, 0.125]
    assert np.isnan(grid["optimizer_momentum"].values[2])
    assert loss.sel(optimizer="rmsprop").values[2] == 0.25
    assert int(loss.isnull().sum()) == 3
    assert grid.attrs["conditional"].startswith("optimizer_momentum: of some trials only")
    assert grid.attrs["empty_cells"].startswith("0.5 of the cells")


def test_axes_that_are_zipped_are_one_dimension(tmp_path: Path) -> None:
    pairs = [(0.1, "tanh"), (0.2, "relu"), (0.3, "tanh")]
    results = [
        make_result(learning_rate=rate, activation=name, seed=seed)
        for rate, name in pairs
        for seed in (0, 1)
    ]
    grid = sweep.to_xarray(write(tmp_path / "zipped", *results))
    assert dict(grid.sizes) == {"seed": 2, "learning_rate": 3}
    assert grid["activation"].dims == ("learning_rate",)
    assert grid["activation"].values.tolist() == ["tanh", "relu", "tanh"]


def test_splits_that_go_with_the_seeds_are_no_dimension_of_their_own(tmp_path: Path) -> None:
    results = [
        make_result(
            learning_rate=rate, seed=seed, dataset_split_seed=10 + seed, data_fingerprint=f"{seed}"
        )
        for rate in (0.1, 0.2)
        for seed in range(3)
    ]
    grid = sweep.to_xarray(write(tmp_path / "splits", *results))
    assert dict(grid.sizes) == {"seed": 3, "learning_rate": 2}
    assert grid["dataset_split_seed"].dims == ("seed",)
    assert grid["dataset_split_seed"].values.tolist() == [10, 11, 12]


def test_what_is_no_grid_is_refused(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).uniform(size=(60, 3))
    points = [
        make_result(learning_rate=a, weight_decay=b, hidden_dropout=c, seed=n % 4)
        for n, (a, b, c) in enumerate(numbers.tolist())
    ]
    place = write(tmp_path / "points", *points)
    with pytest.raises(
        ConfigError, match=r"must have trials that make a grid \(got points, in which "
    ):
        sweep.to_xarray(place)
    with pytest.raises(ConfigError, match="have a trial at least"):
        sweep.to_xarray(place, where="false")
    twice = [make_result(data_fingerprint=f"{n:016x}", seed=s) for n in (1, 2) for s in (0, 1)]
    with pytest.raises(ConfigError, match=r"must have one trial a cell \(got several at seed=0"):
        sweep.to_xarray(write(tmp_path / "twice", *twice))


def test_a_single_trial_is_a_grid(tmp_path: Path) -> None:
    grid = sweep.to_xarray(write(tmp_path / "one", make_result(seed=7)))
    assert dict(grid.sizes) == {"seed": 1}
    assert grid["final_loss"].sel(seed=7).item() == 0.25
