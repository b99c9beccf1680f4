"""Claims: `sweep plan` says what will be trained, as a product of what varies, in 80 columns."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import sweep
from sweep.cli.main import main
from sweep.cli.plan_page import describe_plan
from sweep.config import load_config, parse_config
from sweep.planning import make_plan
from sweep.planning.explanation import describe_stops, outline_grid
from tests.sweepfiles import small

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
LEAKY = {"name": "leaky_relu", "slope": [0.01, 0.2]}


def outlined(**changes: object) -> list[tuple[int, str]]:
    """Return the factors of the small sweep's one grid: how many levels, of what."""
    (product,) = make_plan(parse_config(small(**changes))).grid.products
    return [(factor.size, factor.title) for factor in outline_grid(product).factors]


def test_the_factors_of_a_grid_multiply_to_its_trials() -> None:
    grid = {
        "activation": ["tanh", LEAKY],
        "topology": ["4-2-4", "4-3-4"],
        "replicates": 5,
        "exclude": [{"activation": "tanh", "topology": "4-3-4"}],
    }
    (product,) = make_plan(parse_config(small(grid=grid))).grid.products
    outline = outline_grid(product)
    assert (outline.trials, outline.excluded) == (25, 5)
    assert [(f.title, f.levels) for f in outline.factors] == [
        ("activation", ("tanh", "leaky_relu slope=0.01", "leaky_relu slope=0.2")),
        ("topology", ("4-2-4", "4-3-4")),
        ("seed", ("0", "1", "2", "3", "4")),
    ]


def test_an_option_that_varies_alone_is_named() -> None:
    constants = {"initialiser": {"name": "uniform", "constant": [1, 0.5]}}
    assert outlined(grid=constants) == [(2, "initialiser_constant")]


def test_parameters_that_advance_together_are_one_factor() -> None:
    grid = {
        "learning_rate": [0.1, 0.2, 0.3],
        "optimizer": ["sgd", "adam", "lion"],
        "zip": ["learning_rate", "optimizer"],
    }
    assert outlined(grid=grid) == [(3, "learning_rate+optimizer")]


def test_what_stops_a_trial_is_said() -> None:
    rules = {"delta": {"tolerance": [1e-5, 1e-7]}, "target": {"loss": 0.1}, "max_epochs": 2000}
    plan = make_plan(parse_config(small(convergence=rules)))
    tail = "patience 1, monitor loss), or target (loss 0.1, monitor loss), or after 2,000 epochs"
    assert describe_stops([product.source for product in plan.grid.products]) == (
        f"delta (tolerance 1e-05, {tail}",
        f"delta (tolerance 1e-07, {tail}",
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_plan_has_80_columns(config: Path) -> None:
    if "data/mnist" in config.read_text("utf-8"):
        pytest.skip("its data are not in the repository")
    lines = describe_plan(make_plan(load_config(config)), Path("results")).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40


def test_a_plan_ends_with_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my sweep.yaml").write_text(json.dumps(small()), "utf-8")
    shown = CliRunner().invoke(main, ["plan", "my sweep.yaml"]).stdout.splitlines()
    assert shown[-2] == "next: sweep run 'my sweep.yaml'"
    sweep.run("my sweep.yaml", use_ray=False)
    shown = CliRunner().invoke(main, ["plan", "my sweep.yaml"]).stdout.splitlines()
    assert shown[-1] == "next: nothing is left to train; sweep report results/small"
