"""Names of a package whose modules are imported once they are asked for.

Importing a package imports all that its `__init__` does, also for a module that needs none of it:
a command that only reads tables would wait for the schema of sweep files.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Args:
        package: its name.
        places: the module of each name that it has.
    """

    def get(name: str) -> Any:
        if name in places:
            return getattr(import_module(places[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get
