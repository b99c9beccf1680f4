"""Puts an object only where nothing, or a known version, lies: what makes a lease a lock.

By obstore; pyarrow, by which all other objects are read and written, has no conditional put.
"""

import configparser
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import GCSStore, ObjectStore, S3Store

PASSING_REFUSALS = ("408", "429")
OPTIONS = {
    "endpoint_override": "endpoint",
    "region": "region",
    "access_key": "access_key_id",
    "secret_key": "secret_access_key",
    "session_token": "session_token",
}
PROFILE_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}

Version = Mapping[str, str]
"""What tells one content of an object from the one before: its ETag, or its generation."""


class ConflictError(Exception):
    """Another content lies there than the one to be replaced."""


@dataclass(frozen=True)
class Versioned:
    """An object as it was read; no version where there was none."""

    data: bytes
    version: Version | None


def open_store(
    scheme: str, bucket: str, options: Mapping[str, str], *, attempts: int
) -> ObjectStore:
    """Return a client of a bucket.

    Args:
        scheme: s3 or gs.
        bucket: its name.
        options: endpoint_override (a URL), region, access_key, secret_key, session_token, as far as
            they are known; the environment is asked for the others.
        attempts: tries of one request, within a few seconds.
    """
    endpoint = options.get("endpoint_override", "")
    common: dict[str, Any] = {
        "client_options": {
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": "10s",
            "timeout": "30s",
        },
        "retry_config": {
            "max_retries": attempts - 1,
            "retry_timeout": timedelta(seconds=30),
        },
    }
    if scheme == "gs":
        return GCSStore(bucket, **common | ({"base_url": endpoint} if endpoint else {}))
    given: dict[str, Any] = {
        ours: options[name] for name, ours in OPTIONS.items() if options.get(name)
    }
    if not ("access_key_id" in given or os.environ.get("AWS_ACCESS_KEY_ID")):
        given |= _profile()
    return S3Store(bucket, **given, **common)


def read(store: ObjectStore, key: str) -> Versioned:
    """Read an object with its version; no version where there is none.

    Raises:
        OSError: the store cannot be reached (`ConnectionError`) or refuses.
    """
    try:
        with _as_os_errors():
            found = obstore.get(store, key)
            return Versioned(bytes(found.bytes()), _version(found.meta))
    except FileNotFoundError:
        return Versioned(b"", None)


def put(store: ObjectStore, key: str, data: bytes, version: Version | None) -> Version:
    """Put an object where `version` lies, or where nothing does if that is None.

    Returns:
        The version of what lies there now.

    Raises:
        ConflictError: something else lies there. After a lost answer it may be `data` itself.
        OSError: the store cannot be reached (`ConnectionError`) or refuses.
    """
    with _as_os_errors():
        mode: Any = "create" if version is None else dict(version)
        return _version(obstore.put(store, key, data, mode=mode))


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except (AlreadyExistsError, PreconditionError) as error:
        raise ConflictError(_line(error)) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise PermissionError(_line(error)) from error
    except BaseError as error:
        raise _kind_of(str(error))(_line(error)) from error


def _kind_of(text: str) -> type[OSError]:
    """Return the exception for what obstore has no type for."""
    if "kind: Connect" in text:
        return ConnectionRefusedError
    status = re.search(r"status code: (4\d\d)", text)
    return OSError if status and status[1] not in PASSING_REFUSALS else ConnectionError


def _line(error: BaseError) -> str:
    return str(error).partition("\n")[0].strip()


def _version(about: Mapping[str, Any]) -> Version:
    return {name: about[name] for name in ("e_tag", "version") if about.get(name)}


def _profile() -> dict[str, str]:
    """Return the keys of the profile in use, which obstore does not read as others do."""
    parser = configparser.ConfigParser(interpolation=None)
    place = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials"
    try:
        parser.read(place, "utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    name = os.environ.get("AWS_PROFILE") or "default"
    section = parser[name] if parser.has_section(name) else {}
    return {ours: section[key] for key, ours in PROFILE_KEYS.items() if key in section}
