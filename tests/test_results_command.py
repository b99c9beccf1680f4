"""Claims: `sweep results` fits a terminal, gives pipes everything, and takes any size of table."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sweep.cli.main import main
from sweep.reports.rejudging import read_judged
from sweep.reports.tables.listing import list_trials, shortest_ids
from sweep.reports.tables.selection import Selection, select
from sweep.reports.tables.stream import ROWS_AT_ONCE, TrialStream
from sweep.reports.tables.text import json_parts
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.parts import part_numbers
from sweep.store.tables.snapshot import iterate_trials
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "results/examples/quickstart"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def study(tmp_path: Path) -> ResultsDir:
    """Results in three parts, a row of which was bettered."""
    directory = ResultsDir(tmp_path / "study")
    for seeds in ([1, 2, 3], [4, 5], [6]):
        results = [make_result(seed=seed, epochs=100 - seed, learning_rate=0.1) for seed in seeds]
        results.append(make_result(StopReason.CANCELLED, seed=10 + seeds[0]))
        with Writer(directory) as writer:
            writer.append(encode(results, "study"))
    with Writer(directory) as writer:
        writer.append(encode([make_result(seed=11, minutes=2)], "study"))
    return directory


def on_terminal(*words: str, columns: int, lines: int) -> str:
    """Return what `sweep` prints on a terminal of this size."""
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-m", "sweep", *words], stdout=follower, cwd=ROOT, env=environment
    ) as process:
        os.close(follower)
        printed = b""
        try:
            while chunk := os.read(leader, 65536):
                printed += chunk
        except OSError:  # Linux says so that the other end was closed
            pass
    os.close(leader)
    assert process.returncode == 0
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_terminal_gets_a_screenful_with_short_ids_and_a_bold_heading() -> None:
    printed = on_terminal("results", str(QUICKSTART), columns=80, lines=10)
    assert printed.startswith("\x1b[1m")
    lines = STYLE.sub("", printed).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["56ba85d6", "0f034b8d", "ef7e60cf"]
    assert lines[2].startswith("56ba85d6  16-5-16              1  finished   22329   2.5267e-06  ")
    hidden = "stop_reason converged, samples_reconstructed 16"
    assert " ".join(lines[5:]) == f"2 columns hidden: {hidden}; --columns all shows them"
    assert len(lines) < 10
    assert max(map(len, lines)) <= 80


@pytest.mark.slow
def test_a_terminal_is_told_how_to_see_all_rows(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("results", str(QUICKSTART), "--format", "json", "--columns", "trial_id,epochs")
    printed = on_terminal(*words, columns=80, lines=14)
    assert [row["epochs"] for row in json.loads(printed)] == [22329, 22603]
    told = "2 of 10 trials; --top 10 shows all, as does a pipe\n"
    assert capfd.readouterr().err == told
    assert len(json.loads(on_terminal(*words, "--top", "10", columns=80, lines=14))) == 10


def test_a_pipe_gets_whole_ids_and_every_column() -> None:
    printed = CliRunner().invoke(main, ["results", str(QUICKSTART)]).stdout.splitlines()
    assert printed[1].split()[0] == "56ba85d639e70771"
    assert printed[0].split()[-1] == "seconds"
    assert len(printed) == 11


@given(
    st.lists(st.tuples(st.floats(), st.text(max_size=12), st.integers()), min_size=1, max_size=5),
    st.integers(1, 90),
    st.booleans(),
)
def test_no_value_is_broken_or_cut(
    rows: list[tuple[float, str, int]], width: int, may_hide: bool
) -> None:
    frame = pd.DataFrame(rows, columns=["final_loss", "some_long_name", "seconds"])
    frame.insert(0, "trial_id", [f"{place:016x}" for place in range(len(rows))])
    listing = list_trials(frame, width, id_length=16, may_hide=may_hide)
    assert len(listing.rows) == len(rows)
    if listing.heading:
        assert max(map(len, [*listing.heading, *(line for (line,) in listing.rows)])) <= width
        assert all(line.split()[0] == f"{n:016x}" for n, (line,) in enumerate(listing.rows))
        assert may_hide or not listing.hidden
    else:
        assert all(len(lines) == 4 for lines in listing.rows)
        assert not listing.hidden


def test_columns_that_tell_least_are_hidden_first() -> None:
    results = [make_result(seed=s, learning_rate=lr) for s in (1, 2) for lr in (0.1, 0.25)]
    frame = select(table_set_of(results, "study").trials.to_pandas(), Selection())
    wide, narrow, narrower, narrowest = (list_trials(frame, w) for w in (200, 41, 24, 20))
    assert wide.hidden == []
    outcomes = ["status finished", "stop_reason converged", "samples_reconstructed 4"]
    assert narrow.hidden == [*outcomes, "seconds 1.5"]
    assert narrower.hidden == ["seed", "learning_rate", *outcomes, "seconds 1.5"]
    assert narrowest.heading == []  # each row is a block, in full
    assert narrowest.rows[0][0] == f"trial_id               {frame['trial_id'][0]}"
    assert narrowest.rows[0][-1] == "seconds                1.5"


def test_best_settings_on_80_columns_show_both_quartiles_or_neither() -> None:
    """Both stand at 70 columns, neither at 50; what is the same everywhere goes first."""
    frame = pd.DataFrame(
        {
            "trial_id": ["0273e12ee73b36e5", "046e101ff8d1f4ca"],
            "activation": ["sigmoid", "relu"],
            "learning_rate": [0.1, 0.01],
            "trials": [6, 6],
            "converged": [1.0, 0.833333],
            "median": [0.0507339, 0.0545963],
            "q1": [0.0462037, 0.0467834],
            "q3": [0.0563319, 0.0607812],
            "mean": [0.0510309, 0.0538282],
        }
    )
    shown = {width: " ".join(list_trials(frame, width).heading).split() for width in (70, 50)}
    assert shown[70][-3:] == ["median", "q1", "q3"]
    assert not {"q1", "q3", "converged", "mean"} & set(shown[50])
    assert "trials 6" in list_trials(frame, 70).hidden


def test_identities_are_as_short_as_tells_them_apart() -> None:
    assert shortest_ids([]) == 8
    assert shortest_ids(["0123456789abcdef", "0123456799abcdef"]) == 9
    assert shortest_ids(["0123456789abcdef", "0123456789abcdee", "f" * 16]) == 16


@pytest.mark.slow
def test_rows_that_come_in_pieces_are_those_of_the_whole(study: ResultsDir) -> None:
    assert len(part_numbers(study)) > 1
    whole = read_judged(study)
    for wanted in (
        Selection(),
        Selection(columns=["all"]),
        Selection(where="epochs < 97 and seed != 4", columns=["seed", "epochs"]),
        Selection(sort=["-epochs", "seed"], columns=["seed"]),
        Selection(sort=["epochs"], top=3, where="status == 'finished'"),
        Selection(top=4, columns=["false_convergence", "path_id"]),
        Selection(top=0),
    ):
        rows = TrialStream(study, wanted).read().reset_index(drop=True)
        expected = select(whole, wanted).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, expected, check_dtype=False)


def test_held_out_loss_is_shown_by_default_where_some_piece_has_it(study: ResultsDir) -> None:
    assert "validation_loss" not in TrialStream(study, Selection()).columns
    with Writer(study) as writer:
        writer.append(encode([make_result(seed=20, outcome={"validation_loss": 0.5})], "study"))
    columns = TrialStream(study, Selection()).columns
    assert columns.index("validation_loss") + 1 == columns.index("final_loss")


def test_no_piece_is_large(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / "many")
    with Writer(directory) as writer:
        writer.append(encode([make_result(seed=s) for s in range(ROWS_AT_ONCE + 5)], "many"))
    stream = TrialStream(directory, Selection(columns=["seed"]))
    assert [len(rows) for rows in stream] == [0, ROWS_AT_ONCE, 5]
    assert (stream.matching, stream.total) == (ROWS_AT_ONCE + 5, ROWS_AT_ONCE + 5)


def test_parts_put_together_meanwhile_are_read_once(study: ResultsDir) -> None:
    tables = iterate_trials(study.path, ["seed"])
    seeds = next(tables)["seed"].to_pylist()
    numbers = part_numbers(study)
    with Writer(study) as writer:
        writer._rewrite(numbers, set())
    for table in tables:
        seeds += table["seed"].to_pylist()
    assert sorted(seeds) == [1, 2, 3, 4, 5, 6, 11, 14, 16]


def test_json_in_pieces_is_json_as_python_writes_it(study: ResultsDir) -> None:
    text = "".join(json_parts(TrialStream(study, Selection(columns=["all"]))))
    rows = json.loads(text)
    assert text == json.dumps(rows, indent=2)
    assert [row["seed"] for row in rows] == list(read_judged(study)["seed"])
    row = next(row for row in rows if row["seed"] == 14)
    assert (row["final_loss"], row["status"]) == (None, "cancelled")
    assert row["finished"] == "2026-01-02T03:05:05.678Z"
    nothing = TrialStream(study, Selection(where="epochs < 0"))
    assert "".join(json_parts(nothing)) == "[]"


def test_a_csv_of_nothing_has_its_heading(study: ResultsDir) -> None:
    words = ["results", str(study.path), "--where", "epochs < 0", "--columns", "seed,epochs"]
    done = CliRunner().invoke(main, [*words, "--format", "csv"])
    assert done.stdout == "seed,epochs\n"
    assert done.stderr == "0 of 9 match; nearest epochs: 94, 95, 96 and 4 more\n"
