"""Claims: a job takes along what its sweep names, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep.config import load_config
from sweep.errors import SweepError
from sweep.jobs import bundle as bundles
from sweep.jobs.bundle import make_bundle
from sweep.jobs.requirements import pinned_requirements
from sweep.jobs.submit import SubmitOptions, command_of, job_name, place_of
from sweep.store.places.remote import without_query
from tests.cluster_sweeps import small_config, small_sweep, write_module

READER = "import ours_tools\n\ndef read(path):\n    return ours_tools.rows(path)\n"
TOOLS = """
from pathlib import Path

def rows(path):
    return [[float(x) for x in line.split()] for line in Path(path).read_text().splitlines()]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a sweep of one's own data, and much that is no part of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_module(tmp_path, "ours_reader", READER)
    write_module(tmp_path, "ours_tools", TOOLS)
    write_module(tmp_path, "unused", "")
    for name in ("data/four.txt", ".git/config", ".venv/pyvenv.cfg", "results/small/sweep.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1 0 0 0\n0 1 0 0\n")
    dataset = {"name": "ours_reader:read", "options": {"path": "data/four.txt"}}
    (tmp_path / "configs").mkdir()
    write(tmp_path, small_sweep(dataset=dataset))
    return tmp_path


def write(folder: Path, tree: dict[str, Any]) -> None:
    (folder / "configs/small.yaml").write_text(yaml.safe_dump(tree))


def files_of(**options: Any) -> list[str]:
    path = Path("configs/small.yaml")
    options = {"with_sweep": False} | options
    return sorted(make_bundle(path, load_config(path), **options).files)


def test_the_file_its_modules_what_they_import_and_its_data_are_sent(project):
    assert files_of() == ["configs/small.yaml", "data/four.txt", "ours_reader.py", "ours_tools.py"]


TABLE = {"name": "table", "path": "data/four.csv"}


