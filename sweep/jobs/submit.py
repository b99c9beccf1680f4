"""Turns a sweep file into a job on a cluster."""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.config import SweepConfig, load_config
from sweep.errors import SweepError
from sweep.jobs.bundle import Bundle, make_bundle
from sweep.jobs.control import JobServer, SweepJob
from sweep.jobs.progress import progress_name
from sweep.jobs.requirements import pinned_requirements
from sweep.running.record import JOB_FILE
from sweep.scratch import scratch_folder
from sweep.store.places.remote import has_credentials, without_query

PLACES = "~/sweep-results"
STOP_SECONDS = 120
"""How long a job may take to keep what it has, once it is told to stop; Ray's own limit is 3 s."""

INSTALL_SECONDS = 3600
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
PASSED_ON = ("RAY_AUTH_MODE",)


@dataclass(frozen=True, kw_only=True)
class SubmitOptions:
    """How to run a sweep on a cluster, apart from what it trains.

    Attributes:
        output: results, as the head has them: a path from `/` or `~/`, or a URI; None for a folder
            named after the sweep under `~/sweep-results`.
        engine, workers: in place of the file's; None to leave that as it is.
        retry_failed: whether to train again what failed before.
        merge: whether the results may be those of other sweeps, to be added to.
        max_failed: failed trials that end the run if there are more; None for any number.
        install: whether to send this sweep along, and have what it needs installed for the job.
        name: of the job; None for the sweep's with a hash.
        include: files and folders to send besides those that the sweep names.
    """

    output: str | None = None
    engine: str | None = None
    workers: int | None = None
    retry_failed: bool = False
    merge: bool = False
    max_failed: int | None = None
    install: bool = True
    name: str | None = None
    include: tuple[Path, ...] = ()


def submit_sweep(
    server: JobServer, path: Path, overrides: tuple[str, ...], options: SubmitOptions
) -> SweepJob:
    """Start a job that runs a sweep.

    Raises:
        ConfigError: the sweep file is wrong.
        SweepError: the sweep runs there already, or cannot be sent.
    """
    config = load_config(path, overrides)
    results = place_of(options.output, config.name)
    shown = without_query(results)
    jobs = server.jobs()
    _require_alone(config.name, jobs, server.address)
    job_id = job_name(config, options.name, {job.job_id for job in jobs})
    bundle = make_bundle(path, config, include=options.include, with_sweep=options.install)
    command = command_of(bundle, overrides, results, options)
    with scratch_folder("sweep-submit-") as folder:
        bundle.write(folder)
        environment = _runtime_env(str(folder), job_id, install=options.install)
        server.submit(job_id, command, environment, {"sweep": config.name, "results": shown})
    return server.look(job_id)


def place_of(output: str | None, name: str) -> str:
    """Return where on the cluster results go.

    Raises:
        SweepError: the place would be one in the job's own folder, which goes with the job; or it
            comes with credentials, which would stand in the job's command for all to read.
    """
    place = output or f"{PLACES}/{name}"
    if not place.startswith(("/", "~/")) and "://" not in place:
        raise SweepError(
            f"--output must be a path from / or ~/ on the cluster's head, or a URI (got {place}); "
            "a job's own folder goes with the job"
        )
    if has_credentials(place):
        raise SweepError(
            "--output must hold no credentials, as a job's command can be read on the whole "
            f"cluster (got some for {without_query(place)}); give them to the cluster's head, as "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or as its role"
        )
    return place


def job_name(config: SweepConfig, given: str | None, taken: Collection[str]) -> str:
    """Return a name for the job that no other has: NAME-HASH of the sweep, then NAME-HASH-2.

    Raises:
        SweepError: the name given cannot be one, or is taken.
    """
    if given is None:
        text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
        first = f"{config.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        names = [first, *(f"{first}-{number}" for number in range(2, len(taken) + 2))]
        return next(name for name in names if name not in taken)
    if not NAME.fullmatch(given):
        raise SweepError(f"--name must be of letters, digits, '.', '_' and '-' (got {given!r})")
    if given in taken:
        raise SweepError(f"--name must not be that of another job (got {given!r})")
    return given


def command_of(
    bundle: Bundle, overrides: tuple[str, ...], results: str, options: SubmitOptions
) -> str:
    """Return the shell's line that runs the sweep in the job.

    `exec`, so that the signal which stops the job comes to sweep, once, and the exit code from it.
    """
    words = ["exec", "python3", "-m", "sweep", "run", bundle.entry, *overrides]
    words += ["--trust"]  # whose code it runs was asked where it was submitted
    if options.engine:
        words += ["--engine", options.engine]
    if options.workers:
        words += ["--workers", str(options.workers)]
    if options.retry_failed:
        words += ["--retry", "failed"]
    if options.merge:
        words += ["--merge"]
    if options.max_failed is not None:
        words += ["--max-failed", str(options.max_failed)]
    home = "~/" if results.startswith("~/") else ""  # for the shell there to say where that is
    return f"{shlex.join(words)} --output {home}{shlex.quote(results.removeprefix(home))}"


def _runtime_env(folder: str, job_id: str, *, install: bool) -> dict[str, Any]:
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    variables["RAY_JOB_STOP_WAIT_TIME_S"] = str(STOP_SECONDS)
    variables[JOB_FILE] = progress_name(job_id)
    environment: dict[str, Any] = {"working_dir": folder, "env_vars": variables}
    if install:
        environment["pip"] = {"packages": pinned_requirements(), "pip_check": False}
        environment["config"] = {"setup_timeout_seconds": INSTALL_SECONDS}
    return environment


def _require_alone(name: str, jobs: list[SweepJob], address: str) -> None:
    for job in jobs:
        if job.sweep == name and not job.state.is_over:
            raise SweepError(
                f"sweep {name!r} must run in one job at a time (job {job.job_id} is "
                f"{job.state}); `sweep logs {job.job_id} -f --address {address}` follows it, "
                f"`sweep stop {job.job_id} --address {address}` ends it"
            )
