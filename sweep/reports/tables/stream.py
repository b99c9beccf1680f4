"""Chooses rows and columns of the table of trials part by part, whatever its size."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa

from sweep.ladder import Rung
from sweep.querying.condition import Condition
from sweep.reports.false_convergence import COLUMN
from sweep.reports.objective import HELD_OUT
from sweep.reports.rejudging import RESTORE, read_judged, read_telling
from sweep.reports.tables.selection import Selection, select, shown_columns, sort_rows
from sweep.reports.where import explain_no_match, select_rows
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.reader import frame_of, read_trials
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.snapshot import iterate_trials

ROWS_AT_ONCE = 2_000


class TrialStream:
    """The rows and columns of a table that a reader asks for, some at a time.

    Args:
        directory: results of a sweep.
        selection: what is asked for.
        rung: the rule to judge by; None for each trial's own.

    Attributes:
        columns: the columns, in order.
        judged: the whole table where trials are judged by `rung`, else None.
        total, matching: trials read, and those of them that meet the condition; of the whole table
            once all rows have come.

    Raises:
        ConfigError: if a column does not exist, or the condition cannot be read.
        StoreError: if there are no results, a file is damaged, or no ladder was kept.
    """

    def __init__(
        self, directory: ResultsDir, selection: Selection, rung: Rung | None = None
    ) -> None:
        self.total = self.matching = 0
        self._directory, self._selection = directory, selection
        nothing = _empty_table()
        select(nothing, selection)  # tells what is wrong before anything is read
        keys = [name.removeprefix("-") for name in selection.sort]
        self._condition = None if selection.where is None else Condition(selection.where)
        self._named = self._condition.columns(list(nothing.columns)) if self._condition else []
        asked = {*selection.columns, *keys, *self._named}
        self.judged = None if rung is None else read_judged(directory, rung)
        facts = self.judged
        if facts is None and (not selection.columns or asked & {"all", COLUMN}):
            facts = read_telling(directory, columns=[HELD_OUT, RESTORE])
        self._marks = None if facts is None else facts.set_index("trial_id")[COLUMN]
        varying = facts if list(selection.columns) != ["all"] and facts is not None else nothing
        self.columns = shown_columns(varying, selection.columns)
        self._needed = list(dict.fromkeys([*self.columns, *keys, *self._named]))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, at most `ROWS_AT_ONCE` together, after a frame without any."""
        yield _empty_table()[self.columns]
        top = self._selection.top
        left = float("inf") if top is None else top
        for rows in self._in_order() if self._selection.sort else self._matching():
            count = int(min(left, len(rows)))
            for start in range(0, count, ROWS_AT_ONCE):
                yield rows.iloc[start : min(start + ROWS_AT_ONCE, count)][self.columns]
            left -= count
            if not left:
                return

    def read(self, most: int | None = None) -> pd.DataFrame:
        """Return the first rows, `most` of them, having counted all."""
        held: list[pd.DataFrame] = []
        room = float("inf") if most is None else most
        for rows in self:
            held.append(rows.head(int(min(room, len(rows)))))
            room -= len(held[-1])
        return pd.concat([rows for rows in held if len(rows)] or held[:1])

    def trial_ids(self) -> list[str]:
        """Return the identities of all trials of the table."""
        return list(read_trials(self._directory.path, ["trial_id"])["trial_id"])

    def explain(self) -> str:
        """Say of a condition that no row meets what is nearest to it."""
        assert self._selection.where is not None
        names = self._named
        frames = [rows[names] for rows, _ in self._frames(names, None)]
        table = pd.concat([_empty_table()[names], *frames], ignore_index=True)
        return explain_no_match(table, self._selection.where)

    def _matching(self) -> Iterator[pd.DataFrame]:
        """Yield the rows that meet the condition, as they lie in the table."""
        self.total = self.matching = 0
        for rows, total in self._frames(self._needed, self._condition):
            self.total += total
            self.matching += len(rows)
            yield rows

    def _in_order(self) -> Iterator[pd.DataFrame]:
        """Yield the rows that meet the condition in one piece, sorted, no more than are wanted."""
        top = self._selection.top
        held: list[pd.DataFrame] = []
        for rows in self._matching():
            held.append(rows)
            if top is not None:
                held = [sort_rows(pd.concat(held), self._selection.sort).head(top)]
        if held:
            yield sort_rows(pd.concat(held), self._selection.sort)

    def _frames(
        self, columns: list[str], condition: Condition | None
    ) -> Iterator[tuple[pd.DataFrame, int]]:
        """Yield the rows that meet a condition, some at a time, and of how many they are."""
        if self.judged is not None:
            rows = self.judged
            yield rows if condition is None else select_rows(rows, condition.text), len(rows)
            return
        stored = [name for name in columns if name != COLUMN]
        for table in iterate_trials(self._directory.path, stored):
            marked = self._marked(table)
            found = marked if condition is None else condition.matching(marked)
            yield frame_of(found), len(marked)

    def _marked(self, table: pa.Table) -> pa.Table:
        if self._marks is None:
            return table
        marks = self._marks.reindex(table["trial_id"].to_pylist()).fillna(False)
        return table.append_column(COLUMN, pa.array(marks.to_numpy(bool)))


def _empty_table() -> pd.DataFrame:
    table: pd.DataFrame = SCHEMAS[TableName.TRIALS].empty_table().to_pandas()
    return table.assign(**{COLUMN: pd.Series(dtype=bool)})
