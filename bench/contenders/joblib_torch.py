"""joblib and PyTorch: one process a core, one call a network.

python -m bench.contenders.joblib_torch --trials 40 --epochs 2000
"""

import click
from joblib import Parallel, delayed

from bench.contenders.eager import train_seed
from bench.problem import SHALLOW


@click.command()
@click.option("--trials", type=int, required=True)
@click.option("--epochs", type=int, required=True)
def main(trials: int, epochs: int) -> None:
    """Train as many networks as asked for."""
    calls = (delayed(train_seed)(seed, epochs, SHALLOW) for seed in range(trials))
    click.echo(max(Parallel(n_jobs=-1)(calls)))


if __name__ == "__main__":
    main()
