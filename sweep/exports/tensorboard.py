"""Writes trials as runs of TensorBoard, with what its HParams page goes by."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sweep.exports.installed import require
from sweep.exports.records import METRICS, RunRecord
from sweep.trial import Status

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

FILE = "events.out.tfevents.{time}.{name}"
GROUP = "sweep"


def write_tensorboard(
    runs: Iterable[RunRecord], folder: Path, parameters: Sequence[pa.Field]
) -> int:
    """Write a folder of events for each run, and one that says what varies; return how many.

    Args:
        runs: the trials.
        folder: where, as `tensorboard --logdir` takes it.
        parameters: the columns of the hyperparameters.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    require("tensorboard", "--to tensorboard")
    count, metrics = 0, dict.fromkeys(METRICS, False)
    for run in runs:
        count += 1
        metrics |= dict.fromkeys(run.metrics, True)
        began, ended = run.started.timestamp(), run.finished.timestamp()
        last = max([0, int(run.metrics.get("epochs", 0))])
        scalars = {name: [(last, value)] for name, value in run.metrics.items()}
        scalars.update(run.curves)
        events = [(began, 0, _start(run)), *_scalars(scalars, ended), (ended, last, _end(run))]
        _write(folder / run.trial_id, events, began)
    shown = [name for name, is_there in metrics.items() if is_there]
    _write(folder, [(0.0, 0, _experiment(parameters, shown))], 0.0)
    return count


def _write(folder: Path, events: "list[tuple[float, int, Summary]]", time: float) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    name = FILE.format(time=int(time), name=GROUP)
    with (folder / name).open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=time, file_version="brain.Event:2").SerializeToString())
        for wall_time, step, summary in events:
            event = Event(wall_time=wall_time, step=step, summary=summary)
            writer.write(event.SerializeToString())
        writer.flush()


def _scalars(
    scalars: Mapping[str, list[tuple[int, float]]], time: float
) -> "list[tuple[float, int, Summary]]":
    from tensorboard.compat.proto.summary_pb2 import Summary

    return [
        (time, step, Summary(value=[Summary.Value(tag=name, simple_value=value)]))
        for name, points in scalars.items()
        for step, value in points
    ]


def _experiment(parameters: Sequence[pa.Field], metrics: list[str]) -> "Summary":
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    experiment = api_pb2.Experiment(
        hparam_infos=[
            api_pb2.HParamInfo(
                name=item.name,
                description=item.metadata[b"doc"].decode(),
                type=getattr(api_pb2, _type_of(item.type)),
            )
            for item in parameters
        ],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name)) for name in metrics],
    )
    data = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    return _summary(metadata.EXPERIMENT_TAG, data)


def _type_of(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "DATA_TYPE_BOOL"
    return "DATA_TYPE_STRING" if pa.types.is_string(kind) else "DATA_TYPE_FLOAT64"


def _start(run: RunRecord) -> "Summary":
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    info = plugin_data_pb2.SessionStartInfo(
        group_name=run.trial_id, start_time_secs=run.started.timestamp()
    )
    for name, value in run.parameters.items():
        kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
        setattr(info.hparams[name], kind, value)
    return _summary(
        metadata.SESSION_START_INFO_TAG,
        plugin_data_pb2.HParamsPluginData(session_start_info=info),
    )


def _end(run: RunRecord) -> "Summary":
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    failed = run.status in (Status.FAILED, Status.CANCELLED)
    info = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS,
        end_time_secs=run.finished.timestamp(),
    )
    return _summary(
        metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=info)
    )


def _summary(tag: str, data: Any) -> "Summary":
    """Return what the HParams plugin reads, under its tag."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    about = metadata.create_summary_metadata(data)
    value = Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])
