"""Keeps findings beside their report, for what comes after it: the end of a run, other programs."""

import json
from collections.abc import Sequence
from typing import Any

from sweep.errors import StoreError
from sweep.reports.findings.finding import Finding
from sweep.store.places.files import write_atomically
from sweep.store.places.remote import AnyPath

FORMAT = 1
FIRST = "importance"
URGENT = (
    "boundary",
    "failed",
    "diverged",
    "unmet",
    "false-convergence",
    "dead-outputs",
    "symmetry",
)
"""What to tell after what matters, the first of these that was found; else the best setting."""
LAST = "settings"


def findings_beside(report: AnyPath) -> AnyPath:
    """Return where findings lie beside a report in Markdown."""
    return report.with_name(f"{report.stem}_findings.json")


def write_findings(path: AnyPath, findings: Sequence[Finding]) -> None:
    """Write findings as JSON: `format`, and `findings` as `Finding.as_data` has them."""
    record = {"format": FORMAT, "findings": [finding.as_data() for finding in findings]}
    write_atomically(path, (json.dumps(record, indent=2, allow_nan=False) + "\n").encode())


def read_findings(path: AnyPath) -> list[dict[str, Any]]:
    """Return findings as they were written; none where there are none.

    Raises:
        StoreError: if the file is damaged.
    """
    if not path.is_file():
        return []
    try:
        found: list[dict[str, Any]] = json.loads(path.read_bytes())["findings"]
    except (ValueError, KeyError, TypeError) as error:
        must = "must hold findings; `sweep report` writes them anew"
        raise StoreError(f"{path}: {must}") from error
    return found


def in_brief(found: Sequence[dict[str, Any]]) -> list[str]:
    """Return what was found in two sentences at most: what matters, and what is most urgent."""
    told = {item["name"].partition("-")[0]: item["brief"] for item in reversed(found)}
    told |= {item["name"]: item["brief"] for item in found}
    urgent = [told[name] for name in (*URGENT, LAST) if told.get(name)]
    return [sentence for sentence in (told.get(FIRST, ""), *urgent[:1]) if sentence]
