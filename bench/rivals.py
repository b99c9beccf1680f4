"""The same networks through plain Ray Tune and through joblib: overhead and epochs apart."""

from dataclasses import dataclass

from bench.processes import cores, python
from bench.stopwatch import say
from bench.table import Row, Unit, at_least, in_seconds
from bench.trainings import train_afresh

EPOCHS = 2000
FEW, SOME, MANY = 40, 200, 10_000
LIMIT = 300.0  # longest that a command may take, s
RIVALS = {"plain Ray Tune": "ray_tune", "joblib + PyTorch": "joblib_torch"}


@dataclass(frozen=True)
class Costs:
    """What whole commands took, in seconds, and the line through them.

    Attributes:
        bare: `FEW` trials of one epoch. few, some: `FEW` and `SOME` trials of `EPOCHS`.
    """

    bare: float
    few: float
    some: float

    @property
    def per_trial(self) -> float:
        """Seconds that one more trial of `EPOCHS` takes, on all cores."""
        return (self.some - self.few) / (SOME - FEW)

    @property
    def per_epoch(self) -> float:
        """Core-seconds of an epoch."""
        return (self.few - self.bare) / (FEW * (EPOCHS - 1)) * cores()

    def extrapolated(self, trials: int) -> float:
        return self.some + (trials - SOME) * self.per_trial

    def describe(self) -> str:
        return (
            f"{FEW} trials of 1 epoch {in_seconds(self.bare)} (start-up and handling), of "
            f"{EPOCHS:,} epochs {in_seconds(self.few)}, {SOME} trials {in_seconds(self.some)}; an "
            f"epoch {self.per_epoch * 1e6:.3g} us of a core, a further trial "
            f"{in_seconds(self.per_trial)}"
        )


def measure_rivals() -> list[Row]:
    """Compare at 40 and 200 trials as measured, and at 10,000 with theirs extrapolated."""
    ours = {n: _ours(n) for n in (FEW, SOME, MANY)}
    return [row for name, module in RIVALS.items() for row in _rows(name, _costs(module), ours)]


def _ours(trials: int) -> float:
    words = (f"grid.replicates={trials}", f"convergence={{epochs: {EPOCHS}}}")
    return train_afresh("many", *words).command.seconds


def _costs(module: str) -> Costs:
    return Costs(_seconds(module, FEW, 1), _seconds(module, FEW), _seconds(module, SOME))


def _seconds(module: str, trials: int, epochs: int = EPOCHS) -> float:
    say(f"{module}: {trials} trials of {epochs:,} epochs")
    words = ("-m", f"bench.contenders.{module}", "--trials", trials, "--epochs", epochs)
    return python(*map(str, words), timeout=LIMIT).seconds


def _rows(name: str, costs: Costs, ours: dict[int, float]) -> list[Row]:
    work = f"{EPOCHS:,} epochs of 16-4-16, whole command, {{:,}} trials"
    theirs = {FEW: costs.few, SOME: costs.some, MANY: costs.extrapolated(MANY)}
    return [
        Row(
            work=work.format(trials),
            ours=in_seconds(ours[trials]),
            contender=f"{name}: {in_seconds(seconds)}{', extrapolated' * (trials == MANY)}",
            figure=seconds / ours[trials],
            unit=Unit.TIMES,
            goal=at_least(300) if trials == MANY else None,
            note=f"{name}: {costs.describe()}" if trials == MANY else "",
        )
        for trials, seconds in theirs.items()
    ]
