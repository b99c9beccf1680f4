"""Object storage on loopback: an S3 server, and a proxy before it that misbehaves on request."""

import contextlib
import http.client
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from moto.server import ThreadedMotoServer
from pyarrow import fs

BUCKET = "bucket"
DENIED = b"<Error><Code>SignatureDoesNotMatch</Code><Message>wrong key</Message></Error>"
BETWEEN_TWO = {"connection", "transfer-encoding", "content-length", "expect", "date", "server"}


class Proxy(ThreadingHTTPServer):
    """Hands requests on to `upstream`; the next ones meet the `faults`, one each.

    Faults: `busy` answers 503; `denied` answers 403; `deaf` closes without passing the request on;
    `mute` passes it on and closes without the answer; `cut` answers with half of what it should;
    `slow` waits a little.
    """

    daemon_threads = True

    def __init__(self, upstream: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.faults: deque[str] = deque()
        self.met: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def handle_any(self) -> None:
        body = self._body()
        fault = self.server.faults.popleft() if self.server.faults else "none"
        self.server.met[fault] += 1
        self.server.requests.append((self.command, self.path))
        if fault == "slow":
            time.sleep(0.3)
        if fault == "busy":
            return self._answer(503, {}, b"")
        if fault == "denied":
            return self._answer(403, {"Content-Type": "application/xml"}, DENIED)
        if fault == "deaf":
            return self._hang_up()
        status, headers, answer = self._forward(body)
        if fault == "mute":
            return self._hang_up()
        return self._answer(status, headers, answer, cut=fault == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.server.upstream)
        headers = {n: v for n, v in self.headers.items() if n.lower() not in BETWEEN_TWO}
        connection.request(self.command, self.path, body, headers)
        with contextlib.closing(connection), connection.getresponse() as response:
            headers = {n: v for n, v in response.getheaders() if n.lower() not in BETWEEN_TWO}
            if self.command == "HEAD":
                headers["Content-Length"] = response.headers.get("content-length", "0")
            return response.status, headers, response.read()

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet."""


@contextlib.contextmanager
def object_storage() -> Iterator[Proxy]:
    """Serve an empty bucket until the end of the block; give the proxy before it."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    proxy = Proxy(server.get_host_and_port())
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        _client(proxy).create_dir(BUCKET)
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
        server.stop()


def endpoint(proxy: Proxy) -> str:
    host, port = proxy.server_address[:2]
    return f"http://{host!s}:{port}"


def uri(proxy: Proxy, key: str) -> str:
    """Return the URI of a place in the bucket, with the credentials that the server asks for."""
    return f"s3://{BUCKET}/{key}?endpoint_override={endpoint(proxy)}&access_key=us&secret_key=hush"


def _client(proxy: Proxy) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key="us",
        secret_key="hush",
        region="us-east-1",
        scheme="http",
        endpoint_override=endpoint(proxy).removeprefix("http://"),
        allow_bucket_creation=True,
    )


def objects(proxy: Proxy, key: str = "") -> list[str]:
    """Return the keys of all objects below `key` but the marks of empty folders."""
    selector = fs.FileSelector(f"{BUCKET}/{key}", recursive=True, allow_not_found=True)
    found = _client(proxy).get_file_info(selector)
    files = [info.path for info in found if info.type == fs.FileType.File]
    return sorted(path.removeprefix(f"{BUCKET}/") for path in files)


def read_object(proxy: Proxy, key: str) -> bytes:
    with _client(proxy).open_input_stream(f"{BUCKET}/{key}") as file:
        return bytes(file.readall())
