"""Runs a sweep from its configuration to its table. Imports Ray only once there is work for it."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from sweep.config import SweepConfig
from sweep.config.yaml_source import write_yaml
from sweep.errors import RayDiedError, SweepError
from sweep.planning.machine import available_cpus
from sweep.planning.plan import Plan, make_plan
from sweep.reuse.checkpoint_files import drop_settled
from sweep.reuse.derivation import derived_frames, find_derived
from sweep.running.coordinator import Ledger, Phase, SweepProgress
from sweep.running.environment import Circumstances, read_circumstances
from sweep.running.eta import Forecast
from sweep.running.failures import FailureKind, held_failures
from sweep.running.interrupt import Interrupt, StoppedAtOnce
from sweep.running.work_queue import make_works
from sweep.store.ownership import require_own
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath
from sweep.store.runs import latest_asked, record_run
from sweep.store.tables.reader import done_ids
from sweep.store.tables.writer import Writer
from sweep.trial import Status

SECONDS_BETWEEN_TICKS = 0.2

OnProgress = Callable[[SweepProgress], None]
OnPlan = Callable[[Plan], None]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run a sweep, apart from what it trains.

    Attributes:
        output: results directory, or its URI in object storage; None for `results/NAME`.
        engine, workers: in place of the file's; None to leave that as it is.
        address: a running Ray cluster; None for RAY_ADDRESS, else an embedded Ray.
        use_ray: False to train in this process, one pack after another.
        retry_failed: whether to train again what failed before.
        merge: whether the results may be those of other sweeps, to be added to.
        config_text: the sweep file as written, to be kept beside the results; None for its values.
        overrides: changes made to the file on the command line.
    """

    output: str | AnyPath | None = None
    engine: str | None = None
    workers: int | None = None
    address: str | None = None
    use_ray: bool = True
    retry_failed: bool = False
    merge: bool = False
    config_text: str | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a run of a sweep did.

    Attributes:
        output: the results directory.
        trained: trials that ended, those below included. skipped: those that had a row before.
        derived: those whose row followed from another's, without training.
        failed: trials of the sweep that have failed, in this run or an earlier one. One that fails
            where an earlier run was cancelled keeps that row, to go on from, and is missing still.
        diverged, cancelled: how many of the trained ended so.
        missing: trials that still need training.
        failures: the failed trials in the table, by kind.
        interrupted: whether the user stopped it.
        seconds: from start to end.
    """

    output: AnyPath
    trained: int
    skipped: int
    derived: int
    failed: int
    diverged: int
    cancelled: int
    missing: int
    interrupted: bool
    seconds: float
    failures: tuple[FailureKind, ...] = ()


def run_sweep(
    config: SweepConfig,
    options: RunOptions | None = None,
    *,
    on_plan: OnPlan | None = None,
    on_progress: OnProgress | None = None,
) -> RunSummary:
    """Train every trial of a sweep that has no row yet; each row is durable as soon as it is made.

    Args:
        config: the sweep.
        options: how to run it.
        on_plan: called once it is known what is to be trained.
        on_progress: called a few times a second while trials are trained, and at once, from the
            handler of the signal, where the user asks to stop.

    Returns:
        What was done; `interrupted` if Ctrl-C or SIGTERM ended it, with all finished rows kept.

    Raises:
        SweepError: the results cannot be written or are of another sweep, or the cluster cannot be
            reached.
        KeyboardInterrupt: a second Ctrl-C came; what was finished is in the journal.
    """
    began = time.monotonic()
    options = options or RunOptions()
    config = _with_options(config, options)
    directory = ResultsDir.at(options.output or Path("results") / config.name)
    require_own(directory, config.name, merge=options.merge)
    with Writer(directory) as writer:
        done = done_ids(directory.path, retry_failed=options.retry_failed)
        plan = make_plan(config, done, workers=_workers(config, options))
        derived = find_derived(plan, directory.path)
        plan = plan.without([item.trial.trial_id for item in derived])
        if on_plan:
            on_plan(plan)
        for frame in derived_frames(derived, directory.path, config.name):
            writer.append(frame)
        forecast = Forecast(plan.paths)
        ledger = Ledger(writer, config.name, plan.missing, forecast, epochs_most=plan.max_epochs)
        show = partial(_show, ledger, on_progress)
        interrupt = Interrupt(partial(show, Phase.STOPPING))
        run = _Run(plan, options, directory, ledger, interrupt, show, _ticker(show))
        run.record()
        if plan.missing:
            run.train()
        drop_settled(directory, done_ids(directory.path, retry_failed=True))
    return run.summary(time.monotonic() - began)


@dataclass(frozen=True)
class _Run:
    """A run under way."""

    plan: Plan
    options: RunOptions
    directory: ResultsDir
    ledger: Ledger
    interrupt: Interrupt
    show: Callable[[], None]
    tick: Callable[[], None]

    @cached_property
    def circumstances(self) -> Circumstances:
        return read_circumstances(use_ray=self.options.use_ray)

    def should_stop(self) -> bool:
        return self.interrupt.requested

    def train(self) -> None:
        circumstances = self.circumstances
        if self.options.use_ray:
            self._train_on_ray(circumstances)
        else:
            self._train_inline(circumstances)

    def _train_inline(self, circumstances: Circumstances) -> None:
        from sweep.running.inline import require_device, run_inline

        for batch in self.plan.batches:
            require_device(batch.device)
        works = make_works(self.plan, self.directory, circumstances, workers=1)
        with self.interrupt.listening():
            run_inline(
                works,
                self.ledger,
                should_stop=self.should_stop,
                tick=self.tick,
                checkpoint_seconds=self.plan.config.resources.checkpoint_seconds,
            )

    def _train_on_ray(self, circumstances: Circumstances) -> None:
        from sweep.ray.session import ray_session

        resources = self.plan.config.resources
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._saying_what_is_kept())
            started = ray_session(address=self.options.address, workers=resources.workers)
            try:
                with self.interrupt.stopping_at_once():
                    self.ledger.starting = Phase.STARTING_RAY
                    self.show()
                    session = stack.enter_context(started)
                    session.require(cpus=resources.cpus_per_pack, gpus=_gpus_per_pack(self.plan))
            except StoppedAtOnce:
                return
            from sweep.ray.event_loop import run_on_ray

            self.ledger.starting = Phase.STARTING_WORKERS
            self.show()
            slots = session.slots(resources.workers)
            works = make_works(self.plan, self.directory, circumstances, workers=slots)
            with self.interrupt.listening():
                run_on_ray(
                    works,
                    self.ledger,
                    slots=slots,
                    resources=resources,
                    vigil=session.vigil,
                    should_stop=self.should_stop,
                    tick=self.tick,
                )

    @contextlib.contextmanager
    def _saying_what_is_kept(self) -> Iterator[None]:
        try:
            yield
        except RayDiedError as error:
            done = sum(self.ledger.counts.values())
            raise SweepError(
                f"{error}; the {done:,} of {self.plan.missing:,} trials that had ended are in "
                f"{self.directory.path}, the others are kept as of their last checkpoint: run the "
                "same command to go on"
            ) from error

    def record(self) -> None:
        """Keep what is asked for, unless the latest run asked for it and nothing is new."""
        config = self.plan.config.model_dump(mode="json", exclude_unset=True)
        text = self.options.config_text or write_yaml(config)
        asked = (text, self.options.overrides)
        new = self.plan.missing or self.plan.derived
        if not new and latest_asked(self.directory) == asked:
            return
        counts = {"trials": self.plan.trials, "done": self.plan.done + self.plan.derived}
        record = asdict(self.circumstances) | {"overrides": self.options.overrides} | counts
        record_run(self.directory, text, record)

    def summary(self, seconds: float) -> RunSummary:
        counts = self.ledger.counts
        failures = held_failures(self.directory.path, self.plan.grid)
        relapsed = len(self.ledger.relapsed)
        trained = sum(counts.values()) + relapsed
        return RunSummary(
            output=self.directory.path,
            trained=trained,
            skipped=self.plan.done,
            derived=self.plan.derived,
            failed=sum(kind.trials for kind in failures) + relapsed,
            failures=failures,
            diverged=counts[Status.DIVERGED],
            cancelled=counts[Status.CANCELLED],
            missing=self.plan.missing - trained + counts[Status.CANCELLED] + relapsed,
            interrupted=self.interrupt.requested,
            seconds=seconds,
        )


def _workers(config: SweepConfig, options: RunOptions) -> int:
    return (config.resources.workers or available_cpus()) if options.use_ray else 1


def _gpus_per_pack(plan: Plan) -> float:
    """Return the share of a GPU that the packs sent there take; 0 if none are."""
    resources = plan.config.resources
    on_gpu = any(batch.device == "cuda" for batch in plan.batches)
    shared = resources.gpu.gpus_per_pack if resources.gpu else resources.gpus_per_pack
    return shared if on_gpu else 0.0


def _with_options(config: SweepConfig, options: RunOptions) -> SweepConfig:
    given = {"engine": options.engine, "workers": options.workers}
    changes = {name: value for name, value in given.items() if value is not None}
    resources = config.resources.model_copy(update=changes)
    return config.model_copy(update={"resources": resources})


def _show(ledger: Ledger, on_progress: OnProgress | None, phase: Phase | None = None) -> None:
    if on_progress:
        progress = ledger.progress()
        on_progress(replace(progress, phase=phase or progress.phase))


def _ticker(show: Callable[[], None]) -> Callable[[], None]:
    last = 0.0

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_TICKS:
            last = time.monotonic()
            show()

    return tick
