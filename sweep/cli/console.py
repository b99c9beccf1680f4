"""What every command prints passes through here, and cannot steer the terminal.

The streams themselves are guarded, so that errors, tracebacks,
warnings and what libraries print are guarded too. Colours of our own go by `styled_console`.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from sweep.printable import printable_line, printable_text

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130


class Guard:
    """A text stream that writes as escapes what could steer a terminal, or is not seen.

    It has no `buffer`, by which one could write past it.

    Args:
        stream: where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text of any number of lines."""
        self.stream.write(_encodable(printable_text(text), self.stream.encoding))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write lines, which have their ends."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError("a guarded stream takes only text")
        return getattr(self.stream, name)


def guard_streams() -> None:
    """Guard standard output and standard error, to the end of the process or of their use."""
    _open_what_is_closed()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, Guard):
            setattr(sys, name, Guard(stream))


def _open_what_is_closed() -> None:
    """Open the null device for standard streams that the caller has closed.

    Else the next file opened would have such a stream's number, and what libraries print would
    be written into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)


def say(line: str, *, err: bool = False) -> None:
    """Print one line: a line break in it is written as an escape."""
    click.echo(printable_line(line), err=err)


def write_data(text: str) -> None:
    """Write text for programs to standard output: as it is, unless that is a terminal."""
    stream = sys.stdout
    if not stream.isatty():
        stream = _unguarded(stream)
    stream.write(text)


def styled_console(*, err: bool = False) -> "Console":
    """Return a console for styled text: its own styles reach the terminal, no others."""
    from rich.console import Console

    class Guarded(Console):
        def render(self, *given: Any, **options: Any) -> Any:
            for segment in super().render(*given, **options):
                safe = segment.text if segment.control else printable_text(segment.text)
                yield segment._replace(text=safe)

    return Guarded(file=_unguarded(sys.stderr if err else sys.stdout))


def _unguarded(stream: TextIO) -> TextIO:
    return cast("Guard", stream).stream if isinstance(stream, Guard) else stream


def _encodable(text: str, encoding: str | None) -> str:
    """Escape what a stream cannot encode."""
    if encoding is None or text.isascii():
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)
