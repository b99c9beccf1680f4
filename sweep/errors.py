"""What can be wrong, said so that a person can mend it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sweep.printable import printable_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with what a user gave.

    Attributes:
        where: place, as `file:line` or the name of the source ("command line").
        key: dotted path of the value at fault, such as `grid.learning_rate[2]`; may be empty.
        must: what must hold, completing "`key` must …".
        got: the value found, as the user would write it; None where nothing was found.
        hint: what to do, a full clause; None where the rest says it.
    """

    where: str
    key: str
    must: str
    got: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        notes = [f"got {self.got}"] if self.got is not None else []
        notes += [self.hint] if self.hint else []
        tail = f" ({'; '.join(notes)})" if notes else ""
        subject = f"{self.key} must" if self.key else "must"
        return printable_line(f"{self.where}: {subject} {self.must}{tail}")


class SweepError(Exception):
    """Base of every error that sweep raises for a user's fault; each argument is a line of it."""

    def __str__(self) -> str:
        return "\n".join(printable_line(str(line)) for line in self.args)


class ConfigError(SweepError):
    """A sweep file, override or argument is wrong; carries every fault found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(*self.faults)

    @classmethod
    def of(
        cls,
        where: str,
        must: str,
        *,
        key: str = "",
        got: str | None = None,
        hint: str | None = None,
    ) -> "ConfigError":
        """Return the error of one fault."""
        return cls([Fault(where=where, key=key, must=must, got=got, hint=hint)])

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)  # not (*args), as other exceptions are copied


class StoreError(SweepError):
    """A results directory cannot be read or written as asked."""


class UnreachableError(StoreError):
    """Object storage stays away or refuses; what is stored there may be whole."""


class RayDiedError(SweepError):
    """A process without which Ray can do nothing has ended, or cannot be reached any longer."""


def nearest(word: str, candidates: Sequence[str]) -> str | None:
    """Return "did you mean 'x'?" for the candidate closest to `word`, or None."""
    match = nearest_word(word, candidates)
    return f"did you mean {match!r}?" if match else None


def nearest_word(word: str, candidates: Sequence[str]) -> str | None:
    """Return the candidate that is closest to `word`, None if none is close."""
    return next(iter(get_close_matches(word.lower(), candidates, n=1, cutoff=0.5)), None)
