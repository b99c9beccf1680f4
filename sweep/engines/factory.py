"""Makes the engine that a pack asks for."""

from functools import partial

from sweep.datasets.arrays import DatasetError
from sweep.datasets.data import Data
from sweep.datasets.registry import load_data
from sweep.engines.contract import Engine
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.pretraining import PhasedEngine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.torch.engine import TorchEngine
from sweep.errors import SweepError
from sweep.pack import Pack
from sweep.trial import Trial


def load_checked(pack: Pack, shape: Trial) -> Data:
    """Return the data of trials of the pack key of `shape`, as the plan saw them."""
    try:
        data = load_data(dict(pack.datasets)[shape.data_fingerprint])
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
    if pack.engine == "torch":
        return TorchEngine(shape, data, pack.device, validation_every=validation_every)
    if pack.engine == "reference":
        return ReferenceEngine(shape, data, validation_every)
    assert pack.engine == "fused", pack.engine
    return FusedEngine(shape, data)
