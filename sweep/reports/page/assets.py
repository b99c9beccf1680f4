"""Reads what the page is drawn with: our modules and styles, and the libraries that come along."""

import base64
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

FOLDER = files("sweep.reports.page")


def style_sheets() -> list[str]:
    """Return our style sheets."""
    return [file.read_text("utf-8") for file in _files("assets", ".css")]


def libraries() -> list[str]:
    """Return the libraries as scripts, in the order of their names, none of which ends a script."""
    return [_harmless(file.read_text("utf-8")) for file in _files("vendor", ".js")]


def licences() -> dict[str, str]:
    """Return the licence of each library by its name."""
    return {
        file.name.removesuffix(".LICENSE"): file.read_text("utf-8").strip()
        for file in _files("vendor", ".LICENSE")
    }


def modules() -> dict[str, str]:
    """Return the address of each of our modules by what others import it as, such as sweep/main."""
    return {
        f"sweep/{file.name.removesuffix('.js')}": _address(file) for file in _files("assets", ".js")
    }


def _files(folder: str, suffix: str) -> Iterator[Traversable]:
    held = [file for file in (FOLDER / folder).iterdir() if file.name.endswith(suffix)]
    yield from sorted(held, key=lambda file: file.name)


def _address(file: Traversable) -> str:
    named = file.read_bytes() + f"//# sourceURL=sweep/{file.name}\n".encode()  # in tracebacks
    return f"data:text/javascript;base64,{base64.b64encode(named).decode('ascii')}"


def _harmless(script: str) -> str:
    return re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE)
