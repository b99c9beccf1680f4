"""Says how to install what an export needs."""

from importlib.util import find_spec

from sweep.errors import ConfigError

INSTALL = "pip install 'autoencoder-sweep[export]'"


def require(package: str, where: str) -> None:
    """Raise where a package is not installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        found = find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ConfigError.of(where, f"have {package} installed", hint=f"run: {INSTALL}")
