"""Runs a sweep from its configuration to its table, on any executor."""

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sweep.config import SweepConfig
from sweep.config.yaml_source import write_yaml
from sweep.planning.plan import Plan, make_plan
from sweep.reuse.checkpoint_files import drop_settled, holds_checkpoints
from sweep.reuse.derivation import derived_frames, find_derived
from sweep.running.coordinator import Coordinator
from sweep.running.environment import RunEnvironment, read_environment
from sweep.running.executor import ActiveRun, Executor, OnProgress
from sweep.running.failures import held_failures
from sweep.running.forecast import Forecast
from sweep.running.options import RunOptions, RunSummary
from sweep.running.record import ProgressRecord
from sweep.running.rung_queue import RungQueue, read_schedule
from sweep.running.search import SearchRun
from sweep.running.search_queue import SearchQueue
from sweep.running.search_records import begin_search, record_proposals
from sweep.running.work_queue import PlanQueue, WorkQueue
from sweep.scheduling.schedule import Schedule
from sweep.store.ownership import require_own
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import latest_asked, record_run
from sweep.store.tables.reader import done_ids
from sweep.store.tables.writer import Writer
from sweep.trial import Status

OnPlan = Callable[[Plan], None]


def run_on(
    executor: Executor,
    config: SweepConfig,
    options: RunOptions,
    *,
    on_plan: OnPlan | None = None,
    on_progress: OnProgress | None = None,
) -> RunSummary:
    """Train every trial of a sweep that has no row yet; each row is durable as soon as it is made.

    Args:
        executor: what trains.
        config: the sweep.
        options: how to run it.
        on_plan: called once it is known what is to be trained.
        on_progress: called a few times a second while trials are trained.

    Returns:
        What was done; `interrupted` if Ctrl-C or SIGTERM ended it, with all finished rows kept.

    Raises:
        SweepError: the results cannot be written or are of another sweep, or the executor cannot
            train.
        KeyboardInterrupt: a second Ctrl-C came; what was finished is in the journal.
    """
    began = time.monotonic()
    config = _with_options(config, options)
    directory = results_of(config.name, options)
    require_own(directory, config.name, merge=options.merge)
    with Writer(directory) as writer:
        done = done_ids(directory.path, retry_failed=options.retry_failed)
        plan = make_plan(config, done, workers=executor.workers(config.resources.workers))
        search = begin_search(plan, directory, done)
        derived = [] if search else find_derived(plan, directory.path)
        plan = plan.without([item.trial.trial_id for item in derived])
        for frame in derived_frames(derived, directory.path, config.name):
            writer.append(frame)
        schedule = read_schedule(plan, directory, retry_failed=options.retry_failed)
        if schedule:
            plan = plan.settled(schedule.left_behind)
        plan = search.outlook if search else plan
        if on_plan:
            on_plan(plan)
        environment = read_environment(executor.ray_version)
        run = ActiveRun(
            plan=plan,
            directory=directory,
            coordinator=Coordinator(
                writer, config.name, plan.missing, Forecast(plan.paths), epochs_most=plan.max_epochs
            ),
            make_queue=partial(_queue_of, plan, directory, environment, search or schedule),
            on_progress=on_progress,
            max_failed=options.max_failed,
            record=ProgressRecord(directory, config.name) if plan.missing else None,
        )
        _record(run, options, environment)
        try:
            if plan.missing:
                executor.train(run)
        finally:
            record_proposals(directory, config, search)
            if run.record:
                run.record.end(run.coordinator)
        if holds_checkpoints(directory):
            settled = done_ids(directory.path, retry_failed=True)
            drop_settled(directory, settled | (schedule.left_behind if schedule else set()))
    return _summary(run, search, schedule, time.monotonic() - began)


def _queue_of(
    plan: Plan,
    directory: ResultsDir,
    environment: RunEnvironment,
    leader: SearchRun | Schedule | None,
    workers: int,
) -> WorkQueue:
    """Return what is to be trained by so many workers, as far as `leader` has it trained."""
    match leader:
        case SearchRun():
            make = partial(PlanQueue, directory=directory, environment=environment, workers=workers)
            return SearchQueue(leader, make)
        case Schedule():
            return RungQueue(leader, plan, directory, environment, workers)
    return PlanQueue(plan, directory, environment, workers)


def results_of(name: str, options: RunOptions) -> ResultsDir:
    """Return where the results of a sweep of this name go."""
    return ResultsDir.at(options.output or Path("results") / name)


def _with_options(config: SweepConfig, options: RunOptions) -> SweepConfig:
    given = {"engine": options.engine, "workers": options.workers}
    changes = {name: value for name, value in given.items() if value is not None}
    resources = config.resources.model_copy(update=changes)
    return config.model_copy(update={"resources": resources})


def _record(run: ActiveRun, options: RunOptions, environment: RunEnvironment) -> None:
    """Keep what is asked for, unless the latest run asked for it and nothing is new."""
    plan = run.plan
    config = plan.config.model_dump(mode="json", exclude_unset=True)
    text = options.config_text or write_yaml(config)
    asked = (text, options.overrides)
    new = plan.missing or plan.derived
    if not new and latest_asked(run.directory) == asked:
        return
    counts = {"trials": plan.trials, "done": plan.done + plan.derived}
    record = asdict(environment) | {"overrides": options.overrides} | counts
    record_run(run.directory, text, record)


def _summary(
    run: ActiveRun, search: SearchRun | None, schedule: Schedule | None, seconds: float
) -> RunSummary:
    plan = search.settled() if search else run.plan
    counts = run.coordinator.counts
    failures = held_failures(run.directory.path, plan.grid)
    relapsed = len(run.coordinator.relapsed)
    trained = sum(counts.values()) + relapsed
    missing = plan.missing - trained + counts[Status.CANCELLED] + relapsed
    if schedule:
        missing = schedule.missing + relapsed
    if search:
        missing += search.unproposed
    return RunSummary(
        output=run.directory.path,
        trained=trained,
        skipped=plan.done,
        derived=plan.derived,
        failed=sum(kind.trials for kind in failures) + relapsed,
        failures=failures,
        diverged=counts[Status.DIVERGED],
        cancelled=counts[Status.CANCELLED],
        pruned=counts[Status.PRUNED],
        missing=missing,
        interrupted=run.interrupt.requested,
        gave_up=run.gives_up,
        seconds=seconds,
        proposer_seconds=search.seconds if search else 0.0,
    )
