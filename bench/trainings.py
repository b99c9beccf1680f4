"""Whole `sweep run` commands: what they take, where their time goes, and how memory grows."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.processes import Ran, cores, sweep
from bench.stopwatch import say
from bench.table import Goal, Row, Unit, at_least, at_most, in_seconds
from sweep.api import read_trials

SHORT = "convergence={target: {loss: 0.3}, max_epochs: 5000}"  # some hundreds of epochs a trial
LIMIT = 400.0  # longest that a command may take, s


@dataclass(frozen=True)
class Training:
    """A `sweep run` that has ended, and its table."""

    command: Ran
    trials: pd.DataFrame

    @property
    def kernel_seconds(self) -> float:
        """Processor seconds within the engines, all workers together."""
        return float(self.trials["seconds_share"].sum())

    @property
    def span_seconds(self) -> float:
        """Seconds from the first trial's beginning to the last one's end."""
        return float((self.trials["finished"].max() - self.trials["started"].min()).total_seconds())

    @property
    def epochs(self) -> int:
        return int(self.trials["epochs"].sum())


def train(config: str, *words: str, output: Path, timeout: float = LIMIT) -> Training:
    """Run a sweep of `configs/` into `output` and read its table."""
    say(f"sweep run {config} {' '.join(words)}")
    run = ("run", f"configs/{config}.yaml", "--output", output, "--quiet")
    command = sweep(*run, *words, timeout=timeout)
    return Training(command, read_trials(output, columns="all"))


def train_afresh(config: str, *words: str, timeout: float = LIMIT) -> Training:
    """Run a sweep into a directory of its own, which goes afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        return train(config, *words, output=Path(directory) / "results", timeout=timeout)


def published_epochs() -> list[Row]:
    """The study's 25 runs for the epochs that they were published to take."""
    training = train_afresh("zhang2017_epochs")
    mean = "run 1 of configuration 3 states no epochs and gets the mean of its siblings"
    return [_whole("25 published runs", training, at_most(90, 45), note=mean)]


def published_rule() -> list[Row]:
    """The study's 25 runs until they converge."""
    training = train_afresh("zhang2017")
    counts = training.trials["stop_reason"].value_counts().to_dict()
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    return [_whole("configs/zhang2017.yaml", training, at_most(120), note=reasons)]


def many() -> list[Row]:
    """Ten thousand trials to convergence: the share of the time that is not training."""
    training = train_afresh("many")
    capacity = cores() * training.command.seconds
    rate = training.kernel_seconds / training.epochs * 1e6
    converged = (training.trials["stop_reason"] == "converged").mean()
    return [
        Row(
            work="10,000 trials of 16-4-16 to convergence, time outside the kernels",
            ours=f"{in_seconds(training.command.seconds)} x {cores()} cores",
            contender=f"in kernels {in_seconds(training.kernel_seconds)}",
            figure=100 * (1 - training.kernel_seconds / capacity),
            unit=Unit.PERCENT,
            goal=at_most(10),
            note=f"{training.epochs:,} epochs at {rate:.3g} us each, {converged:.1%} converged; "
            f"{in_seconds(training.command.seconds - training.span_seconds)} of the command are "
            f"before the first trial and after the last; driver {training.command.peak_mb:.0f} MB",
        )
    ]


def memory(sizes: Sequence[int] = (1_000, 10_000, 100_000)) -> list[Row]:
    """The driver's memory as the number of trials grows; the last table is read afterwards."""
    trainings = {n: train_afresh("many", f"grid.replicates={n}", SHORT) for n in sizes}
    peaks = {n: training.command.peak_mb for n, training in trainings.items()}
    least, most = min(sizes), max(sizes)
    return [
        Row(
            work=f"driver's memory, {most:,} trials against {least:,}",
            ours=f"{peaks[most]:.0f} MB",
            contender=f"{peaks[least]:.0f} MB",
            figure=peaks[most] - peaks[least],
            unit=Unit.MEGABYTES,
            note="; ".join(
                f"{n:,} trials: {peaks[n]:.0f} MB, {in_seconds(training.command.seconds)}, of "
                f"which in kernels {in_seconds(training.kernel_seconds)} of {cores()} cores"
                for n, training in trainings.items()
            ),
        )
    ]


def two_workers() -> list[Row]:
    """Two workers beside one, on the same trials."""
    words = ("grid.replicates=2000", "convergence={epochs: 20000}")
    spans, commands = {}, {}
    for workers in (1, 2):
        training = train_afresh("many", *words, "--workers", str(workers))
        spans[workers], commands[workers] = training.span_seconds, training.command.seconds
    whole = f"whole commands {in_seconds(commands[2])} and {in_seconds(commands[1])}"
    return [
        Row(
            work="two workers against one, 2,000 trials x 20,000 epochs",
            ours=in_seconds(spans[2]),
            contender=in_seconds(spans[1]),
            figure=spans[1] / spans[2],
            unit=Unit.TIMES,
            goal=at_least(1.8),
            note=f"from the first trial's beginning to the last one's end; {whole}, "
            f"{commands[1] / commands[2]:.2f}x",
        )
    ]


def _whole(work: str, training: Training, goal: Goal, *, note: str) -> Row:
    engines = ", ".join(sorted(training.trials["engine"].unique()))
    return Row(
        work=f"{work}, whole command on {cores()} cores",
        ours=in_seconds(training.command.seconds),
        contender=f"in kernels {in_seconds(training.kernel_seconds)}",
        figure=training.command.seconds,
        unit=Unit.SECONDS,
        goal=goal,
        note=f"{training.epochs:,} epochs, longest {training.trials['epochs'].max():,}, "
        f"engine {engines}; {note}",
    )
