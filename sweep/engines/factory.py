"""Makes the engine that a pack asks for."""

from functools import partial

from sweep.datasets.arrays import DatasetError
from sweep.datasets.data import Data
from sweep.datasets.registry import find_data, load_data
from sweep.engines.contract import Engine
from sweep.engines.pretraining import PhasedEngine
from sweep.engines.threads import use_one_thread
from sweep.errors import SweepError
from sweep.pack import Pack
from sweep.trial import Trial


def load_checked(pack: Pack, shape: Trial) -> Data:
    """Return the data of trials of the pack key of `shape`, as the plan saw them."""
    try:
        data = find_data(shape.data_fingerprint, shape.dataset) or load_data(
            dict(pack.datasets)[shape.data_fingerprint]
        )
    except DatasetError as error:
        raise DatasetError(f"{shape.dataset}: data must {error}") from error
    if data.fingerprint != shape.data_fingerprint:
        raise SweepError(
            f"{shape.dataset}: data must be those of the plan, digest {shape.data_fingerprint} "
            f"(got {data.fingerprint} on this worker; a file of yours must be the same everywhere, "
            "a function must give the same data every time, in the same version everywhere)"
        )
    return data


def make_engine(
    pack: Pack, shape: Trial, data: Data, validation_every: int | None = None
) -> Engine:
    """Return the engine of `pack` for trials of the pack key of `shape`.

    Args:
        pack: says which.
        shape: any of the trials.
        data: what they train on.
        validation_every: epochs from one recorded loss on held-out samples to the next; None to
            take it only where a trial monitors it.
    """
    if shape.pretraining == "none":
        return _plain(pack, shape, data, validation_every)
    make = partial(_plain, pack, validation_every=validation_every)
    return PhasedEngine(shape, data, make)


def _plain(pack: Pack, shape: Trial, data: Data, validation_every: int | None) -> Engine:
    """Import no engine but the one asked for: the fused one needs no PyTorch."""
    if pack.engine == "fused":
        from sweep.engines.fused.engine import FusedEngine

        return FusedEngine(shape, data, validation_every, threads=max(1, int(pack.cpus)))
    use_one_thread()
    if pack.engine == "torch":
        from sweep.engines.torch.engine import TorchEngine

        return TorchEngine(shape, data, pack.device, validation_every=validation_every)
    from sweep.engines.reference.engine import ReferenceEngine

    assert pack.engine == "reference", pack.engine
    return ReferenceEngine(shape, data, validation_every)
