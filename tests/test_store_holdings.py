"""What the writer knows of the trials it holds is the same in arrays as in a dict."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.store.tables.holdings import Entry, Holdings, entries_of
from sweep.store.tables.schema import TIMESTAMP
from sweep.trial import StopReason

START = datetime(2026, 1, 2, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 12), st.sampled_from(list(StopReason)), st.integers(0, 5), st.booleans()
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
)


def table_of(rows: list[tuple[int, StopReason, int, bool]]) -> pa.Table:
    return pa.table(
        {
            "trial_id": [f"{number * 2**60:016x}" for number, *_ in rows],
            "stop_reason": [str(reason) for _, reason, _, _ in rows],
            "finished": pa.array([START + timedelta(seconds=s) for _, _, s, _ in rows], TIMESTAMP),
            "epochs": [seconds for _, _, seconds, _ in rows],
        }
    )


class Plain:
    """The entry of each trial in a dict."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.stale: dict[int, set[str]] = {}

    def add_all(self, trials: pa.Table, place: int) -> None:
        for name, new in entries_of(trials, place):
            old = self.entries.get(name)
            better = old is None or new.replaces(old)
            if better:
                self.entries[name] = new
            if old is not None:
                loser = old if better else new
                self.stale.setdefault(loser.place, set()).add(name)

    def discard(self, name: str) -> None:
        if old := self.entries.pop(name, None):
            self.stale.setdefault(old.place, set()).add(name)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8), st.integers(0, 20))
def test_holdings_are_those_of_a_dict(batches: list[Any], most_recent: int) -> None:
    holdings, plain = Holdings(most_recent), Plain()
    for place, rows in enumerate(batches):
        rows = [row for row in rows if row[0] < 8 or place]
        if not rows:
            continue
        trials = table_of(rows)
        fresh = [
            name
            for name, new in entries_of(trials, place)
            if (old := plain.entries.get(name)) is None or new.replaces(old)
        ]
        assert list(holdings.accepted(trials, place)) == fresh
        holdings.add_all(trials, place)
        plain.add_all(trials, place)
        for name, gone in zip(trials["trial_id"].to_pylist(), rows, strict=True):
            if gone[3]:
                holdings.discard(name)
                plain.discard(name)
        assert holdings.stale == plain.stale
        for name in table_of([(n, StopReason.TIME, 0, False) for n in range(13)])[0].to_pylist():
            assert (name in holdings) == (name in plain.entries)
