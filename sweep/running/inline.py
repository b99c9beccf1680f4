"""Runs packs one after another in this process, for debugging. Knows nothing of Ray."""

import contextlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence

from sweep.errors import SweepError
from sweep.result import TrialResult
from sweep.running.coordinator import Ledger
from sweep.running.messages import Broken, Ended, Message, Rows, Saved, Tally
from sweep.running.worker_loop import relay_pack
from sweep.training.work import Progress, Work


def run_inline(
    works: Iterable[Work],
    ledger: Ledger,
    *,
    should_stop: Callable[[], bool],
    tick: Callable[[], None],
    checkpoint_seconds: float,
) -> None:
    """Train each pack here; one that raises gets failed rows and the next goes on.

    Args:
        works: the packs.
        ledger: keeper of what they yield.
        should_stop: whether to end, keeping what there is.
        tick: called at every sign of progress.
        checkpoint_seconds: longest time between checkpoints, s.
    """
    import torch

    torch.set_num_threads(1)  # as in a worker: the same bits, and threads cost more than they give
    for work in works:
        if should_stop():
            return
        outlet = _LocalOutlet(work.pack.pack_id, ledger, should_stop, tick)
        ledger.open(work)
        lost = False
        try:
            relay_pack(work, outlet, checkpoint_seconds=checkpoint_seconds)
        except Exception as error:
            if outlet.broken:  # keeping results failed, not training
                raise
            lost = True
            ledger.keep(outlet.pack_id, Broken.of(error, traceback.format_exc()))
        ledger.stopping = should_stop()  # lanes not yet begun give no rows then
        ledger.keep(outlet.pack_id, Ended(lost))
        tick()


def require_device(device: str) -> None:
    """Raise if packs for `device` cannot be trained in this process.

    Raises:
        SweepError: it is a GPU, and PyTorch finds none.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise SweepError(
            "resources: GPUs must be asked for only where PyTorch finds one (got none here); take "
            "resources.gpu and gpus_per_pack out, or run on a cluster with GPUs, without --no-ray"
        )


class _LocalOutlet:
    """The outlet of a pack whose driver is in the same process."""

    def __init__(
        self,
        pack_id: str,
        ledger: Ledger,
        should_stop: Callable[[], bool],
        tick: Callable[[], None],
    ) -> None:
        self.pack_id = pack_id
        self.broken = False
        self.should_stop = should_stop
        self._ledger = ledger
        self._tick = tick

    def rows(self, results: Sequence[TrialResult]) -> None:
        self._keep(Rows.of(results, self._ledger.sweep))

    def checkpoint(self, data: bytes) -> None:
        self._keep(Saved(data))

    def progress(self, progress: Progress) -> None:
        self._ledger.note(Tally(progress.epochs, progress.active, progress.waiting))
        with self._own():
            self._tick()

    def _keep(self, message: Message) -> None:
        with self._own():
            self._ledger.keep(self.pack_id, message)

    @contextlib.contextmanager
    def _own(self) -> Iterator[None]:
        """Mark what is raised within as the driver's, not the trials'."""
        self.broken = True
        yield
        self.broken = False
