"""Messages between workers, broker and driver."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass

from sweep.result import TrialResult
from sweep.store.tables.encoding import encode
from sweep.training.work import Progress, Work


@dataclass(frozen=True)
class Rows:
    """Results of trials, of one pack or of several, encoded as the journal keeps them.

    Attributes:
        data: the encoded results.
        packs: the pack_id of each. statuses: trial_id and status of each.
        epochs: how many each trained in this run.
        losses: of each, on held-out samples where there are any; None where it has none.
    """

    data: bytes
    packs: tuple[str, ...]
    statuses: tuple[tuple[str, str], ...]
    epochs: tuple[int, ...]
    losses: tuple[float | None, ...]

    @classmethod
    def of(cls, results: Sequence[TrialResult], sweep: str) -> "Rows":
        packs = tuple(r.provenance.pack for r in results)
        statuses = tuple((r.trial.trial_id, str(r.outcome.status)) for r in results)
        epochs = tuple(r.outcome.epochs - r.provenance.resumed_from for r in results)
        losses = tuple(map(_loss_of, results))
        return cls(encode(results, sweep), packs, statuses, epochs, losses)


def _loss_of(result: TrialResult) -> float | None:
    held_out = result.outcome.validation_loss
    return result.outcome.final_loss if held_out is None else held_out


@dataclass(frozen=True)
class Saved:
    """A checkpoint: all that is needed to go on with the pack."""

    data: bytes


@dataclass(frozen=True)
class Broken:
    """An attempt at the pack raised or stalled; another may follow.

    Attributes:
        error: in a line. traceback: its, or the stack on which the worker stood.
        stalled: whether it stood still, which it would again: the pack is divided next.
        attempt: which it was, from 1.
    """

    error: str
    traceback: str
    stalled: bool = False
    attempt: int = 1

    @classmethod
    def of(cls, error: BaseException, traceback: str) -> "Broken":
        """Put the exception in one line, and its traceback beside."""
        return cls(" ".join(f"{type(error).__name__}: {error}".split()), traceback)


@dataclass(frozen=True)
class Ended:
    """The pack will not run again.

    Attributes:
        lost: whether its last attempt failed too.
        attempts: how often it was started.
        host: where it was started last; None if unknown.
    """

    lost: bool
    attempts: int = 1
    host: str | None = None


Message = Rows | Saved | Broken | Ended


@dataclass(frozen=True)
class Item:
    """A message under the number that the driver confirms."""

    number: int
    pack_id: str
    message: Message


@dataclass(frozen=True)
class Tally:
    """Progress of all packs: epochs since the last tally, lanes and trials as they stand.

    Attributes:
        compiling: packs for which something is being compiled.
    """

    epochs: int = 0
    active: int = 0
    waiting: int = 0
    compiling: int = 0

    @classmethod
    def of(cls, progress: Progress, before: int = 0) -> "Tally":
        """Return the tally of a pack, `before` being its epochs not yet told."""
        epochs = before + progress.epochs
        return cls(epochs, progress.active, progress.waiting, int(progress.compiling))


@dataclass(frozen=True)
class WorkerState:
    """What a worker does at the moment.

    Attributes:
        number: its own. host: where it runs; None before it does.
        pack_id: what it trains; None where it waits. trials: of that pack.
        attempt: how often the pack was begun.
        active: lanes in training. waiting: trials of the pack that have no lane yet.
        compiling: whether something is being compiled for it.
    """

    number: int
    host: str | None
    pack_id: str | None = None
    trials: int = 0
    attempt: int = 0
    active: int = 0
    waiting: int = 0
    compiling: bool = False


@dataclass(frozen=True)
class Delivery:
    """What the driver gets at one call.

    Attributes:
        items: messages to keep and then confirm, oldest first.
        tally: progress since the last call.
        room: packs that the broker would like to be offered.
        spare: trials up to which it would like more packs, where they are small.
        workers: what they do, once a second; None in between.
    """

    items: tuple[Item, ...]
    tally: Tally
    room: int
    spare: int = 0
    workers: tuple[WorkerState, ...] | None = None


@dataclass(frozen=True)
class Kind:
    """What a worker occupies of a machine."""

    cpus: float
    gpus: float


@dataclass(frozen=True)
class Offer:
    """A pack to be trained, as the driver hands it to the broker.

    Attributes:
        kind: of the workers that may train it. trials: how many it has.
        work: the pickled `Work`. checkpoint: what it goes on from, if there is one.
    """

    pack_id: str
    kind: Kind
    trials: int
    work: bytes
    checkpoint: bytes | None = None

    @classmethod
    def of(cls, work: Work, checkpoint: bytes | None = None) -> "Offer":
        pack = work.pack
        kind = Kind(pack.cpus, pack.gpus)
        return cls(pack.pack_id, kind, len(pack.trials), pickle.dumps(work), checkpoint)


@dataclass(frozen=True)
class Demand:
    """What the broker asks of Tune.

    Attributes:
        kind: of the workers to be started; None for none now.
        workers: their numbers, of those that one trial of Tune is to run.
        over: whether none will be asked for again.
    """

    kind: Kind | None
    workers: tuple[int, ...]
    over: bool


@dataclass(frozen=True)
class Job:
    """A pack as a worker gets it.

    Attributes:
        work: the pickled `Work`.
        checkpoint: the latest of an earlier attempt, or None.
        attempt: how often the pack has been started, from 1.
        import_paths: directories from which the driver can import, for the user's own modules.
    """

    pack_id: str
    work: bytes
    checkpoint: bytes | None
    attempt: int
    import_paths: tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """What a worker hears that says which pack it begins.

    Attributes:
        granted: whether the pack is its own; if not, another worker trains it already.
        ahead: the pack to begin next, unless an idle worker begins it before; None if none waits.
    """

    granted: bool
    ahead: Job | None


@dataclass(frozen=True)
class Heard:
    """What a worker hears that tells its progress.

    Attributes:
        stop: whether it should stop. pause: until it should tell again, s.
    """

    stop: bool
    pause: float
