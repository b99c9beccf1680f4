"""Makes the engine that a pack asks for. Knows nothing of how engines work."""

from sweep.datasets.registry import load_data
from sweep.planning.packs import Pack
from sweep.training.engine import Engine
from sweep.training.fused.engine import FusedEngine
from sweep.training.reference import ReferenceEngine
from sweep.training.torch_engine import TorchEngine
from sweep.trial import Trial


def make_engine(pack: Pack, shape: Trial) -> Engine:
    """Return the engine of `pack` for trials of the pack key of `shape`, its data loaded."""
    data = load_data(dict(pack.datasets)[shape.data_fingerprint])
    if pack.engine == "torch":
        return TorchEngine(shape, data, pack.device)
    return {"fused": FusedEngine, "reference": ReferenceEngine}[pack.engine](shape, data)
