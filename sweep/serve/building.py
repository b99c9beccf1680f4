"""Makes the page of a report in a process of its own, at low priority.

python -P -m sweep.serve.building OUTPUT, with the place of the results on standard input
"""

import os
import sys
from pathlib import Path

from sweep.errors import SweepError
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.trust import refusing_plugins

LOW_PRIORITY = 10
"""Beside training on all cores it then has a tenth of one; with the least it would never end."""


def main() -> int:
    """Write the page; on standard error why not, where that cannot be."""
    os.nice(LOW_PRIORITY)
    directory, output = ResultsDir.at(sys.stdin.readline().rstrip("\n")), Path(sys.argv[1])
    from sweep.reports.page.document import build_page

    try:
        with refusing_plugins():
            write_atomically(output, build_page(directory))
    except SweepError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
