"""Everything about one trial as text, read without reading the others."""

import pandas as pd

from sweep.errors import StoreError
from sweep.reports.objective import HELD_OUT
from sweep.reports.tables.trial_page import LOSS, TrialPage, format_page
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.reader import read_curves
from sweep.store.tables.snapshot import read_rows


def trial_text(directory: ResultsDir, trial_id: str) -> str:
    """Return a trial as `sweep show` writes it.

    Raises:
        StoreError: no trial here has that identity.
    """
    row: pd.DataFrame = read_rows(
        directory.path, TableName.TRIALS, where=("trial_id", [trial_id])
    ).to_pandas()
    if row.empty:
        raise StoreError(f"{directory.path}: must hold trial {trial_id} (got none)")
    curve = read_curves(directory.path, [trial_id])
    losses = [name for name in (LOSS, HELD_OUT) if curve[name].notna().any()]
    return format_page(TrialPage(row, curve[["phase", "epoch", *(losses or [LOSS])]]))
