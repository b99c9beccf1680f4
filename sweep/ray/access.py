"""Addresses and tokens of a cluster: connects, or says what to do where it cannot."""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sweep.errors import SweepError

CONNECT_SECONDS = 10.0
PORTS = {"http": 80, "https": 443}
LOUD = ["ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk"]
LOUD += ["ray._private.runtime_env.packaging"]

TOKEN_ADVICE = (
    "set RAY_AUTH_MODE=token and put the head's ~/.ray/auth_token at the same place here, mode 600 "
    "(or name the file in RAY_AUTH_TOKEN_PATH, or the token itself in RAY_AUTH_TOKEN); "
    "RAY_AUTH_MODE=disabled is for clusters without tokens"
)


def job_address(given: str | None) -> str:
    """Return the address of the job server that is meant: as given, else from the environment.

    Raises:
        SweepError: none is given anywhere.
    """
    known = os.environ.get("RAY_API_SERVER_ADDRESS") or os.environ.get("RAY_ADDRESS")
    if address := given or known:
        return address.rstrip("/")
    raise SweepError(
        "--address must be that of a cluster's job server, such as http://HEAD:8265 "
        "(got none, and RAY_ADDRESS is not set either)"
    )


def require_listener(address: str) -> None:
    """Raise OSError if nothing listens at an address: Ray itself would wait for two minutes.

    Args:
        address: `host:port`, `ray://host:port` or `http://host:port`; others pass unseen.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    port = parts.port or PORTS.get(parts.scheme)
    if parts.hostname and port:
        socket.create_connection((parts.hostname, port), CONNECT_SECONDS).close()


def job_client(address: str) -> Any:
    """Return Ray's client, for this address whatever the environment says."""
    from ray.job_submission import JobSubmissionClient

    for name in LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)
    before = os.environ.get("RAY_API_SERVER_ADDRESS")
    os.environ["RAY_API_SERVER_ADDRESS"] = address
    try:
        return JobSubmissionClient(address)
    finally:
        del os.environ["RAY_API_SERVER_ADDRESS"]
        if before is not None:
            os.environ["RAY_API_SERVER_ADDRESS"] = before


@contextlib.contextmanager
def connecting(address: str) -> Iterator[None]:
    """Turn a connection that fails within the block into one message that says what to do.

    Raises:
        SweepError: the cluster cannot be reached, or does not accept the token.
    """
    try:
        with _explaining_tokens(address):
            yield
    except (OSError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise SweepError(
            f"--address must be that of a running Ray cluster (got {address}): {said}"
            f"{_about_tokens(error)}"
        ) from error


@contextlib.contextmanager
def asking(address: str) -> Iterator[None]:
    """Turn what a job server refuses within the block into one line.

    Raises:
        SweepError: it does not do as asked, or has gone.
    """
    try:
        with _explaining_tokens(address):
            yield
    except (OSError, ValueError, RuntimeError) as error:
        last = (str(error).strip() or repr(error)).splitlines()[-1]
        raise SweepError(
            f"{address}: the job server must accept the request (got: {last})"
        ) from error


@contextlib.contextmanager
def _explaining_tokens(address: str) -> Iterator[None]:
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError as error:
        said = " ".join(str(error).split("\n\n")[0].split(". ")[0].split())
        raise SweepError(
            f"{address}: must be opened with the cluster's token ({said}); {TOKEN_ADVICE}"
        ) from error


def _about_tokens(error: Exception) -> str:
    """What to add where something listens but Ray gives no reason for not coming through."""
    refused = isinstance(error, ConnectionError) and error.errno is None
    return f"; if the cluster is up: {TOKEN_ADVICE}" if refused else ""
