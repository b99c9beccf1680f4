"""Files in object storage, with the methods of pathlib.

An object is written whole by one request or not at all. Nothing is renamed, locked or appended to.
"""

import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

from obstore.store import ObjectStore
from pyarrow import ArrowException, fs

from sweep.errors import StoreError, UnreachableError
from sweep.store.places import conditional
from sweep.store.places.conditional import Version, Versioned

SCHEMES = ("s3", "gs")
CREDENTIALS = ("access_key", "secret_key", "session_token")
OPTIONS = ("endpoint_override", "region", *CREDENTIALS)
PATIENCE_SECONDS = 120.0
LONGEST_PAUSE_SECONDS = 8.0
ATTEMPTS = 6  # of one request, by the client itself, within a few seconds
PASSING = ("NETWORK_CONNECTION", "SLOW_DOWN", "THROTTL", "TIMEOUT", "UNAVAILABLE", "INTERNAL")
"""Words in the message of an error that passes; pyarrow gives no better sign of which it is."""
CUT_OFF = ("HTTP status 5", "curlCode", "Unexpected end of stream", "content-length")
NOBODY = ("curlCode: 6,", "curlCode: 7,", "curlCode: 35,", "curlCode: 60,")
"""No such host, no answer, no TLS, an invalid certificate: usually a wrong endpoint."""
OF_SERVICE = ("AWS Error", "google::cloud")
"""Words in the message of an error that the service or the way to it made, not what is stored."""

T = TypeVar("T")


@dataclass
class Service:
    """A bucket by its clients, credentials included, and whether it has ever answered.

    Attributes:
        filesystem: reads and writes.
        versions: makes the client for conditional puts.
    """

    filesystem: fs.FileSystem
    versions: Callable[[], ObjectStore]
    has_answered: bool = False

    @cached_property
    def store(self) -> ObjectStore:
        return self.versions()


