"""The numbers and the figure of the page on Keras's tutorial at full size."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from docs.experiments.source.page import EXAMPLES, SOURCE
from sweep.datasets.generated_digits import digits_28x28
from sweep.reports.figures.panels import add_legend, make_panels
from sweep.store.tables.reader import read_curves, read_trials
from sweep.studies.baselines import measure_yardstick

NETWORKS = {"shallow": "784-32-784", "deep": "784-128-64-32-64-128-784"}
LAST = {"shallow": 50, "deep": 100}
"""Epochs that the tutorial trains."""
SETTLED = 20
"""Epoch from which on the page compares how far the losses have fallen."""
CODE = 32
COLOURS = {"MNIST, Adadelta": "#d55e00", "ours, Adadelta": "#0072b2", "ours, Adam": "#009e73"}
Find = Callable[..., pd.DataFrame]


def numbers() -> dict[str, Any]:
    """Return what the page names: losses of its settings, and rows of the table by epoch."""
    trials = read_trials(EXAMPLES / "keras_autoencoders")
    curves = read_curves(EXAMPLES / "keras_autoencoders")
    find = _finder(trials)
    held_out = digits_28x28(samples=1).validation_inputs
    assert held_out is not None
    yardstick = measure_yardstick(held_out, "binary_cross_entropy")
    assert yardstick
    epochs = {name: _epochs(name, find, curves) for name in NETWORKS}
    return {
        "n_trials": len(trials),
        "minutes": float(trials["seconds_share"].sum()) / 60,
        "constant": yardstick.constant,
        "least": yardstick.least,
        "loss": lambda **where: find(**where)["final_loss"].tolist(),
        "held_out": lambda **where: find(**where)["validation_loss"].tolist(),
        "middle": lambda **where: float(find(**where)["validation_loss"].median()),
        "seeds": lambda **where: len(find(**where)),
        "code": lambda **where: _mean_code(find(**where)),
        "penalty": lambda **where: _penalty(find(**where)).tolist(),
        "dead": lambda **where: find(**where)["dead_units"].tolist(),
        "epochs": epochs,
        "settled": SETTLED,
        "apart": max(
            abs(row["fallen"] - row["our_fall"])
            for rows in epochs.values()
            for row in rows
            if row["epoch"] >= SETTLED
        ),
        "excess": lambda value: value - yardstick.least,
    }


def _finder(trials: pd.DataFrame) -> Find:
    def find(
        network: str = "shallow",
        optimizer: str = "adadelta",
        noise: str = "none",
        penalty: float = 0.0,
        epochs: int | None = None,
    ) -> pd.DataFrame:
        found: pd.DataFrame = trials[
            (trials["topology"] == NETWORKS[network])
            & (trials["optimizer"] == optimizer)
            & (trials["input_noise"] == noise)
            & (trials["code_penalty"] == penalty)
            & (trials["epochs"] == (epochs or LAST[network]))
        ]
        assert len(found) in (2, 3), (network, optimizer, noise, penalty, epochs, len(found))
        return found

    return find


def _penalty(trials: pd.DataFrame) -> "pd.Series[float]":
    """Return what the L1 penalty adds to the objective."""
    return trials["final_objective"] - trials["final_loss"]


def _mean_code(trials: pd.DataFrame) -> list[float]:
    """Return the mean of the code's numbers, which the penalty is a multiple of."""
    return (_penalty(trials) / (trials["code_penalty"] * CODE)).tolist()


def _epochs(network: str, find: Find, curves: pd.DataFrame) -> list[dict[str, float]]:
    """Return published losses and ours by epoch, each with how much of its fall is done by then."""
    published = pd.read_csv(SOURCE / "keras_epochs.csv").query("network == @network")
    rows = published.set_index("epoch")[["loss", "validation_loss"]]
    ours = _medians(curves, find(network)).loc[rows.index]
    fallen, our_fall = (_fallen(losses["validation_loss"]) for losses in (rows, ours))
    return [
        {
            "epoch": float(epoch),
            "published": rows["loss"][epoch],
            "published_held_out": rows["validation_loss"][epoch],
            "ours": ours["loss"][epoch],
            "ours_held_out": ours["validation_loss"][epoch],
            "fallen": fallen[epoch],
            "our_fall": our_fall[epoch],
        }
        for epoch in rows.index
    ]


def _medians(curves: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the median losses of trials by epoch."""
    theirs = curves[curves["trial_id"].isin(set(trials["trial_id"]))]
    medians: pd.DataFrame = theirs.groupby("epoch")[["loss", "validation_loss"]].median()
    return medians


def _fallen(losses: "pd.Series[float]") -> "pd.Series[float]":
    """Return which share of the fall from the first epoch to the last is behind each epoch."""
    first, last = losses.iloc[0], losses.iloc[-1]
    return (first - losses) / (first - last)


def draw() -> Figure:
    """Draw the loss on held-out images by epoch, published beside ours, a panel a network."""
    trials = read_trials(EXAMPLES / "keras_autoencoders")
    curves = read_curves(EXAMPLES / "keras_autoencoders")
    published = pd.read_csv(SOURCE / "keras_epochs.csv")
    find = _finder(trials)
    figure, panels = make_panels(len(NETWORKS), width=9.0, height=3.2)
    for axes, (network, topology) in zip(panels, NETWORKS.items(), strict=True):
        rows = published[published["network"] == network]
        lines = [rows.set_index("epoch")["validation_loss"]]
        lines += [
            _medians(curves, find(network, optimizer))["validation_loss"]
            for optimizer in ("adadelta", "adam")
        ]
        for line, colour in zip(lines, COLOURS.values(), strict=True):
            axes.plot(line.index, line, color=colour, linewidth=1.4)
        axes.set_title(topology, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.set_ylim(bottom=0.05)
    panels[0].set_ylabel("loss on held-out images", fontsize=8)
    add_legend(panels[-1], COLOURS, None)
    return figure
