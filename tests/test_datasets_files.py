"""A user's own files: what they hold is read exactly, and what is wrong with them is said."""

import gzip
import platform
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweep.config import parse_config
from sweep.config.grids.values import spread
from sweep.config.parameters.data_sets import Table
from sweep.datasets import DatasetError, DatasetSpec, load_data
from sweep.engines.factory import load_checked
from sweep.errors import SweepError
from sweep.planning import make_plan
from tests.sweepfiles import faults_of, small, trials_of
from tests.trials import make_trial, make_work

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 11
CSV = "a,b,kind,c\n0,10,x,1.5\n\n2,20,y,2.5\n4,40,z,0.1\n"


def idx_bytes(pixels: np.ndarray, magic: int = 0x803, sizes: Sequence[int] | None = None) -> bytes:
    sizes = pixels.shape if sizes is None else sizes
    return struct.pack(f">{1 + len(sizes)}I", magic, *sizes) + pixels.tobytes()


def spec(name: str, path: Path, **options: Any) -> DatasetSpec:
    return DatasetSpec(name, tuple(sorted({"path": str(path), **options}.items())))


def mnist(folder: Path) -> Path:
    (folder / "mnist").mkdir()
    (folder / "mnist" / "train-images-idx3-ubyte").write_bytes(idx_bytes(PIXELS))
    packed = gzip.compress(idx_bytes(PIXELS[:2] + 1), mtime=0)
    (folder / "mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(packed)
    return folder / "mnist"


@pytest.mark.parametrize("name", ["some.idx", "some.idx.gz"])
def test_an_idx_file_gives_its_images_as_rows_from_0_to_1(tmp_path: Path, name: str) -> None:
    held = idx_bytes(PIXELS)
    (tmp_path / name).write_bytes(gzip.compress(held, mtime=0) if name.endswith(".gz") else held)
    data = load_data(spec("idx", tmp_path / name))
    assert data.name == "idx-some-4"
    assert np.array_equal(data.inputs, PIXELS.reshape(4, 6) / 255)
    assert data.targets is data.inputs
    assert data.validation_inputs is None
    assert np.array_equal(
        load_data(spec("idx", tmp_path / name, samples=3)).inputs, data.inputs[:3]
    )


def test_the_test_part_of_a_directory_is_held_out(tmp_path: Path) -> None:
    data = load_data(spec("idx", mnist(tmp_path), samples=3))
    assert data.name == "idx-mnist-3-test-2"
    assert data.inputs.shape == (3, 6)
    assert data.validation_inputs is not None
    assert np.array_equal(data.validation_inputs, (PIXELS[:2].reshape(2, 6) + 1) / 255)
    assert data.validation_targets is data.validation_inputs
    whole = load_data(spec("idx", tmp_path / "mnist", test=False))
    assert whole.name == "idx-mnist-4"
    assert whole.validation_inputs is None


def test_an_npz_gives_its_train_and_test_parts_or_the_array_named(tmp_path: Path) -> None:
    path = tmp_path / "k.npz"
    np.savez(path, x_train=PIXELS, x_test=PIXELS[:1], colours=PIXELS.reshape(2, 2, 3, 2))
    data = load_data(spec("idx", path))
    assert data.name == "idx-k-4-test-1"
    assert np.array_equal(data.inputs, PIXELS.reshape(4, 6) / 255)
    colours = load_data(spec("idx", path, key="colours"))
    assert colours.inputs.shape == (2, 12)
    assert colours.validation_inputs is None


def test_a_file_is_read_once_a_process(tmp_path: Path) -> None:
    whole = spec("idx", mnist(tmp_path))
    assert load_data(whole) is load_data(whole)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (idx_bytes(PIXELS)[:-1], "be whole: .* holds 23 of 24 pixels"),
        (idx_bytes(PIXELS)[:9], "ends within its header"),
        (b"", "begins with nothing, not 00000803"),
        (b"\x89PNG....", "begins with 89504e47, not 00000803"),
        (idx_bytes(PIXELS, magic=0xD03), "unsigned bytes, IDX type 08: .* is of type 0d"),
        (idx_bytes(PIXELS, magic=0x801, sizes=[24]), r"rank 3: .* of rank 1 \(labels, it seems\)"),
        (idx_bytes(PIXELS, magic=0x804, sizes=[1, 4, 2, 3]), "of rank 4$"),
        (idx_bytes(PIXELS, sizes=[2**31, 2**15, 2**15]), "hold at most 200,000,000 numbers"),
        (gzip.compress(idx_bytes(PIXELS), mtime=0), "begins with 1f8b"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path: Path, held: bytes, message: str) -> None:
    (tmp_path / "bad").write_bytes(held)
    with pytest.raises(DatasetError, match=message):
        load_data(spec("idx", tmp_path / "bad"))


@pytest.mark.parametrize("held", [gzip.compress(idx_bytes(PIXELS), mtime=0)[:-12], b"no gzip"])
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "bad.gz").write_bytes(held)
    with pytest.raises(DatasetError, match=r"be whole: .* cannot be read"):
        load_data(spec("idx", tmp_path / "bad.gz"))


