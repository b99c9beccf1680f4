"""Marks tests by what they need, checks the shapes in signatures, keeps PyTorch to one thread.

Ctrl-C interrupts what tests start, though a shell has them ignore it, as it does in the background.

Hypothesis draws the same examples every time, new ones with HYPOTHESIS_PROFILE=random.
"""

import os
import signal
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from tests.object_store import Proxy

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("MPLBACKEND", "Agg")
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
CHECKED = ["sweep.nets", "sweep.engines", "sweep.training", "sweep.datasets"]
install_import_hook(CHECKED, "beartype.beartype")

import torch  # noqa: E402  after the hook, which must see every import of the package

from sweep.ray.session import ENVIRONMENT  # noqa: E402

torch.set_num_threads(1)
os.environ.update(ENVIRONMENT)  # Ray reads it when it is first imported
NEEDS = {"head": "ray", "machines": "ray", "served": "server"}
"""The marker of a test that uses a fixture."""
NO_RAY = "/dev/null/only a test marked ray may start one"


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests by the fixtures they use; begin with the files whose tests wait for others."""
    for item in items:
        for fixture, marker in NEEDS.items():
            if fixture in item.fixturenames:
                item.add_marker(marker)
    waiting = {item.path for item in items if any(item.iter_markers("ray"))}
    waiting |= {item.path for item in items if any(item.iter_markers("server"))}
    items.sort(key=lambda item: item.path not in waiting)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let no test without the marker `ray` start one, be it in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        if not item.get_closest_marker("ray"):
            patch.setenv("RAY_TMPDIR", NO_RAY)
        return (yield)


@pytest.fixture(scope="session")
def served() -> "Iterator[Proxy]":
    """The S3 server of the tests, with an empty bucket."""
    from tests.object_store import object_storage

    with object_storage() as proxy:
        yield proxy
