"""What trains together: the unit of work of a worker, and of Ray."""

from dataclasses import dataclass

from sweep.datasets.data import DatasetSpec
from sweep.trial import Trial


@dataclass(frozen=True)
class Pack:
    """Trials that train together.

    Attributes:
        pack_id: 16 hex digits over the identities of its trials.
        trials: in order, those of one pack key together, and of one path within that.
        datasets: fingerprints of the data that they need, and how to load each.
        engine: what trains it. device: cpu or cuda. cpus, gpus: what it takes of a machine.
    """

    pack_id: str
    trials: tuple[Trial, ...]
    datasets: tuple[tuple[str, DatasetSpec], ...]
    engine: str
    device: str
    cpus: float
    gpus: float