def test_the_tables_and_images_that_a_sweep_names_are_sent(project):
    for name in ("four.csv", "more.csv", "digits/train-images-idx3-ubyte"):
        (project / "data" / name).parent.mkdir(exist_ok=True)
        (project / "data" / name).write_text("a,b,c,d\n1,0,0,0\n0,1,0,0\n")
    images = b"\0\0\x08\3" + bytes([0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(range(8))
    (project / "data/digits/train-images-idx3-ubyte").write_bytes(images)
    tables = TABLE | {"path": ["data/four.csv", "data/more.csv"]}
    write(project, small_sweep(dataset=[tables, {"name": "idx", "path": "data/digits"}]))
    named = ["data/digits/train-images-idx3-ubyte", "data/four.csv", "data/more.csv"]
    assert files_of() == ["configs/small.yaml", *named]


def test_a_table_is_sent_under_its_name_though_a_link(project, tmp_path_factory):
    table = tmp_path_factory.mktemp("elsewhere") / "real.csv"
    table.write_text("a,b,c,d\n1,0,0,0\n0,1,0,0\n")
    (project / "data/four.csv").symlink_to(table)
    write(project, small_sweep(dataset=TABLE))
    assert files_of() == ["configs/small.yaml", "data/four.csv"]


def test_a_table_above_the_working_directory_is_refused_and_an_absolute_path_left_to_the_nodes(
    project, tmp_path_factory, monkeypatch
):
    (project / "configs/four.csv").write_text("a,b,c,d\n1,0,0,0\n0,1,0,0\n")
    write(project, small_sweep(dataset=TABLE | {"path": str(project / "configs/four.csv")}))
    assert files_of() == ["configs/small.yaml"]
    write(project, small_sweep(dataset=TABLE | {"path": "../configs/four.csv"}))
    monkeypatch.chdir(project / "data")
    path = Path("../configs/small.yaml")
    with pytest.raises(SweepError, match=r"four.csv: must lie in the working directory to be sent"):
        make_bundle(path, load_config(path), with_sweep=False)


def test_hidden_folders_environments_and_results_are_never_sent(project):
    sent = files_of(include=[project])
    assert "unused.py" in sent
    assert not [name for name in sent if name.startswith((".", "results"))]


def test_a_module_that_is_no_python_is_sent_as_it_is(project):
    write(project, small_sweep(dataset="ours_pack.reader:read"))
    (project / "ours_pack").mkdir()
    reader = "import ours_rows\n\ndef read():\n    return [[1.0, 0.0, 0.0, 0.0]] * 4\n"
    modules = {"__init__": "", "reader": reader}
    modules |= {"cut": "def (:", "nul": "a = '\0'", "deep": "(" * 10_000, "code": "# coding: x\n"}
    write_module(project, "ours_rows", "")
    for name, text in modules.items():
        write_module(project / "ours_pack", name, text)
    sent = [f"ours_pack/{name}.py" for name in modules]
    assert files_of() == ["configs/small.yaml", *sorted(sent), "ours_rows.py"]


def test_sweep_is_sent_with_what_tells_its_version(project):
    sent = files_of(with_sweep=True)
    assert "sweep/__main__.py" in sent
    assert "sweep/jobs/archive.py" in sent
    assert "sweep/reports/page/page.html" in sent
    assert [name for name in sent if name.endswith(".dist-info/METADATA")]


def test_what_lies_elsewhere_is_refused(project, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "x.txt"
    other.write_text("1")
    with pytest.raises(SweepError, match=r"x.txt: must lie in the working directory to be sent"):
        files_of(include=[other])
    with pytest.raises(SweepError, match=r"nothing.txt: must exist to be sent"):
        files_of(include=[project / "nothing.txt"])


def test_too_much_is_refused_with_the_largest_named(project, tmp_path, monkeypatch):
    monkeypatch.setattr(bundles, "MOST_BYTES", 2**20)
    (project / "data/big.bin").write_bytes(bytes(3 * 2**20))
    path = Path("configs/small.yaml")
    bundle = make_bundle(path, load_config(path), include=[Path("data")], with_sweep=False)
    with pytest.raises(SweepError, match=r"at most 1 MiB .*largest: data/big.bin 3.0 MiB, "):
        bundle.write(tmp_path / "out")


def test_requirements_are_those_installed_here_without_ray():
    pins = dict(pin.split("==") for pin in pinned_requirements())
    assert pins["torch"].replace(".", "").isdecimal()
    assert {"numpy", "pydantic-core", "pyarrow"} <= pins.keys()
    assert not {"ray", "setuptools"} & pins.keys()


def test_results_go_to_a_place_that_outlives_the_job():
    assert place_of(None, "small") == "~/sweep-results/small"
    assert [place_of(p, "x") for p in ("/a/b", "~/c", "s3://d/e")] == ["/a/b", "~/c", "s3://d/e"]
    with pytest.raises(SweepError, match=r"--output must be a path from / or ~/ .*got results/x"):
        place_of("results/x", "x")


def test_credentials_are_not_sent_as_part_of_a_place():
    for place in ("s3://b/k?region=x&secret_key=hush", "s3://us:hush@b/k"):
        with pytest.raises(
            SweepError, match=r"--output must hold no credentials.* s3://b/k\)"
        ) as e:
            place_of(place, "x")
        assert "hush" not in str(e.value)
    assert without_query("s3://b/k?region=x") == "s3://b/k"
    assert place_of("s3://b/k?region=x", "x") == "s3://b/k?region=x"


def test_a_job_is_named_after_the_sweep_and_what_it_says():
    first = job_name(small_config(), None, set())
    assert first.startswith("small-")
    assert len(first) == len("small-") + 8
    assert job_name(small_config(), None, {first}) == f"{first}-2"
    assert job_name(small_config(), None, {first, f"{first}-2"}) == f"{first}-3"
    assert job_name(small_config("convergence.max_epochs=41"), None, set()) != first
    with pytest.raises(SweepError, match=r"--name must not be that of another job \(got 'mine'"):
        job_name(small_config(), "mine", {"mine"})
    with pytest.raises(SweepError, match=r"--name must be of letters"):
        job_name(small_config(), "a b", set())


def test_the_command_survives_the_shell(project):
    path = Path("configs/small.yaml")
    bundle = make_bundle(path, load_config(path), with_sweep=False)
    options = SubmitOptions(engine="torch", workers=3, retry_failed=True, merge=True)
    assert command_of(bundle, ("grid.seed=[1, 2]",), "~/my results", options) == (
        "exec python3 -m sweep run configs/small.yaml 'grid.seed=[1, 2]' "
        "--trust --engine torch --workers 3 --retry failed --merge --output ~/'my results'"
    )
