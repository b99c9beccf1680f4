"""The work queue of a search that learns from results: the packs of a batch, then of the next."""

from collections import deque
from collections.abc import Callable

from sweep.planning.plan import Plan
from sweep.running.messages import Rows
from sweep.running.search import SearchRun
from sweep.running.work_queue import WorkQueue
from sweep.store.places.layout import TableName
from sweep.store.tables.encoding import decode
from sweep.training.work import Work


class SearchQueue:
    """The packs of the batches of a search, each planned once it is proposed.

    Args:
        search: proposes batches.
        make_queue: returns the packs of a batch.
    """

    def __init__(self, search: SearchRun, make_queue: Callable[[Plan], WorkQueue]) -> None:
        self._search, self._make_queue = search, make_queue
        self._queues: deque[WorkQueue] = deque()

    def take(self) -> Work | None:
        while True:
            for queue in self._queues:
                if (work := queue.take()) is not None:
                    return work
            self._drop_ended()
            plan = self._search.advance()
            if plan is None:
                return None
            self._queues.append(self._make_queue(plan))

    def ended(self) -> bool:
        self._drop_ended()
        return self._search.is_over and not self._queues

    def hear(self, rows: Rows) -> None:
        for queue in self._queues:
            queue.hear(rows)
        judge = self._search.judge
        columns = ["trial_id", "status", *judge.columns]
        table = decode(rows.data).tables[TableName.TRIALS].select(columns)
        self._search.hear({row["trial_id"]: judge.values_of(row) for row in table.to_pylist()})

    def _drop_ended(self) -> None:
        self._queues = deque(queue for queue in self._queues if not queue.ended())
