"""Optuna and plain PyTorch: one trial at a time, each a loop over mini-batches, on one core.

python -m bench.contenders.optuna_loop --seconds 60

Prints a line a trial, as it ends: the time by the clock (Unix, in seconds) and its held-out loss.
"""

import time
from itertools import pairwise
from typing import Any

import click
import optuna
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.search_space import CHOICES, DATASET, EPOCHS, INTERVALS
from sweep.datasets.data import DatasetSpec
from sweep.datasets.registry import load_data

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Ask the study for a point of the space."""
    chosen = {name: trial.suggest_categorical(name, values) for name, values in CHOICES.items()}
    drawn = {
        name: trial.suggest_float(name, i["from"], i["to"], log=i.get("log", False))
        for name, i in INTERVALS.items()
    }
    return chosen | drawn


def train(point: dict[str, Any], inputs: Tensor, held_out: Tensor) -> float:
    """Train the network of a point; return its loss on the samples held out."""
    torch.manual_seed(0)
    network = make_network(point)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=point["learning_rate"],
        betas=(point["beta1"], 0.999),
        weight_decay=point["weight_decay"],
    )
    for _ in range(EPOCHS):
        for indices in torch.split(torch.randperm(len(inputs)), point["batch_size"]):
            batch = inputs[indices]
            loss = F.mse_loss(network(batch + point["noise"] * torch.randn_like(batch)), batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    network.eval()
    with torch.no_grad():
        return float(F.mse_loss(network(held_out), held_out))


def make_network(point: dict[str, Any]) -> nn.Sequential:
    """Return the network of a point at its first weights."""
    layers: list[nn.Module] = []
    for before, width in pairwise(map(int, point["topology"].split("-"))):
        linear = nn.Linear(before, width)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, ACTIVATIONS[point["activation"]](), nn.Dropout(point["hidden_dropout"])]
    return nn.Sequential(*layers[:-2], nn.Sigmoid())


def samples() -> tuple[Tensor, Tensor]:
    """Return the digits to train on and those held out: those of the sweep."""
    options = dict(DATASET)
    data = load_data(DatasetSpec(str(options.pop("name")), **options))  # type: ignore[arg-type]
    assert data.validation_inputs is not None
    return torch.tensor(data.inputs).float(), torch.tensor(data.validation_inputs).float()


@click.command()
@click.option("--seconds", type=float, required=True, help="No trial begins after.")
@click.option("--seed", default=0, show_default=True)
def main(seconds: float, seed: int) -> None:
    """Optimise with TPE, Optuna's default."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    inputs, held_out = samples()

    def objective(trial: optuna.Trial) -> float:
        loss = train(suggest(trial), inputs, held_out)
        click.echo(f"{time.time():.3f} {loss:.7f}")
        return loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, timeout=seconds)


if __name__ == "__main__":
    main()
