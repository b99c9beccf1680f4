"""Claims: `sweep init` writes, for what users have, a sweep file that plans and trains."""

import csv
import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from sweep.cli.main import main
from sweep.config import load_config
from sweep.examples.images import resized
from sweep.examples.settings import TRIALS, choose_topologies

RNG = np.random.default_rng(0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


Column = list[object] | tuple[float, float]


def write_csv(path: Path, columns: dict[str, Column], rows: int, delimiter: str = ",") -> None:
    """Write a table; a column is a list, or a range of the numbers that are drawn."""
    cells = {
        name: values if isinstance(values, list) else list(RNG.uniform(*values, size=rows))
        for name, values in columns.items()
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(cells)
        writer.writerows(zip(*cells.values(), strict=True))


def planned(file: str = "sweep.yaml") -> dict[str, object]:
    """Return what `sweep plan` counts; a file with faults or warnings fails."""
    result = call("plan", file, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def tree() -> dict[str, dict[str, object]]:
    return yaml.safe_load(Path("sweep.yaml").read_text("utf-8"))


def test_a_table_is_scaled_and_what_is_no_measurement_left_out(here: Path) -> None:
    columns: dict[str, Column] = {
        "id": list(range(60)),
        "name: of it": ["x"] * 60,
        "height": (1.5, 2.0),
        "weight, kg": (40, 90),
        "no": (0, 1),
        "gap": ["", *[1.5] * 59],
        "same": [3.0] * 60,
    }
    write_csv(here / "people.csv", columns, 60)
    result = call("init", "people.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "column 'gap' lacks a number in 1 of 60 rows" in result.stdout
    assert tree()["dataset"] == {
        "name": "table",
        "path": "people.csv",
        "columns": ["height", "weight, kg", "no"],
        "validation": 0.2,
        "scale": "standard",
    }
    assert tree()["fixed"]["output_activation"] == "identity"
    assert tree()["fixed"]["loss"] == "mean_squared_error"
    assert (planned()["trials"], planned()["datasets"]) == (
        TRIALS,
        ["table-people-60x3-held-out-0.2-standard"],
    )


def test_the_loss_and_the_outputs_fit_the_range(here: Path) -> None:
    np.save("shares.npy", RNG.random((40, 4)))
    call("init", "shares.npy")
    assert tree()["fixed"]["output_activation"] == "sigmoid"
    assert tree()["fixed"]["loss"] == "mean_squared_error"
    np.save("bits.npy", RNG.integers(0, 2, (40, 4)))
    call("init", "bits.npy", "--output", "bits.yaml")
    bits = yaml.safe_load(Path("bits.yaml").read_text("utf-8"))
    assert bits["fixed"]["loss"] == "binary_cross_entropy"
    assert "scale" not in bits["dataset"]


def test_hostile_and_odd_names_are_names(here: Path) -> None:
    names = ["a\nb", "x: y", "#c", "null", "12", "é🙂", "\x1b[31mred", '"', "it's"]
    write_csv(here / "odd name.csv", {"text": ["t"] * 30} | dict.fromkeys(names, (0, 9)), 30)
    result = call("init", "odd name.csv")
    assert result.exit_code == 0
    assert "\x1b" not in Path("sweep.yaml").read_text("utf-8")
    assert tree()["dataset"]["columns"] == names
    assert planned()["name"] == "odd-name"


def test_a_table_with_other_delimiters_is_found_out(here: Path) -> None:
    write_csv(here / "t.csv", {"a": (0, 9), "b": (0, 9)}, 30, delimiter=";")
    assert call("init", "t.csv").exit_code == 0
    assert tree()["dataset"]["delimiter"] == ";"
    assert planned()["missing"] == TRIALS


@pytest.mark.parametrize(("rows", "features"), [(2, 2), (11, 3), (300, 40), (3000, 12)])
def test_tables_of_any_size_plan(rows: int, features: int, here: Path) -> None:
    np.save("t.npy", RNG.normal(size=(rows, features)))
    assert call("init", "t.npy").exit_code == 0
    assert planned()["missing"] == TRIALS


@pytest.mark.parametrize("features", [2, 3, 4, 5, 6, 7, 12, 784, 100_000])
def test_topologies_differ_and_narrow(features: int) -> None:
    found = choose_topologies(features)
    assert len(set(found)) == 3
    assert all(widths[0] == widths[-1] == features for widths in found)
    assert min(found[0]) > min(found[1]) == min(found[2])


def test_pictures_become_one_file_of_grey_levels(here: Path) -> None:
    (here / "photos").mkdir()
    for number in range(12):
        pixels = np.full((40, 30 + number % 2, 3), number / 11)
        matplotlib.image.imsave(here / f"photos/{number:02}.png", pixels)
    result = call("init", "photos")
    assert "photos.npz: 12 images of 784 grey levels" in result.stdout
    levels = np.load("photos.npz")["x_train"]
    assert levels.shape == (12, 28, 28)
    assert [int(picture[5, 5]) for picture in levels[::11]] == [0, 255]
    assert planned()["missing"] == TRIALS


def test_a_resized_picture_keeps_its_mean() -> None:
    picture = RNG.random((13, 40))
    assert resized(picture, 7, 28).mean() == pytest.approx(picture.mean())
    assert np.array_equal(
        resized(np.repeat(picture, 2, axis=0), 13, 40).round(12), picture.round(12)
    )


@pytest.mark.parametrize("words", [(), ("mnist.npz",)])
def test_images_plan(words: tuple[str, ...], here: Path) -> None:
    pixels = RNG.integers(0, 256, (90, 5, 6), dtype=np.uint8)
    np.savez("mnist.npz", x_train=pixels, x_test=pixels[:20])
    assert call("init", *words).exit_code == 0
    assert planned()["missing"] == TRIALS
    assert load_config(Path("sweep.yaml")).name == ("mnist" if words else "digits")


def test_nothing_is_written_over(here: Path) -> None:
    Path("sweep.yaml").write_text("mine")
    result = call("init")
    assert result.exit_code == 2
    assert result.stderr.startswith("sweep.yaml: must not be there")
    assert Path("sweep.yaml").read_text() == "mine"
    Path("pics").mkdir()
    matplotlib.image.imsave("pics/a.png", np.zeros((4, 4)))
    Path("pics.npz").write_text("mine")
    result = call("init", "pics", "--output", "other.yaml")
    assert (result.exit_code, Path("pics.npz").read_text()) == (2, "mine")
    assert not Path("other.yaml").exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.csv", None, "none.csv: must find its path"),
        ("a.csv", "a,b\n", "holds no rows"),
        ("a.csv", "a,b\nx,y\n", "'a' holds text"),
        ("a.txt", "a", "(name a table (.csv, .parquet, .npy), images"),
        ("a.npy", "a", "a.npy: must be a table"),
    ],
)
def test_what_cannot_be_learned_is_said(name: str, text: str | None, said: str, here: Path) -> None:
    if text is not None:
        Path(name).write_text(text)
    result = call("init", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("sweep.yaml").exists()


def test_the_file_explains_itself(here: Path) -> None:
    np.save("t.npy", RNG.normal(size=(300, 8)))
    call("init", "t.npy")
    lines = Path("sweep.yaml").read_text("utf-8").splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("#" in line for line in lines) > len(lines) / 2
    assert "#   sweep run sweep.yaml    train it" in Path("sweep.yaml").read_text("utf-8")


@pytest.mark.slow
def test_the_file_trains(here: Path) -> None:
    basis = RNG.normal(size=(2, 6))
    np.save("flat.npy", RNG.normal(size=(120, 2)) @ basis)
    call("init", "flat.npy")
    result = call("run", "sweep.yaml", "--no-ray", "--json", "convergence.max_epochs=150")
    summary = json.loads(result.stdout)
    assert (summary["trained"], summary["failed"], summary["diverged"]) == (TRIALS, 0, 0)
