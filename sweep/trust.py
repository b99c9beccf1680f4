"""Whether a user's own code may be run here. Knows no code."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_refused: ContextVar[bool] = ContextVar("refused", default=False)


@contextmanager
def refusing_plugins() -> Iterator[None]:
    """Within the block refuse every `package.module:name`, so that none is ever run."""
    token = _refused.set(True)
    try:
        yield
    finally:
        _refused.reset(token)


def plugins_are_refused() -> bool:
    return _refused.get()