def test_an_idx_data_set_that_lacks_something_says_what(tmp_path: Path) -> None:
    np.savez(tmp_path / "k.npz", x_tarin=PIXELS, levels=PIXELS / 255)
    np.savez(tmp_path / "objects.npz", x_train=np.array([{}], object))
    (tmp_path / "text.npz").write_text("text")
    faults = {
        "find train-images-idx3-ubyte or": spec("idx", tmp_path),
        "find array 'x_train' in .*did you mean 'x_tarin'": spec("idx", tmp_path / "k.npz"),
        "unsigned bytes .*got float64": spec("idx", tmp_path / "k.npz", key="levels"),
        "an .npz of plain arrays: .*objects": spec("idx", tmp_path / "objects.npz"),
        "an .npz of plain arrays: .*text": spec("idx", tmp_path / "text.npz"),
        "at most its 4 samples, not 5": spec("idx", mnist(tmp_path), samples=5),
        "no key where mnist": spec("idx", tmp_path / "mnist", key="x"),
        "put an IDX file, an .npz or a directory with train-images": spec("idx", tmp_path / "no"),
        "no validation share": replace(spec("idx", tmp_path / "mnist"), validation=0.25),
    }
    for message, asked in faults.items():
        with pytest.raises(DatasetError, match=message):
            load_data(asked)


def write_table(path: Path) -> Path:
    """Write the same table in the format that the suffix says."""
    if path.suffix == ".csv":
        path.write_text(CSV)
    else:
        frame = {"a": [0, 2, 4], "b": [10, 20, 40], "kind": ["x", "y", "z"], "c": [1.5, 2.5, 0.1]}
        pd.DataFrame(frame).to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_gives_its_columns_of_numbers(tmp_path: Path, suffix: str) -> None:
    path = write_table(tmp_path / f"t{suffix}")
    data = load_data(spec("table", path))
    assert data.name == "table-t-3x3"
    assert data.inputs.tolist() == [[0, 10, 1.5], [2, 20, 2.5], [4, 40, 0.1]]
    assert data.targets is data.inputs
    chosen = load_data(spec("table", path, columns=("c", "a"), targets=("b",)))
    assert chosen.inputs.tolist() == [[1.5, 0], [2.5, 2], [0.1, 4]]
    assert chosen.targets.tolist() == [[10], [20], [40]]
    rest = load_data(spec("table", path, targets=("b",)))
    assert rest.inputs.tolist() == [[0, 1.5], [2, 2.5], [4, 0.1]]


def test_the_columns_of_a_matrix_are_numbered(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.array([[1, 2, 3], [4, 5, 6]], np.int16))
    assert load_data(spec("table", tmp_path / "m.npy")).inputs.tolist() == [[1, 2, 3], [4, 5, 6]]
    chosen = load_data(spec("table", tmp_path / "m.npy", columns=("2", "0")))
    assert chosen.inputs.tolist() == [[3, 1], [6, 4]]


