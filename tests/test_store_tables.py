"""What is written comes back: every column, typed, through plain pandas too."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import StoreError
from sweep.result import Outcome, Provenance, TrialResult
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.encoding import decode, encode, table_set_of
from sweep.store.tables.reader import (
    done_ids,
    read_curves,
    read_states,
    read_trial,
    read_trials,
    read_weights,
)
from sweep.store.tables.schema import SCHEMAS, conform
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason, Trial
from tests.store_fixtures import START, make_result

STATE: dict[str, np.ndarray] = {
    "epoch": np.array([7], np.int64),
    "parameters": np.array([[0.1, -2.5]], np.float32),
    "live": np.array([[True, False]]),
    "best_loss": np.array([np.inf]),
    "previous_loss": np.array([np.nan]),
}

FLOATS = [item.name for item in SCHEMAS[TableName.GRADIENTS] if item.type == pa.float64()]


def store(path: Path, *results: TrialResult) -> Path:
    with Writer(ResultsDir(path)) as writer:
        writer.append(encode(results, "study"))
    return path


def test_every_field_is_a_column_with_its_documentation() -> None:
    schema = SCHEMAS[TableName.TRIALS]
    for item in [*fields(Trial), *fields(Outcome), *fields(Provenance)]:
        assert schema.field(item.name).metadata[b"doc"].decode() == item.metadata["doc"]


def test_every_column_of_every_table_is_documented() -> None:
    for schema in SCHEMAS.values():
        assert all(column.metadata[b"doc"] for column in schema)


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    row = read_trials(store(tmp_path, make_result())).iloc[0]
    assert row["sweep"] == "study"
    assert row["topology"] == "4-2-4"
    assert (row["depth"], row["bottleneck"], row["n_parameters"]) == (2, 2, 22)
    assert row["learning_rate"] == 0.01
    assert row["stop_reason"] == "converged"
    assert row["started"] == START
    assert pd.isna(row["batch_size"])


def test_missing_values_keep_the_type_of_their_column(tmp_path: Path) -> None:
    store(tmp_path, make_result(), make_result(batch_size=3, optimizer_nesterov=True))
    for frame in (read_trials(tmp_path), pd.read_parquet(tmp_path / "trials")):
        assert str(frame["batch_size"].dtype) == "Int64"
        assert str(frame["optimizer_nesterov"].dtype) == "boolean"
        assert str(frame["epochs"].dtype) == "int64"
        assert str(frame["final_loss"].dtype) == "float64"
        assert str(frame["topology"].dtype) == "str"
        assert str(frame["finished"].dtype) == "datetime64[us, UTC]"


def test_a_network_without_hidden_layers_has_no_bottleneck(tmp_path: Path) -> None:
    row = read_trials(store(tmp_path, make_result(topology=(4, 4)))).iloc[0]
    assert row["depth"] == 1
    assert pd.isna(row["bottleneck"])


def test_not_a_number_and_infinity_survive(tmp_path: Path) -> None:
    outcome = {"final_loss": float("nan"), "best_loss": float("inf")}
    store(tmp_path, make_result(StopReason.DIVERGED, outcome=outcome))
    row = read_trials(tmp_path).iloc[0]
    assert np.isnan(row["final_loss"])
    assert row["best_loss"] == np.inf


def test_numbers_that_are_nan_stay_so_beside_those_that_are_missing(tmp_path: Path) -> None:
    gradients = {name: np.array([np.nan]) for name in FLOATS}
    rest = {"epoch": np.array([0]), "layer": np.array([0]), "verdict": np.array(["exploding"])}
    store(tmp_path, make_result(details={TableName.GRADIENTS: gradients | rest}))
    (row,) = pq.read_table(tmp_path / "gradients", partitioning=None).to_pylist()
    assert {name: str(row[name]) for name in FLOATS} == {
        name: "None" if name in ("update_ratio", "unit_distance") else "nan" for name in FLOATS
    }


def test_curves_are_one_row_an_epoch(tmp_path: Path) -> None:
    first, second = make_result(seed=1), make_result(seed=2)
    store(tmp_path, first, second)
    curves = read_curves(tmp_path, [second.trial.trial_id])
    assert curves["epoch"].tolist() == [1, 10, 100]
    assert curves["loss"].tolist() == [1.0, 0.5, 0.25]
    assert set(curves["trial_id"]) == {second.trial.trial_id}
    assert len(read_curves(tmp_path)) == 6
    assert len(read_curves(tmp_path, [])) == 0


def test_weights_come_back_layer_by_layer(tmp_path: Path) -> None:
    result = make_result()
    weights = read_weights(store(tmp_path, result), result.trial.trial_id)
    assert weights.dtype == "float32"
    assert list(weights.arrays) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert weights.arrays["0.weight"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert weights.arrays["1.bias"].tolist() == [18, 19, 20, 21]
    assert weights.arrays["1.bias"].dtype == np.float32


def test_weights_that_are_not_kept_are_an_error(tmp_path: Path) -> None:
    store(tmp_path, make_result())
    with pytest.raises(StoreError, match="must hold weights of trial 0000000000000000"):
        read_weights(tmp_path, "0" * 16)


def test_a_trial_comes_back_with_its_identity(tmp_path: Path) -> None:
    result = make_result(batch_size=3, optimizer_nesterov=True)
    store(tmp_path, result, make_result())
    trial = read_trial(tmp_path, result.trial.trial_id[:8])
    assert trial == result.trial
    assert trial.trial_id == result.trial.trial_id
    with pytest.raises(StoreError, match=r"must hold one trial .*got 2"):
        read_trial(tmp_path, "")


def test_states_come_back_bit_for_bit_by_path(tmp_path: Path) -> None:
    saved = make_result(StopReason.MAX_EPOCHS, state=STATE)
    store(tmp_path, saved, make_result(StopReason.MAX_EPOCHS, seed=9, state=STATE))
    (state,) = read_states(tmp_path, [saved.trial.path_id])
    assert (state.trial_id, state.epoch) == (saved.trial.trial_id, 100)
    assert state.stop_reason is StopReason.MAX_EPOCHS
    assert state.stop["max_epochs"] == 1000
    assert state.stop["delta_tolerance"] is None
    for name, array in STATE.items():
        assert state.arrays[name].dtype == array.dtype
        assert state.arrays[name].tobytes() == array.tobytes()


@pytest.mark.slow
@given(
    learning_rate=st.floats(allow_nan=False, allow_infinity=False),
    seed=st.integers(0, 2**63 - 1),
    widths=st.lists(st.integers(1, 20), min_size=2, max_size=5),
    error=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_trial_survives_the_frame(
    learning_rate: float, seed: int, widths: list[int], error: str | None
) -> None:
    result = make_result(
        topology=tuple(widths), learning_rate=learning_rate, seed=seed, outcome={"error": error}
    )
    batch = table_set_of([result], "study")
    again = decode(encode([result], "study"))
    for name in TableName:
        assert again.tables[name].equals(batch.tables[name])
    row = again.trials.to_pylist()[0]
    assert (row["learning_rate"], row["seed"], row["error"]) == (learning_rate, seed, error)


def test_what_needs_no_training_is_all_but_the_cancelled_and_the_pruned(tmp_path: Path) -> None:
    results = {reason: make_result(reason, seed=i) for i, reason in enumerate(StopReason)}
    store(tmp_path, *results.values())
    ids = {reason: result.trial.trial_id for reason, result in results.items()}
    done = set(ids.values()) - {ids[StopReason.CANCELLED], ids[StopReason.PRUNED]}
    assert done_ids(tmp_path) == done
    assert done_ids(tmp_path, retry_failed=True) == done - {ids[StopReason.FAILED]}


def test_a_place_without_results_is_empty_to_the_planner_and_an_error_to_readers(
    tmp_path: Path,
) -> None:
    assert done_ids(tmp_path / "new") == set()
    assert read_states(tmp_path / "new", ["0" * 16]) == []
    with pytest.raises(StoreError, match="must hold results of a sweep"):
        read_trials(tmp_path / "new")


def test_a_table_in_the_columns_of_this_version_is_taken_as_it_is():
    schema = SCHEMAS[TableName.CURVES]
    table = schema.empty_table()
    assert conform(table, schema, "here") is table
    assert conform(table.drop_columns("validation_loss"), schema, "here").schema == schema


@pytest.mark.parametrize(
    "cut", [b"", b"\0" * 7, b"\xff" * 8, b"\xff" * 40, (9).to_bytes(8, "little")]
)
def test_a_short_frame_is_named(cut: bytes) -> None:
    with pytest.raises(StoreError, match=r"^here: must be results of sweep \(got "):
        decode(cut, "here")
    whole = encode([make_result()], "study")
    with pytest.raises(StoreError, match=r"^here: must be results of sweep \(got "):
        decode(whole[:-9], "here")