class RemotePath:
    """A place in object storage.

    Args:
        uri: scheme, bucket and key, without a query; this is what is shown and recorded.
        service: who keeps it.
    """

    def __init__(self, uri: str, service: Service) -> None:
        self._uri = uri.rstrip("/")
        self._service = service

    def __str__(self) -> str:
        return self._uri

    def __repr__(self) -> str:
        return f"RemotePath({self._uri!r})"

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self._uri}/{name}", self._service)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and self._uri == other._uri

    def __hash__(self) -> int:
        return hash(self._uri)

    @property
    def filesystem(self) -> fs.FileSystem:
        """The store, with its credentials, as pyarrow has it."""
        return self._service.filesystem

    @property
    def key(self) -> str:
        """Bucket and key, as pyarrow has them."""
        return self._uri.partition("://")[2]

    @property
    def _key(self) -> str:
        """The key alone."""
        return self.key.partition("/")[2]

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def parent(self) -> "RemotePath":
        return RemotePath(self._uri.rpartition("/")[0], self._service)

    def with_name(self, name: str) -> "RemotePath":
        return self.parent / name

    def exists(self) -> bool:
        return bool(self._info().type != fs.FileType.NotFound)

    def is_file(self) -> bool:
        return bool(self._info().type == fs.FileType.File)

    def is_dir(self) -> bool:
        return bool(self._info().type == fs.FileType.Directory)

    def size(self) -> int:
        return int(self._info().size or 0)

    def iterdir(self) -> Iterator["RemotePath"]:
        """Yield what lies directly below."""
        selector = fs.FileSelector(self.key, allow_not_found=True)
        for info in self.patiently("listed", lambda: self.filesystem.get_file_info(selector)):
            yield self / info.base_name

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        """Yield what lies directly below under a name like `pattern`."""
        return (path for path in self.iterdir() if fnmatchcase(path.name, pattern))

    def read_bytes(self) -> bytes:
        def read() -> bytes:
            with self.filesystem.open_input_stream(self.key) as file:
                return bytes(file.readall())

        return self.patiently("read", read)

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Put the object in place of the one before, whole or not at all."""

        def write() -> None:
            with self.filesystem.open_output_stream(self.key) as file:
                file.write(data)

        self.patiently("written", write)

    def read_version(self) -> Versioned:
        """Read the object with its version; no version where there is none."""
        return self.patiently("read", lambda: conditional.read(self._service.store, self._key))

    def put_version(self, data: bytes, version: Version | None) -> Version:
        """Put the object where `version` lies, or where nothing does; return its own version.

        Raises:
            ConflictError: something else lies there; it may be `data` itself, its answer lost.
        """
        return self.patiently(
            "written", lambda: conditional.put(self._service.store, self._key, data, version)
        )

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            self.patiently("removed", lambda: self.filesystem.delete_file(self.key))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def mkdir(self, parents: bool = True, exist_ok: bool = True) -> None:
        """Leave a mark by which the folder is seen to be there, though it is empty."""
        self.patiently("created", lambda: self.filesystem.create_dir(self.key, recursive=parents))

    def _info(self) -> fs.FileInfo:
        return self.patiently("reached", lambda: self.filesystem.get_file_info(self.key))

    def patiently(self, action: str, call: Callable[[], T], *, decodes: bool = False) -> T:
        """Call, again and again for two minutes while the store cannot be reached or asks to wait.

        A store that has never answered is not waited for where there seems to be none.

        Args:
            action: what is done with the object, completing "cannot be …".
            call: what to do.
            decodes: whether the call raises OSError too where what it reads is damaged, which is
                then left as it is.

        Raises:
            FileNotFoundError: there is no such object.
            UnreachableError: the store stays away, or refuses.
        """
        pause, began = 0.25, time.monotonic()
        while True:
            try:
                result = call()
            except FileNotFoundError:
                raise
            except OSError as error:
                waited = time.monotonic() - began
                if not self._is_worth_waiting(error) or waited > PATIENCE_SECONDS:
                    if decodes and not _says(error, OF_SERVICE):
                        raise
                    raise UnreachableError(f"{self}: {_refusal(action, error)}") from error
            else:
                self._service.has_answered = True
                return result
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _is_worth_waiting(self, error: OSError) -> bool:
        nobody = isinstance(error, ConnectionRefusedError) or _says(error, NOBODY)
        return _passes(error) and (self._service.has_answered or not nobody)


AnyPath = Path | RemotePath


def matches(folder: AnyPath, pattern: str) -> list[AnyPath]:
    """Return what lies directly below `folder` under a name like `pattern`, by name."""
    found: list[AnyPath] = list(folder.glob(pattern))
    return sorted(found, key=lambda path: path.name)


def is_uri(text: str) -> bool:
    """Return whether `text` names a place in object storage, or means to."""
    return "://" in text


def without_query(place: str) -> str:
    """Return a path as it is, or a URI without its query and without a user."""
    if not is_uri(place):
        return place
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def has_credentials(place: str) -> bool:
    """Return whether a URI holds what only its owner should know."""
    parts = urlsplit(place) if is_uri(place) else urlsplit("")
    return bool(parts.username) or any(name in CREDENTIALS for name, _ in parse_qsl(parts.query))


def path_of(place: str | AnyPath) -> AnyPath:
    """Return the path that a user means: a local one, or s3://BUCKET/KEY or gs://BUCKET/KEY.

    Credentials are those that the environment has, as the store's other clients find them. A query
    may give endpoint_override, region, access_key, secret_key, session_token; it is never shown.

    Raises:
        StoreError: it is a URI, but none of these.
    """
    if not isinstance(place, str):
        return place
    if not is_uri(place):
        return Path(place)
    parts = urlsplit(place)
    shown = without_query(place)
    odd = parts.username or parts.fragment or "//" in parts.path
    if parts.scheme not in SCHEMES or not parts.hostname or odd:
        raise StoreError(f"{shown}: must be a path, s3://BUCKET/KEY or gs://BUCKET/KEY")
    options = dict(parse_qsl(parts.query))
    if unknown := sorted(options.keys() - set(OPTIONS)):
        names = ", ".join(OPTIONS)
        raise StoreError(f"{shown}: options after ? must be among {names} (got {unknown[0]})")
    try:
        options = _completed(parts, options)
        service = Service(
            _filesystem(parts.scheme, options),
            lambda: conditional.open_store(parts.scheme, parts.netloc, options, attempts=ATTEMPTS),
        )
    except (ArrowException, OSError, ValueError) as error:
        raise StoreError(f"{shown}: cannot be reached ({error})") from error
    return RemotePath(shown, service)


def _passes(error: OSError) -> bool:
    if isinstance(error, ConnectionError | PermissionError):
        return isinstance(error, ConnectionError)
    return _says(error, (*PASSING, *CUT_OFF))


def _says(error: OSError, signs: Collection[str]) -> bool:
    return any(sign in str(error) for sign in signs)


def _refusal(action: str, error: OSError) -> str:
    why = re.sub(r"^When .*?: (?=AWS Error)", "", str(error), flags=re.DOTALL)
    advice = (
        "check the endpoint and the network, then run the same command again"
        if _passes(error)
        else "check the bucket, its region and the credentials"
    )
    return f"cannot be {action} ({why}); {advice}"


def _completed(parts: SplitResult, options: Mapping[str, str]) -> dict[str, str]:
    """Add the endpoint and the region that the environment or the service tells."""
    if parts.scheme == "gs":
        return dict(options)
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    endpoint = options.get("endpoint_override") or _first_set(*variables) or ""
    region = options.get("region") or _first_set("AWS_REGION", "AWS_DEFAULT_REGION")
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    region = region or ("us-east-1" if endpoint else fs.resolve_s3_region(parts.netloc))
    return {**options, "endpoint_override": endpoint, "region": region}


def _filesystem(scheme: str, options: Mapping[str, str]) -> fs.FileSystem:
    if scheme == "gs":
        return fs.GcsFileSystem(endpoint_override=options.get("endpoint_override"))
    protocol, _, host = options["endpoint_override"].rpartition("://")
    return fs.S3FileSystem(
        **{name: options[name] for name in CREDENTIALS if name in options},
        region=options["region"],
        scheme=protocol or "https",
        endpoint_override=host or None,
        connect_timeout=10,
        request_timeout=30,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        allow_delayed_open=True,  # then a small object is one request
    )


def _first_set(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)
