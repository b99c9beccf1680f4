"""Finds when a stop rule was met along a path trained before.

What is known are the rules that followed the training, its own and those of the ladder. Of any
other rule they tell bounds: no sooner than what comes before it, no later than what comes after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf, nextafter

from sweep.components.stopping import LOSS, REASONS, VALIDATION_LOSS
from sweep.ladder import ALL_RUNGS, Rung, comes_first, rungs_of
from sweep.trial import Status, StopReason, Trial

Stop = Mapping[str, float | int | None]
Span = tuple[float, float]
"""The first and the last epoch at which a rule may have been met first; inf for no last."""

BY_RULES = tuple(map(StopReason, REASONS))
"""The endings by rules; of several in one epoch the first is the reason."""


@dataclass(frozen=True)
class Past:
    """A training along a path, up to where one of its trials ended.

    Attributes:
        epoch: epochs trained. seconds: time in training.
        reason: why the trial ended. stop: its stop parameters by name.
        loss_is_finite: whether the loss of the last epoch is finite.
        best_loss, best_epoch: the least loss and when; None before the first epoch.
        ladder: when the rungs that were met were; None if it is not known.
        validated: whether the loss on held-out samples was taken after every epoch, and its rungs
            are on the ladder.
        best_validation_loss, best_validation_epoch: its least and when; None if not known.
    """

    epoch: int
    seconds: float
    reason: StopReason
    stop: Stop
    loss_is_finite: bool
    best_loss: float | None
    best_epoch: int | None
    ladder: Mapping[Rung, int] | None
    validated: bool = False
    best_validation_loss: float | None = None
    best_validation_epoch: int | None = None

    def goes_on(self, trial: Trial) -> bool:
        """Whether a trial on the path has certainly not ended by the last epoch of this one."""
        return (
            self.reason.status is not Status.DIVERGED
            and self.epoch < limit_of(trial)
            and self._is_in_time(trial)
            and all(self.span(rung)[0] > self.epoch for _, rung in rungs_of(vars(trial)))
        )

    def ending_of(self, trial: Trial) -> StopReason | None:
        """Return why a trial on the path ends at the last epoch of this one.

        None if it goes on, ended before, or it cannot be told.
        """
        spans = [(rule.reason, rung, self.span(rung)) for rule, rung in rungs_of(vars(trial))]
        before = any(first < self.epoch for *_, (first, _) in spans)
        if before or self.epoch > limit_of(trial) or not self._is_in_time(trial):
            return None
        if not self.loss_is_finite:
            return StopReason.DIVERGED
        for reason in BY_RULES:
            own = {rung: span for r, rung, span in spans if r == reason}
            together = reason is self.reason and own.keys() >= self._own[reason].keys()
            if together or any(last <= self.epoch for _, last in own.values()):
                return self._found(reason)
            if any(first <= self.epoch for first, _ in own.values()):
                return None
        if self.epoch == trial.fixed_epochs:
            return self._found(StopReason.EPOCHS)
        return self._found(StopReason.MAX_EPOCHS) if self.epoch == trial.max_epochs else None

    def span(self, rung: Rung) -> Span:
        """Return between which epochs a rule was met first; behind the last if it was not."""
        first, last = 1.0, inf
        for known, (least, most) in self._known.items():
            if comes_first(known, rung):
                first = max(first, least + rung.patience - known.patience)
            if comes_first(rung, known):
                last = min(last, most - (known.patience - rung.patience))
        return first, last

    def _found(self, reason: StopReason) -> StopReason:
        """Return why a trial that stops here ends: diverged if its weights are not finite."""
        return self.reason if self.reason is StopReason.DIVERGED else reason

    def _is_in_time(self, trial: Trial) -> bool:
        return trial.max_seconds is None or self.seconds < trial.max_seconds

    @cached_property
    def _own(self) -> dict[StopReason, dict[Rung, Span]]:
        """The trial's own rules by the reason that they give, and when they were met first."""
        after = (self.epoch + 1.0, inf)
        perhaps = (float(self.epoch), inf)
        met = (float(self.epoch), float(self.epoch))
        own: dict[StopReason, dict[Rung, Span]] = {reason: {} for reason in BY_RULES}
        for rule, rung in rungs_of(self.stop):
            own[StopReason(rule.reason)][rung] = after
        if self.reason is StopReason.DIVERGED:
            return {reason: dict.fromkeys(rungs, perhaps) for reason, rungs in own.items()}
        if self.reason in BY_RULES:
            for reason in BY_RULES[BY_RULES.index(self.reason) :]:
                own[reason] = dict.fromkeys(own[reason], perhaps)
            if len(own[self.reason]) == 1:
                own[self.reason] = dict.fromkeys(own[self.reason], met)
        return own

    @cached_property
    def _known(self) -> dict[Rung, Span]:
        known = self._tell(LOSS, self.best_loss, self.best_epoch)
        if self.validated:
            best = self.best_validation_loss, self.best_validation_epoch
            known |= self._tell(VALIDATION_LOSS, *best)
        for rungs in self._own.values():
            for rung, (least, most) in rungs.items():
                first, last = known.get(rung, (1.0, inf))
                known[rung] = max(first, least), min(last, most)
        return known

    def _tell(self, monitor: str, least: float | None, epoch: int | None) -> dict[Rung, Span]:
        """Return what the ladder and the least of a monitored loss tell."""
        after = (self.epoch + 1.0, inf)
        known: dict[Rung, Span] = {}
        if self.ladder is not None:
            met = {rung: float(epoch) for rung, epoch in self.ladder.items()}
            rungs = ALL_RUNGS[monitor]
            known |= {rung: (met[rung], met[rung]) if rung in met else after for rung in rungs}
        if least is not None and epoch is not None:
            known[Rung("loss", least, 0, monitor)] = (float(epoch), float(epoch))
            known[Rung("loss", nextafter(least, -inf), 0, monitor)] = after
        return known


def limit_of(trial: Trial) -> int:
    """Return the most epochs that a trial trains."""
    limits = (trial.max_epochs, trial.fixed_epochs)
    return min(limit for limit in limits if limit is not None)
