"""The methods and the table for a paper say what the results hold, and stand in LaTeX."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

import sweep
from sweep.cli.main import main
from sweep.nets.topology import parse_topology
from sweep.reports.findings import latex_table, methods_text, read_subject
from sweep.reports.findings.latex import escape_latex
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from tests.store_fixtures import make_result
from tests.sweepfiles import small


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "some_sweep"
    grid = {"learning_rate": [0.1, 0.2], "activation": ["sigmoid", "tanh"], "replicates": 2}
    sweep.run(small(grid=grid, resources={"engine": "fused"}), output=folder, use_ray=False)
    return folder


@pytest.mark.slow
def test_methods_say_what_was_trained_until_when_and_with_what(results: Path) -> None:
    text = methods_text(read_subject(ResultsDir(results)))
    assert text.startswith("We trained 8 autoencoders 4-2-4 on one-hot-4: 4 settings with 2 seeds")
    assert "differ in activation (sigmoid, tanh) and learning rate (0.1, 0.2)" in text
    assert "loss mean_squared_error, optimizer sgd" in text
    assert "for at most 100 epochs" in text
    assert f"They were trained with sweep {version('autoencoder-sweep')}, PyTorch " in text
    assert "by the engine fused on cpu" in text
    assert "\n" not in text


def test_methods_name_all_data_sets_where_they_go_with_the_topology(tmp_path: Path) -> None:
    sizes = [(4, "4-2-4"), (8, "8-3-8")]
    results = [
        make_result(dataset=f"one-hot-{size}", topology=parse_topology(topology), seed=seed)
        for size, topology in sizes
        for seed in range(2)
    ]
    with Writer(ResultsDir(tmp_path)) as writer:
        writer.append(encode(results, "sizes"))
    text = methods_text(read_subject(ResultsDir(tmp_path)))
    assert text.startswith("We trained 4 autoencoders on 2 data sets (one-hot-4, one-hot-8): 2 set")


def test_the_table_has_a_row_for_each_of_the_best_settings(results: Path) -> None:
    table = latex_table(read_subject(ResultsDir(results)))
    rows = re.findall(r"^    (sigmoid|tanh) & 0\.[12] & 2 &.* \\\\$", table, re.MULTILINE)
    assert len(rows) == 4
    assert r"\begin{tabular}{lrr" in table
    assert r"\label{tab:some-sweep}" in table
    assert table.count(r"\toprule") == table.count(r"\midrule") == table.count(r"\bottomrule") == 1


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b & 5% of #1", r"a\_b \& 5\% of \#1"),
        ("\\end{table}", r"\textbackslash{}end\{table\}"),
        ("x^2~$y$", r"x\textasciicircum{}2\textasciitilde{}\$y\$"),
        ("a\nb", r"a\textbackslash{}nb"),
    ],
)
def test_text_stands_in_latex_for_itself(text: str, escaped: str) -> None:
    assert escape_latex(text) == escaped


def test_report_prints_the_table_for_latex(results: Path) -> None:
    done = CliRunner().invoke(main, ["report", str(results), "--latex"])
    assert done.exit_code == 0
    assert done.stdout == latex_table(read_subject(ResultsDir(results))) + "\n"
    assert not (results / "report").exists()
