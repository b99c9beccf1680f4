"""What a search begins from and leaves behind: results to learn from, and what it asked for."""

from collections.abc import Collection, Iterable, Iterator

from sweep.config.sweepfile import SweepConfig
from sweep.nets.topology import parse_topology
from sweep.planning.plan import Plan
from sweep.planning.points import trial_ids_of_draws
from sweep.running.search import SearchRun
from sweep.search.objectives import Judge, Values, judge_of
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import path_of
from sweep.store.searches import RecordedSearch, record_search
from sweep.store.tables.snapshot import read_rows
from sweep.trial import PARAMETERS, Status


def begin_search(plan: Plan, directory: ResultsDir, done: Collection[str]) -> SearchRun | None:
    """Return a search that has learnt from the results as far as they go; None of others.

    Args:
        plan: of the sweep.
        directory: the results.
        done: identities of the trials not to train again.
    """
    search = plan.config.search
    if search is None or search.optuna is None:
        return None
    judge = judge_of(plan.config)
    columns = ["trial_id", "status", *judge.columns]
    known: dict[str, Values] = {}
    if done:
        rows = read_rows(directory.path, TableName.TRIALS, columns=columns).to_pylist()
        held = set(done)
        known = {r["trial_id"]: judge.values_of(r) for r in rows if r["trial_id"] in held}
    return SearchRun(plan, known, list(_rows_before(search.warm_start, judge)))


def _rows_before(places: Iterable[str], judge: Judge) -> Iterator[dict[str, object]]:
    """Yield the trials of other results that ended by themselves, in an order of their own.

    Raises:
        StoreError: there are no results at a place.
    """
    columns = ["status", *PARAMETERS, *(n for n in judge.columns if n not in PARAMETERS)]
    for place in places:
        table = read_rows(path_of(place), TableName.TRIALS, columns=columns).sort_by("trial_id")
        for row in table.to_pylist():
            if row["status"] in (Status.FINISHED, Status.DIVERGED):
                yield row | {"topology": parse_topology(row["topology"])}


def record_proposals(directory: ResultsDir, config: SweepConfig, search: SearchRun | None) -> None:
    """Keep which points a search has asked for, of whatever kind it is."""
    if config.search is None:
        return
    judge = judge_of(config)
    over = judge.over if isinstance(judge.over, str) else judge.over.quantile
    recorded = RecordedSearch(
        sweep=config.name,
        proposer=config.search.proposer,
        columns=judge.columns,
        directions=tuple(objective.direction for objective in judge.objectives),
        over=over,
        points=search.trial_ids if search else trial_ids_of_draws(config),
    )
    record_search(directory, recorded)
