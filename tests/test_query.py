"""Claims: SQL sees the rows that count, wherever they lie, and can do nothing but read them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import sweep
from sweep.cli.main import main
from sweep.errors import ConfigError, StoreError
from sweep.querying.query import answer
from sweep.store.places.journal import open_journal
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables import reader
from sweep.store.tables.encoding import encode
from sweep.store.tables.holdings import announce_removal
from sweep.store.tables.parts import part_numbers
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.object_store import Proxy, uri
from tests.store_fixtures import make_result

ROOT = Path(__file__).parents[1]
QUICKSTART = ROOT / "results/examples/quickstart"
READ = {
    "trials": reader.read_trials,
    "curves": reader.read_curves,
    "ladder": reader.read_ladder,
    "gradients": reader.read_gradients,
    "codes": reader.read_codes,
    "phases": reader.read_phases,
}
CODES = {
    TableName.CODES: {
        "layer": np.array([1, 1]),
        "sample": np.array([0, 1]),
        "unit": np.array([0, 0]),
        "activation": np.array([0.5, np.nan]),
    }
}


def write_study(directory: ResultsDir) -> None:
    """Write parts, and a journal by which a row is bettered, one is new and one is removed."""
    for seeds in ([1, 2], [3, 4]):
        with Writer(directory) as writer:
            results = [make_result(seed=seed, details=CODES) for seed in seeds]
            cut = make_result(StopReason.CANCELLED, seed=10 + seeds[0])
            writer.append(encode([*results, cut], "study"))
    journal = open_journal(directory.journal)
    better = make_result(seed=11, minutes=2, outcome={"final_loss": float("nan")})
    journal.append(encode([better, make_result(seed=5, details=CODES)], "study"))
    journal.close()
    announce_removal(directory, [make_result(seed=2).trial.trial_id])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("query") / "study of #1's rows"
    write_study(ResultsDir(folder))
    return folder


def rows_of(place: str | Path, table: str) -> pd.DataFrame:
    found: pd.DataFrame = sweep.connect(place).sql(f"FROM {table}").to_arrow_table().to_pandas()
    return found.sort_values(list(found.columns[:4]), ignore_index=True)


def same_rows(place: str | Path, table: str) -> None:
    """Assert that SQL sees what the reader reads."""
    seen, read = rows_of(place, table), READ[table](place)
    assert list(seen.columns) == list(read.columns)
    read = read.sort_values(list(read.columns[:4]), ignore_index=True)
    for name in read.columns:
        column = read[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_localize(None)
        assert seen[name].isna().tolist() == column.isna().tolist(), name
        assert seen[name].dropna().tolist() == column.dropna().tolist(), name


@pytest.mark.parametrize("table", READ)
def test_sql_sees_the_rows_that_count(study: Path, table: str) -> None:
    same_rows(study, table)


def test_what_is_not_a_number_is_null(study: Path) -> None:
    connection = sweep.connect(study)
    (row,) = connection.sql(
        "SELECT avg(activation), count(activation), count(*) FROM codes"
    ).fetchall()
    assert row == (0.5, 4, 8)
    (seeds,) = connection.sql("SELECT list(seed ORDER BY seed) FROM trials").fetchall()
    assert seeds == ([1, 3, 4, 5, 11, 13],)
    (found,) = connection.sql("SELECT status, final_loss FROM trials WHERE seed = 11").fetchall()
    assert found == ("finished", None)


@pytest.mark.parametrize("table", READ)
def test_sql_sees_the_same_in_a_bucket(
    served: Proxy, table: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served.faults.clear()
    monkeypatch.setenv("HOME", str(tmp_path))
    place = uri(served, "query")
    if not ResultsDir.at(place).exists:
        write_study(ResultsDir.at(place))
    same_rows(place, table)
    assert not any(tmp_path.iterdir())  # no extension was fetched


def test_a_part_of_an_older_version_has_the_columns_added_since(tmp_path: Path) -> None:
    for seed in (1, 2):
        with Writer(ResultsDir(tmp_path)) as writer:
            writer.append(encode([make_result(seed=seed, weight_decay=0.5)], "study"))
    part = tmp_path / "trials/part-000001.parquet"
    older = pq.read_table(part, partitioning=None)
    pq.write_table(older.drop_columns(["weight_decay", "input_noise", "git_revision"]), part)
    same_rows(tmp_path, "trials")
    found = sweep.connect(tmp_path).sql("SELECT seed, weight_decay, input_noise FROM trials")
    assert sorted(found.fetchall()) == [(1, 0.0, "none"), (2, 0.5, "none")]


def test_results_without_rows_have_empty_tables(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)):
        pass
    assert sweep.connect(tmp_path).sql("FROM trials JOIN curves USING (trial_id)").fetchall() == []
    with pytest.raises(StoreError, match="must hold results of a sweep"):
        sweep.connect(tmp_path / "nothing")


def test_a_frame_of_ones_own_joins(study: Path) -> None:
    connection = sweep.connect(study)
    connection.register("mine", pd.DataFrame({"seed": [3, 4], "batch": ["a", "b"]}))
    found = connection.sql("SELECT batch FROM trials JOIN mine USING (seed) ORDER BY batch")
    assert found.fetchall() == [("a",), ("b",)]


FORBIDDEN = [
    "COPY trials TO '{folder}/new.csv'",
    "COPY (SELECT 1) TO '{part}' (FORMAT parquet)",
    "EXPORT DATABASE '{folder}/export'",
    "ATTACH '{folder}/new.db'",
    "ATTACH '{folder}/new.db' (TYPE sqlite)",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_parquet('{part}')",
    "SELECT * FROM '{part}'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM parquet_metadata('{part}')",
    "SELECT * FROM 'https://example.com/a.parquet'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET temp_directory = '{folder}/spill'",
    "SET allowed_directories = ['/']",
    "PRAGMA profiling_output = '{folder}/profile'",
    "CREATE PERSISTENT SECRET mine (TYPE s3)",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_query_can_only_read_the_tables(study: Path, sql: str) -> None:
    part = study / "trials/part-000001.parquet"
    before = {p: p.read_bytes() for p in study.parent.rglob("*") if p.is_file()}
    text = sql.format(folder=study, part=str(part).replace("'", "''"))
    with pytest.raises(duckdb.Error):
        sweep.connect(study).execute(text).fetchall()
    with pytest.raises(ConfigError, match="query: must "):
        answer(study, text)
    assert {p: p.read_bytes() for p in study.parent.rglob("*") if p.is_file()} == before


def test_what_is_dropped_comes_back_with_the_next_connection(study: Path) -> None:
    sweep.connect(study).execute("DROP VIEW trials")
    assert sweep.connect(study).sql("SELECT count(*) FROM trials").fetchall() == [(6,)]


def query(*words: str) -> Result:
    return CliRunner().invoke(main, ["query", *words])


COUNTS = (
    "SELECT topology, count(*) AS n, sum(epochs), median(final_loss) FROM trials "
    "GROUP BY ALL ORDER BY ALL"
)


def test_an_answer_is_a_table_json_or_csv() -> None:
    shown = query(str(QUICKSTART), COUNTS).output.splitlines()
    assert [line.split()[:2] for line in shown] == [
        ["topology", "n"],
        ["16-4-16", "5"],
        ["16-5-16", "5"],
    ]
    rows = json.loads(query(str(QUICKSTART), COUNTS, "--json").output)
    assert [(row["topology"], row["n"]) for row in rows] == [("16-4-16", 5), ("16-5-16", 5)]
    assert isinstance(rows[0]["sum(epochs)"], int)
    assert rows[0]["median(final_loss)"] < 1e-4
    lines = query(str(QUICKSTART), COUNTS, "--csv").output.splitlines()
    assert lines[0] == "topology,n,sum(epochs),median(final_loss)"
    assert float(lines[1].split(",")[3]) == rows[0]["median(final_loss)"]


@pytest.mark.parametrize(
    ("sql", "record"),
    [
        ("SELECT 1 AS a, 2 AS a, 3 AS a_1", {"a": 1, "a_1": 2, "a_1_1": 3}),
        ("SELECT 'inf'::DOUBLE AS x, NULL AS y", {"x": None, "y": None}),
        ("SELECT [1.5, 2] AS l, {'a': 'b'} AS s", {"l": [1.5, 2], "s": {"a": "b"}}),
        ("SELECT '1 day'::INTERVAL AS i", {"i": [0, 1, 0]}),
        ("SELECT TIMESTAMP '2026-01-02 03:04:05' AS t", {"t": "2026-01-02T03:04:05.000Z"}),
        ("SELECT TIMESTAMPTZ '2026-01-02 03:04:05+02' AS t", {"t": "2026-01-02T01:04:05.000Z"}),
        ("SELECT 0.1::DECIMAL(4, 2) AS d, 10::HUGEINT AS h", {"d": 0.1, "h": 10}),
    ],
)
def test_values_of_any_type_are_json(study: Path, sql: str, record: dict[str, object]) -> None:
    assert json.loads(query(str(study), sql, "--json").output) == [record]
    assert query(str(study), sql, "--csv").output.count("\n") == 2
    assert query(str(study), sql).exit_code == 0


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT final_los FROM trials", '"final_loss"'),
        ("FROM trails", "the views are trials, curves, ladder, gradients, codes and phases"),
        ("SELCT 1", 'syntax error at or near "SELCT"'),
        ("SELECT topology + 1 FROM trials", "No function matches"),
        ("SELECT error('two\nlines')", "two; lines"),
        ("SELECT topology::INT FROM trials", "Could not convert string '4-2-4'"),
        (" ", "must be SQL that DuckDB can answer"),
        ("COPY trials TO 'x.csv'", "must only read the tables of the sweep"),
    ],
)
def test_an_error_is_one_line(study: Path, sql: str, told: str) -> None:
    done = query(str(study), sql)
    assert done.exit_code == 2
    assert done.output.startswith("query: must ")
    assert told in done.output
    assert done.output.count("\n") == 1


def test_an_answer_without_rows_has_its_columns(study: Path) -> None:
    assert query(str(study), "SELECT seed FROM trials WHERE false").output == "seed\n"
    assert query(str(study), "SELECT 1 WHERE false", "--json").output == "[]\n"
    assert query(str(study), "SELECT 1", "--json", "--csv").exit_code == 2


def test_hostile_text_is_text(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as writer:
        failed = make_result(StopReason.FAILED, outcome={"error": "\x1b[31mred\nnext,\"'"})
        writer.append(encode([failed], "study"))
    shown = query(str(tmp_path), "SELECT error FROM trials").output
    assert shown == "error\n\\x1b[31mred\\nnext,\"'\n"
    (row,) = json.loads(query(str(tmp_path), "SELECT error FROM trials", "--json").output)
    assert row["error"] == "\x1b[31mred\nnext,\"'"


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as writer:
        writer.append(encode([make_result()], "study"))
    part = tmp_path / "curves/part-000001.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:-10])
    done = query(str(tmp_path), "FROM curves")
    assert (done.exit_code, "part-000001.parquet: must be a whole" in done.output) == (2, True)
    part.write_bytes(whole[:20] + bytes(40) + whole[60:])
    done = query(str(tmp_path), "FROM curves")
    assert done.exit_code == 2
    assert "`sweep doctor` checks every file" in done.output


def test_parts_put_together_meanwhile_are_asked_again(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    for seed in range(4):
        with Writer(directory) as writer:
            writer.append(encode([make_result(seed=seed)], "study"))
    connection = sweep.connect(tmp_path)
    with Writer(directory) as writer:
        writer._rewrite(part_numbers(directory), set())
    with pytest.raises(duckdb.Error, match="No such file"):
        connection.sql("SELECT sum(seed) FROM trials").fetchall()
    assert list(answer(tmp_path, "SELECT sum(seed) FROM trials").rows()) == [(6,)]


def test_a_large_answer_comes_in_pieces(study: Path) -> None:
    found = answer(study, "SELECT range AS n FROM range(10_000)")
    sizes = [len(batch) for batch in found.batches]
    assert sum(sizes) == 10_000
    assert max(sizes) < 5_000
    assert pa.types.is_integer(next(iter(answer(study, "SELECT 1").batches)).schema.types[0])


@pytest.mark.slow
def test_control_c_stops_a_query(study: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sweep",
            "query",
            str(study),
            "SELECT sum(sqrt(range)) FROM range(1000000000000)",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while _processor_seconds(process.pid) < 4:  # what it imports takes less
        time.sleep(0.1)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")
