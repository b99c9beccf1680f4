"""Train whole grids of autoencoders to convergence, and read the tables that come of it.

    import sweep

    summary = sweep.run("configs/quickstart.yaml")
    trials = sweep.read_trials(summary.output)

`run` trains a sweep, from a file or a dict. `read_trials` reads its table as pandas has it;
`read_curves`, `read_ladder`, `read_gradients`, `read_codes` and `read_phases` read what else is
kept, and `connect` opens it all for SQL. `load_model` rebuilds a trained network for PyTorch.
`results` has all of these in one object, which notebooks show, and draws pictures. `Sweep` is a
sweep made in Python, with completion, and `save` writes one as a file. docs/python.md shows them at
work, docs/querying.md how to ask.

Importing this module is cheap: PyTorch and Ray are imported once they are needed.
"""

from typing import TYPE_CHECKING

from sweep.lazy import lazy_names

if TYPE_CHECKING:
    from sweep.api import (
        connect,
        load_model,
        read_codes,
        read_curves,
        read_gradients,
        read_ladder,
        read_phases,
        read_trials,
        results,
        run,
        to_xarray,
    )
    from sweep.build import Sweep
    from sweep.saving import save

__all__ = [
    "Sweep",
    "connect",
    "load_model",
    "read_codes",
    "read_curves",
    "read_gradients",
    "read_ladder",
    "read_phases",
    "read_trials",
    "results",
    "run",
    "save",
    "to_xarray",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_PLACES = {"Sweep": "sweep.build", "save": "sweep.saving"}
__getattr__ = lazy_names(__name__, dict.fromkeys(__all__, "sweep.api") | _PLACES)
