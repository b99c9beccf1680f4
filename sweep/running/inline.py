"""Trains packs one after another in this process, for debugging."""

import contextlib
import socket
import traceback
from collections.abc import Iterator, Sequence

from sweep.errors import SweepError
from sweep.pack import Pack
from sweep.result import TrialResult
from sweep.running.executor import ActiveRun
from sweep.running.messages import Broken, Ended, Message, Rows, Saved, Tally, WorkerState
from sweep.training.work import Progress, Work


class InlineExecutor:
    """Trains here; a pack that raises gets failed rows and the next goes on."""

    ray_version = None

    def workers(self, asked: int | None) -> int:
        return 1

    def train(self, run: ActiveRun) -> None:
        if run.plan.on_gpu:
            _require_gpu()
        with run.interrupt.listening():
            queue = run.queue(1)
            while (work := queue.take()) is not None and not run.should_stop():
                _train_one(run, work)


def _train_one(run: ActiveRun, work: Work) -> None:
    channel = _LocalChannel(run, work.pack)
    checkpoint_seconds = run.plan.config.resources.checkpoint_seconds
    run.coordinator.open(work)
    lost = False
    from sweep.running.worker_loop import run_pack  # numba comes with it

    try:
        run_pack(work, channel, checkpoint_seconds=checkpoint_seconds)
    except Exception as error:
        if channel.broken:  # keeping results failed, not training
            raise
        lost = True
        run.coordinator.keep(channel.pack_id, Broken.of(error, traceback.format_exc()))
    run.should_stop()  # lanes not yet begun give no rows then
    run.coordinator.keep(channel.pack_id, Ended(lost))
    run.tick()


def _require_gpu() -> None:
    """Raise if packs for a GPU cannot be trained in this process.

    Raises:
        SweepError: PyTorch finds none.
    """
    import torch

    if not torch.cuda.is_available():
        raise SweepError(
            "resources: GPUs must be asked for only where PyTorch finds one (got none here); take "
            "resources.gpu and gpus_per_pack out, or run on a cluster with GPUs, without --no-ray"
        )


class _LocalChannel:
    """The channel of a pack to a driver in the same process."""

    def __init__(self, run: ActiveRun, pack: Pack) -> None:
        self.pack_id, self._trials = pack.pack_id, len(pack.trials)
        self._host = socket.gethostname()
        self.broken = False
        self._run = run

    def rows(self, results: Sequence[TrialResult]) -> None:
        self._keep(Rows.of(results, self._run.coordinator.sweep))

    def checkpoint(self, data: bytes) -> None:
        self._keep(Saved(data))

    def progress(self, progress: Progress) -> None:
        state = WorkerState(
            number=1,
            host=self._host,
            pack_id=self.pack_id,
            trials=self._trials,
            attempt=1,
            active=progress.active,
            waiting=progress.waiting,
            compiling=progress.compiling,
        )
        self._run.coordinator.note(Tally.of(progress), (state,))
        with self._own():
            self._run.tick(now=progress.compiling)  # nothing else is told until it has ended

    def should_stop(self) -> bool:
        with self._own():
            return self._run.should_stop()

    def _keep(self, message: Message) -> None:
        with self._own():
            self._run.coordinator.keep(self.pack_id, message)

    @contextlib.contextmanager
    def _own(self) -> Iterator[None]:
        """Mark what is raised within as the driver's, not the trials'."""
        self.broken = True
        yield
        self.broken = False
