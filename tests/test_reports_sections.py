"""The sections on gradients, symmetry, units and stacking say what hand-built tables hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sweep
from sweep.reports.axes import axes_of
from sweep.reports.figures.curves import last_phases
from sweep.reports.groups import Group, groups_of
from sweep.reports.population import population_of
from sweep.reports.report import write_report
from sweep.reports.sections.registry import Context, FigureFolder, Write
from sweep.reports.sections.settings import settings_section
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.studies.gradients import gradients_section
from sweep.studies.identity import count_units, identity_section, identity_text, learns_identity
from sweep.studies.stacking.cells import cells_of, with_totals
from sweep.studies.stacking.figure import draw_stacking
from sweep.studies.stacking.pairs import pairs_of
from sweep.studies.stacking.section import answers, stacking_section
from sweep.studies.symmetry import epochs_broken, symmetry_section
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

NAN = float("nan")


def frame_of(*results: TrialResult) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame


def text_of(write: Write, path: Path, results: Sequence[TrialResult]) -> str:
    """Return what a section says of results, its figures below `path`."""
    directory = ResultsDir(path / "study")
    with Writer(directory) as writer:
        writer.append(encode(results, "study"))
    trials = read_trials(directory.path)
    figures = FigureFolder(path / "figures")
    return write(Context(directory, population_of(trials), axes_of(trials), figures))


def result(**changes: Any) -> TrialResult:
    """Return a result without weights, whose layout hand-built topologies need not have."""
    return replace(make_result(**changes), parameters=None)


def probed(
    depth: int,
    rms: Callable[[int, int], float],
    *,
    verdict: str = "healthy",
    distance: Callable[[int], float] = lambda epoch: NAN,
) -> dict[str, dict[str, np.ndarray]]:
    """Return probes of every layer at epochs 0, 1, 10 and 100."""
    places = [(epoch, layer) for epoch in (0, 1, 10, 100) for layer in range(depth)]
    norms = np.array([rms(epoch, layer) for epoch, layer in places])
    count = len(places)
    ill = [verdict if layer == 0 and epoch else "healthy" for epoch, layer in places]
    apart = [distance(epoch) if layer < depth - 1 else NAN for epoch, layer in places]
    table = {
        "epoch": np.array([epoch for epoch, _ in places]),
        "layer": np.array([layer for _, layer in places]),
        "gradient_norm": norms,
        "gradient_rms": norms,
        "weight_norm": np.full(count, 2.0),
        "update_ratio": np.full(count, 1e-3),
        "saturated_share": np.zeros(count),
        "dead_share": np.zeros(count),
        "unit_distance": np.array(apart),
        "verdict": np.array(ill),
    }
    return {"gradients": table}


def deep_results(depth: int, activation: str, loss: float, verdict: str) -> list[TrialResult]:
    shrink = 10.0 if verdict == "vanishing" else 1.0
    return [
        result(
            topology=(4,) * (depth + 1),
            activation=activation,
            seed=seed,
            outcome={"final_loss": loss},
            details=probed(depth, lambda _, layer: shrink ** (layer - depth), verdict=verdict),
        )
        for seed in range(10)
    ]


def test_gradients_are_told_by_setting_and_depth(tmp_path: Path) -> None:
    results = [
        *deep_results(3, "sigmoid", 0.01, "healthy"),
        *deep_results(3, "relu", 0.01, "healthy"),
        *deep_results(9, "sigmoid", 0.5, "vanishing"),
        *deep_results(9, "relu", 0.01, "healthy"),
    ]
    text = text_of(gradients_section, tmp_path, results)
    assert "| setting | depth 3 | depth 9 |\n| --- | --- | --- |\n" in text
    assert "| relu | none | none |\n| sigmoid | none | vanishing 0 → 10 of 90 |" in text
    assert "| relu | 10 of 10 | 10 of 10 |\n| sigmoid | 10 of 10 | 0 of 10 |" in text
    assert "| relu | 0.01 | 0.01 |\n| sigmoid | 0.01 | 0.5 |" in text
    assert "For 40 trials the data or the loss could not be evaluated" in text
    assert text.endswith(
        "At depth 9, against the setting that learns least:\n\n"
        "- **relu**: 10 of 10 (72% to 100%) learn, against 0 of 10 (0% to 28%) with **sigmoid**: "
        "100 points more (52 to 100)."
    )
    for name in ("gradients_first", "gradients_last"):
        assert f"](<figures/{name}.png>)" in text
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000


@pytest.mark.slow
def test_gradients_are_compared_with_the_base_at_each_depth(tmp_path: Path) -> None:
    departures: list[dict[str, Any]] = [{}, {"weight_decay": 0.1}, {"bias_constant": 1.0}]
    departures.append({"learning_rate": 0.5, "outcome": {"final_loss": 0.001}})
    results = [
        result(seed=seed, details=probed(2, lambda *_: 1.0), **changes)
        for changes in departures
        for seed in range(3)
    ]
    text = text_of(gradients_section, tmp_path, results)
    assert "| base: " in text
    assert "At depth 2, against the base:" in text


def test_gradients_of_0_are_drawn_as_gaps(tmp_path: Path) -> None:
    details = probed(2, lambda _, layer: float(layer), verdict="dead")
    results = [result(activation=name, details=details) for name in ("relu", "tanh")]
    assert "dead 0 → 1 of 2" in text_of(gradients_section, tmp_path, results)


def test_one_setting_of_one_depth_makes_no_section_on_gradients(tmp_path: Path) -> None:
    results = [result(seed=s, details=probed(2, lambda *_: 1.0)) for s in (0, 1)]
    assert text_of(gradients_section, tmp_path, results) == ""


def started(
    constant: bool, engine: str, seed: int, distance: Callable[[int], float]
) -> TrialResult:
    made = result(
        initialiser="constant" if constant else "uniform",
        seed=seed,
        outcome={"unit_distance": distance(100)},
        details=probed(2, lambda *_: 1.0, distance=distance),
    )
    return replace(made, provenance=replace(made.provenance, engine=engine))


def test_symmetry_is_told_by_start_and_engine(tmp_path: Path) -> None:
    results = [
        *[started(True, "fused", s, lambda _: 0.0) for s in range(4)],
        *[started(True, "torch", s + 4, lambda epoch: 1e-4 * epoch) for s in range(4)],
        *[started(False, "fused", s, lambda _: 0.5) for s in range(4)],
    ]
    text = text_of(symmetry_section, tmp_path, results)
    assert "| constant (fused) | 4 of 4 (51% to 100%) | 0 | - |" in text
    assert "| constant (torch) | 0 of 4 (0% to 49%) | 4 | 100 (100 to 100) |" in text
    assert "| uniform (fused) | 0 of 4 (0% to 49%) | 4 | 0 (0 to 0) |" in text
    assert "**constant (fused)**: 4 of 4 (51% to 100%) end symmetric, against" in text
    assert (tmp_path / "figures" / "symmetry.png").stat().st_size > 10_000


def test_without_a_symmetric_trial_there_is_nothing_to_say_of_symmetry(tmp_path: Path) -> None:
    results = [started(constant, "fused", 0, lambda _: 0.5) for constant in (True, False)]
    assert text_of(symmetry_section, tmp_path, results) == ""


def test_symmetry_is_broken_once_every_layers_units_are_apart() -> None:
    probes = pd.DataFrame(
        [
            ("a", 1, 1.0, 1.0),
            ("a", 1, 1e-3, 1.0),
            ("a", 7, 1.0, 1.0),
            ("a", 7, 2e-3, 1.0),
            ("b", 1, 2e-3, 4.0),
        ],
        columns=["trial_id", "epoch", "unit_distance", "weight_norm"],
    )
    assert epochs_broken(probes).to_dict() == {"a": 7}


def unit_results(activation: str, learnt: int, stuck: int) -> list[TrialResult]:
    """Return 100 trials, of which so many learn the identity and so many have a stuck output."""
    return [
        result(
            activation=activation,
            seed=seed,
            loss="mean_squared_error",
            loss_semantics=None,
            outcome={
                "final_loss": 0.9e-4 if seed < learnt else 1.1e-4,
                "zero_outputs": 2 if seed >= 100 - stuck else 0,
                "output_sparsity": 0.5 if seed >= 100 - stuck else 0.0,
                "dead_units": 1 if seed < 10 else 0,
            },
        )
        for seed in range(100)
    ]


UNITS = frame_of(*unit_results("leaky_relu", 97, 0), *unit_results("relu", 31, 60))


def test_the_identity_is_learnt_within_1_percent_of_the_targets_range() -> None:
    learnt = learns_identity(UNITS, {"0123456789abcdef": 1.0})
    assert learnt.groupby(UNITS["activation"]).sum().to_dict() == {"leaky_relu": 97, "relu": 31}
    assert learns_identity(UNITS, {"0123456789abcdef": 0.9}).sum() == 0
    assert learns_identity(UNITS, {}).isna().all()
    for other in ({"loss": "binary_cross_entropy"}, {"loss_reduction": "sum"}):
        unknown = learns_identity(UNITS.assign(**other), {"0123456789abcdef": 1.0})
        assert unknown.isna().all()


def test_settings_whose_losses_do_not_compare_are_said_to_be_such(tmp_path: Path) -> None:
    def text(*reductions: str) -> str:
        trained = [result(seed=s, loss_reduction=r) for r in reductions for s in range(2)]
        return text_of(settings_section, tmp_path / str(len(reductions)), trained)

    assert "do not compare" in text("mean", "sum")
    assert "do not compare" not in text("mean")


def test_lost_units_and_learnt_identities_are_counted_by_setting() -> None:
    learnt = learns_identity(UNITS, {"0123456789abcdef": 1.0})
    counts = [count_units(group, learnt) for group in groups_of(UNITS, most=9)]
    text = identity_text(counts)
    assert (
        "| relu | 100 | 31 of 100 (23% to 41%) | 60 of 100 (50% to 69%) | 1.20 | 30.0% "
        "| 10 of 100 (6% to 17%) | 0.10 |"
    ) in text
    assert text.endswith(
        "- **leaky\\_relu**: 97 of 100 (92% to 99%) learn it, against 31 of 100 (23% to 41%) with "
        "**relu**: 66 points more (55 to 74)."
    )


def test_units_are_told_of_only_where_some_are_lost_or_learning_is_judged(tmp_path: Path) -> None:
    none = {"zero_outputs": 0, "dead_units": 0, "output_sparsity": 0.0}
    dull = [result(activation=name, outcome=none) for name in ("relu", "tanh")]
    assert text_of(identity_section, tmp_path, dull) == ""
    lost = [result(activation=n, outcome=none | {"dead_units": 1}) for n in ("elu", "selu")]
    assert "| selu | 1 | - | 0 of 1" in text_of(identity_section, tmp_path, lost)


def stack_result(depth: int, seed: int, loss: float, *, stacked: bool) -> TrialResult:
    """Return a trial of 1,000 epochs and 1.5 seconds, or 500 and 0.75 in two phases if stacked."""
    phases = {
        "phase": np.array([0, 1]),
        "topology": np.array(["4-2-4", "all"]),
        "epochs": np.array([300, 200]),
        "stop_reason": np.array(["converged", "converged"]),
        "loss": np.array([0.1, 0.1]),
        "seconds": np.array([0.5, 0.25]),
    }
    return result(
        topology=(4,) + (3,) * (depth - 1) + (4,),
        seed=seed + (1000 if stacked else 0),
        epochs=1000,
        pretraining="greedy" if stacked else "none",
        outcome={"final_loss": loss},
        details={"phases": phases} if stacked else None,
    )


def stack_results(depth: int, spread: float) -> list[TrialResult]:
    """Return 41 deep trials whose log losses are `spread` apart, and 41 stacked ones, all equal."""
    deep = [
        stack_result(depth, seed, 10 ** (-3 + spread * (seed - 20) / 40), stacked=False)
        for seed in range(41)
    ]
    least = 10 ** (-3 - spread / 2)
    return deep + [stack_result(depth, seed, least, stacked=True) for seed in range(41)]


def test_phases_make_up_the_epochs_and_seconds_of_a_stacked_trial() -> None:
    results = [stack_result(2, 0, 0.1, stacked=stacked) for stacked in (False, True)]
    batch = table_set_of(results, "study")
    trials, phases = frame_of(*results), batch.tables["phases"].to_pandas()
    found = with_totals(trials, phases)
    assert found["total_epochs"].tolist() == [1000, 500]
    assert found["total_seconds"].tolist() == [1.5, 0.75]
    untimed = with_totals(trials, phases.assign(seconds=[0.5, NAN]))
    assert untimed["total_seconds"].tolist() == [1.5, 1.5]


def test_only_settings_trained_both_ways_are_compared(tmp_path: Path) -> None:
    pair = [stack_result(2, seed, 0.1, stacked=s) for seed in (0, 1) for s in (False, True)]
    alone = result(topology=(4, 3, 4), weight_decay=0.1, outcome={"final_loss": 0.2})
    text = text_of(stacking_section, tmp_path / "both", [*pair, alone])
    assert "| 2 | deep | 2 |" in text
    assert "decay" not in text
    other = result(topology=(4, 3, 4), outcome={"final_loss": 0.1})
    unpaired = [replace_decay(item) for item in pair if item.outcome.pretraining_epochs]
    assert text_of(stacking_section, tmp_path / "none", [other, *unpaired]) == ""


def replace_decay(item: TrialResult) -> TrialResult:
    return replace(item, trial=replace(item.trial, weight_decay=0.1))


def test_the_three_claims_are_answered_with_intervals(tmp_path: Path) -> None:
    results = [*stack_results(2, 0.1), *stack_results(6, 2.0)]
    text = text_of(stacking_section, tmp_path, results)
    assert "| 2 | deep | 41 | 0.001 (0.000944 to 0.00106) | - | 0.05 (" in text
    assert "| 6 | greedy | 41 | 0.0001 (0.0001 to 0.0001) | - | 0 (0 to 0) | " in text
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    assert lines[0].startswith("- The spread over seeds grows with depth: ")
    assert " is 1 (" in lines[0]
    assert ") at depth 6 and 0.05 (" in lines[0]
    (row,) = [line for line in text.splitlines() if line.startswith("| 6 | greedy | 0.1 (")]
    assert row.split(" | ")[4] == "98 (84 to 100)"
    assert row.split(" | ")[6:8] == ["0.5 (0.5 to 0.5)", "0.5"]
    assert lines[1:3] == [
        "- Reliable: more with greedy at depth 2, greedy at depth 6.",
        "- Spread over seeds: less with greedy at depth 2, greedy at depth 6.",
    ]
    assert lines[-2:] == [
        "- Epochs in all: fewer with greedy at depth 2, greedy at depth 6.",
        "- Seconds in all: no difference shown with greedy at depth 2, greedy at depth 6.",
    ]


def test_curves_are_drawn_of_the_last_phase_alone() -> None:
    rows = [("a", 0, 1), ("a", 0, 9), ("a", 1, 1), ("a", 1, 5), ("b", 0, 1)]
    curves = pd.DataFrame(rows, columns=["trial_id", "phase", "epoch"])
    kept = last_phases(curves)
    assert list(kept.itertuples(index=False, name=None)) == [("a", 1, 1), ("a", 1, 5), ("b", 0, 1)]


def test_a_claim_without_an_interval_is_not_made() -> None:
    results = [stack_result(2, s, 10.0 ** (-6 + s), stacked=False) for s in range(2)]
    results += [stack_result(2, s, 1e-6, stacked=True) for s in range(2)]
    trials = with_totals(frame_of(*results), NO_PHASES)
    ways = trials.assign(way=["deep", "deep", "greedy", "greedy"])
    cells = cells_of(ways, NO_LADDER)
    shown = [sentence.partition(": ")[2] for sentence in answers(cells, 0.95)]
    assert shown == 5 * ["no difference shown with greedy at depth 2."]


NO_PHASES = pd.DataFrame(columns=["trial_id", "epochs", "seconds"])
NO_LADDER = pd.DataFrame({"trial_id": [], "rule": [], "tolerance": [], "epoch": []})


def test_depths_are_all_that_their_axis_is_marked_with() -> None:
    trials = frame_of(*(stack_result(2, s, 0.1 + s, stacked=False) for s in range(2)))
    cells = cells_of(with_totals(trials, NO_PHASES).assign(way="deep"), NO_LADDER)
    (axes,) = draw_stacking([(Group("", "plain", trials), cells)]).axes
    assert axes.get_xticks().tolist() == [2.0]


def test_one_trial_a_setting_has_no_standard_deviation(tmp_path: Path) -> None:
    results = [stack_result(2, 0, 0.1, stacked=stacked) for stacked in (False, True)]
    text = text_of(stacking_section, tmp_path, results)
    assert "| 2 | deep | 1 | 0.1 (0.1 to 0.1) | - | 0 | - | 1 of 1" in text


def test_a_loss_is_met_later_by_the_epochs_of_pretraining() -> None:
    deep = [stack_result(2, seed, 0.01, stacked=False) for seed in range(3)]
    stacked = [stack_result(2, seed, 0.01, stacked=True) for seed in range(3)]
    batch = table_set_of([*deep, *stacked], "study")
    trials = frame_of(*deep, *stacked).assign(epochs=[1000] * 3 + [200] * 3)
    trials = with_totals(trials, batch.tables["phases"].to_pandas())
    trials = trials.assign(way=trials["pretraining"].replace("none", "deep"))
    rows = [(0, 0.1, 250), (1, 0.1, 500), (3, 0.1, 50), (3, 0.01, 60), (4, 0.1, 300)]
    ids = trials["trial_id"].tolist()
    ladder = pd.DataFrame(
        [(ids[i], "loss", level, epoch) for i, level, epoch in rows],
        columns=["trial_id", "rule", "tolerance", "epoch"],
    )
    one, other = cells_of(trials, ladder)
    assert (one.level, other.level) == (0.1, 0.1)
    assert one.sooner.tolist() == [250, 500, np.inf]
    assert other.sooner.tolist() == [350, 600, np.inf]
    (pair,) = pairs_of([one, other])
    assert pair.sooner.value == pytest.approx((1 + 1 + 1 + 0.5) / 9)


def test_epochs_of_the_last_phase_and_bottlenecks_do_not_part_what_is_compared(
    tmp_path: Path,
) -> None:
    def trained(topology: tuple[int, ...], kind: str, seed: int) -> TrialResult:
        epochs = 600 if kind == "none" else 300
        wanted = {"topology": topology, "pretraining": kind, "seed": seed}
        return result(**wanted, fixed_epochs=epochs, max_epochs=epochs)

    narrow, wide = (8, 4, 2, 4, 8), (8, 4, 8, 4, 8)
    results = [
        trained(topology, kind, seed)
        for topology, kind in product((narrow, wide), ("none", "greedy"))
        for seed in range(3)
    ]
    text = text_of(stacking_section, tmp_path, results)
    titles = [line for line in text.splitlines() if line.startswith("### ")]
    assert titles == ["### bottleneck 2", "### bottleneck 4"]
    assert text.count("| 4 | greedy | 3 |") == 2
    assert "![Final loss by depth](<figures/stacking.png>)" in text
    assert (tmp_path / "figures/stacking.png").is_file()


@pytest.mark.parametrize("stacked", [True, False])
def test_there_is_no_comparison_without_both_ways(tmp_path: Path, stacked: bool) -> None:
    results = [stack_result(d, 0, 0.1, stacked=stacked) for d in (2, 4)]
    assert text_of(stacking_section, tmp_path, results) == ""


@pytest.mark.slow
def test_a_real_sweep_with_probes_is_reported_on(tmp_path: Path) -> None:
    starts = [{"name": "constant", "constant": 0.5}, {"name": "uniform", "constant": 0.5}]
    blocks = {"grid": {"initialiser": starts, "replicates": 3}, "record": {"gradients": True}}
    fixed = small_sweep()["fixed"] | {"learning_rate": 0.1}
    tree = small_sweep(fixed=fixed, **blocks)
    directory = ResultsDir(tmp_path / "small")
    sweep.run(tree, output=directory.path, engine="fused", use_ray=False)
    text = write_report(directory).read_text()
    assert "## Gradients" in text
    assert "could not be evaluated" not in text
    assert "| constant | 3 of 3 (44% to 100%) | 0 | - |" in text
    assert "| uniform | 0 of 3 (0% to 56%) | 3 | 0 (0 to 0) |" in text
    figures = {path.name for path in (directory.report / "report_figures").iterdir()}
    assert figures >= {"gradients_first.png", "gradients_last.png", "symmetry.png"}
