"""Checks the shapes in signatures while the tests run, and keeps PyTorch to one thread.

Hypothesis draws the same examples every time, new ones with HYPOTHESIS_PROFILE=random.
"""

import os

from hypothesis import settings
from jaxtyping import install_import_hook

os.environ.setdefault("MPLBACKEND", "Agg")
settings.register_profile("fixed", derandomize=True)
settings.register_profile("random", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
CHECKED = ["sweep.nets", "sweep.training", "sweep.datasets"]
install_import_hook(CHECKED, "beartype.beartype")

import torch  # noqa: E402  after the hook, which must see every import of the package

from sweep.ray.session import ENVIRONMENT  # noqa: E402

torch.set_num_threads(1)
os.environ.update(ENVIRONMENT)  # Ray reads it when it is first imported
