"""Makes the engine that a pack asks for."""

from sweep.datasets.arrays import DatasetError
from sweep.datasets.data import Data
from sweep.datasets.registry import find_data, load_data
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


def make_engine(pack: Pack, shape: Trial, data: Data) -> Engine:
    """Return the engine of `pack` for trials of the pack key of `shape`."""
    if shape.pretraining == "none":
        return _plain(pack, shape, data)
    return PhasedEngine(shape, data, lambda part, codes: _plain(pack, part, codes))


def _plain(pack: Pack, shape: Trial, data: Data) -> Engine:
    if pack.engine == "torch":
        return TorchEngine(shape, data, pack.device)
    if pack.engine == "reference":
        return ReferenceEngine(shape, data)
    assert pack.engine == "fused", pack.engine
    return FusedEngine(shape, data)
