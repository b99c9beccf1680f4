"""Writes the page of a large table in a process of its own, with which its memory ends.

python -P -m sweep.reports.page.apart, told on its standard input what to write.
"""

import pickle
import subprocess
import sys

from sweep.ladder import Rung
from sweep.reports.page.document import build_page
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath
from sweep.store.tables.parts import count_rows, part_numbers
from sweep.trust import Trust

MOST_TOGETHER = 250_000
"""Trials up to which the page and the rest of a report are made of one table in memory."""


def is_large(directory: ResultsDir) -> bool:
    """Whether results are so many that a report in parts takes notably less memory."""
    rows = (count_rows(directory, number) for number in part_numbers(directory))
    return sum(rows) > MOST_TOGETHER


def write_page_apart(directory: ResultsDir, path: AnyPath, rung: Rung | None = None) -> bool:
    """Write the page of results to `path`; return whether that could be done.

    Code of users' own runs there if it has run here.
    """
    told = (directory, path, rung, Trust.here())
    command = [sys.executable, "-P", "-m", "sweep.reports.page.apart"]
    done = subprocess.run(command, input=pickle.dumps(told), stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _write(directory: ResultsDir, path: AnyPath, rung: Rung | None, trust: Trust) -> None:
    with trust.applied():
        write_atomically(path, build_page(directory, rung))


if __name__ == "__main__":
    _write(*pickle.loads(sys.stdin.buffer.read()))