def test_a_table_is_split_before_it_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "".join(f"{i}\n" for i in range(10)))
    data = load_data(replace(spec("table", path), validation=0.5, scale="unit"))
    assert data.name == "table-t-10x1-held-out-0.5-unit"
    assert (data.inputs.min(), data.inputs.max()) == (0.0, 1.0)
    assert data.validation_inputs is not None
    assert data.validation_inputs.max() != 1.0


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n\n3,\n", {}, r"holds nothing in row 2 \(line 4\), column 'b'"),
        ('a,"b\nb"\n1,2\ninf,4\n', {}, r"holds inf in row 2 \(line 4\), column 'a'"),
        (CSV, {"columns": ("kind",)}, "numbers alone in column 'kind' .*got 'x'"),
        (CSV, {"columns": ("kinds",)}, "find column 'kinds' in .*did you mean 'kind'"),
        (CSV, {"targets": ("zzzzz",)}, "find column 'zzzzz' in .*it has a, b, kind, c"),
        ("a\nx\n", {}, "have a column of numbers for input"),
        (",a\n0,1\n", {}, "be given columns: .* has one without a name"),
        ("1.5,2\n3,4\n", {}, "name its columns: the first line of .* holds numbers"),
        ("5,0,0\n3,4,1\n", {}, "the first line of .* holds numbers"),
        ("a,a\n3,4\n", {}, "name each column once"),
        ("a,b\n1,2\n3,4,5\n", {}, "be a table: .* cannot be read .*Expected 2 columns, got 3"),
        ("a,b\n1,\n2,\n", {}, r"holds nothing in row 1 \(line 2\), column 'b'"),
        ("a,b\n", {}, "hold rows: .* has none"),
        ("", {}, "be a table: .* cannot be read"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_data(spec("table", tmp_path / "t.csv", **options))


def test_a_missing_number_in_a_parquet_file_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": pd.array([1, None, 3], "Int64")}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="holds nothing in row 2, column 'a'"):
        load_data(spec("table", tmp_path / "t.parquet"))


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    (tmp_path / "t.xlsx").write_text("")
    (tmp_path / "t.parquet").write_text("no Parquet")
    with pytest.raises(DatasetError, match=r"be a matrix: .* of rank 3"):
        load_data(spec("table", tmp_path / "cube.npy"))
    with pytest.raises(DatasetError, match=re.escape("ends in .csv, .parquet, .npy (got t.xlsx)")):
        load_data(spec("table", tmp_path / "t.xlsx"))
    with pytest.raises(DatasetError, match=r"be a table: .* cannot be read"):
        load_data(spec("table", tmp_path / "t.parquet"))


def test_a_path_starts_in_the_working_directory_wherever_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    source = {"name": "table", "path": "t.csv", "columns": ["a", "b"], "scale": ["unit", "none"]}
    trials = trials_of(grid={"dataset": [source], "topology": "2-1-2"})
    assert [trial.dataset for trial in trials] == ["table-t-3x2-unit", "table-t-3x2"]
    (columns,) = spread("dataset", Table(name="table", path=["t.csv"]))
    assert columns["dataset"] == spec("table", tmp_path / "t.csv")


def test_columns_may_be_named_by_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.eye(4))
    source = {"name": "table", "path": str(tmp_path / "m.npy"), "columns": [3, 1], "targets": [0]}
    (trial,) = trials_of(grid={"dataset": [source], "topology": "2-1-1"})
    assert trial.dataset == "table-m-4x2"


def test_a_missing_file_is_a_fault_of_the_sweep_file(tmp_path: Path) -> None:
    (fault,) = faults_of(small(dataset={"name": "table", "path": str(tmp_path / "no.csv")}))
    assert fault.key == "dataset"
    assert fault.must == (
        f"find its path: {tmp_path}/no.csv on {platform.node()} gives "
        "'No such file or directory'; put a .csv, .parquet or .npy file there"
    )


@pytest.mark.parametrize("path", ["~nobody-of-this-name/t.csv", "t" * 300, "t\0.csv"])
def test_a_path_that_cannot_be_is_a_fault_of_the_sweep_file(path: str) -> None:
    (fault,) = faults_of(small(dataset={"name": "table", "path": path}))
    assert fault.must.startswith("find its path: ")


def test_a_worker_says_which_file_it_lacks(tmp_path: Path) -> None:
    trial = make_trial(dataset="table-gone-3x4")
    work = make_work(trial)
    missing = spec("table", tmp_path / "gone.csv")
    pack = replace(work.pack, datasets=((trial.data_fingerprint, missing),))
    message = f"table-gone-3x4: data must find its path: {tmp_path}/gone.csv on "
    with pytest.raises(DatasetError, match=re.escape(message + platform.node())):
        load_checked(pack, trial)


def test_a_worker_refuses_a_file_that_is_not_the_plans(tmp_path: Path) -> None:
    trial = make_trial()
    work = make_work(trial)
    (tmp_path / "t.csv").write_text("a,b,c,d\n1,2,3,4\n")
    pack = replace(
        work.pack, datasets=((trial.data_fingerprint, spec("table", tmp_path / "t.csv")),)
    )
    with pytest.raises(SweepError, match="a file of yours must be the same everywhere"):
        load_checked(pack, trial)


@pytest.mark.parametrize(("sign", "name"), [(";", ";"), ("\t", "tab")])
def test_a_table_cut_by_another_sign_wants_it_as_delimiter(
    tmp_path: Path, sign: str, name: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1,2,3\n4,5,6\n".replace(",", sign))
    with pytest.raises(DatasetError, match=f"be given delimiter: '{name}'"):
        load_data(DatasetSpec("table", (("path", str(path)),)))
    options = (("delimiter", name), ("path", str(path)))
    data = load_data(DatasetSpec("table", options))
    assert data.inputs.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_column_of_text_that_is_left_out_is_named_in_a_warning(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,kind,b\n1,x,2\n0,y,1\n")
    fixed = {"topology": "2-1-2", "output_activation": "identity"}
    source = {"name": "table", "path": str(tmp_path / "t.csv"), "scale": "unit"}
    unused = "not of numbers and so left out: 'kind'; name the inputs in columns"
    for options, warnings in [
        ({}, [f"table-t-2x2-unit: {unused}"]),
        ({"columns": ["a", "b"]}, []),
    ]:
        plan = make_plan(parse_config(small(dataset=source | options, fixed=fixed)))
        assert [warning.text for warning in plan.warnings] == warnings
