"""A proxy on the loopback, before a real S3 server, that makes chosen requests fail in chosen ways.

The trials of `bench.registry_trials` and the tests of the store use it where a store does not fail by itself. What a
request meets is the rule's to say: a function of the request that returns a `Fault`, or None to let it pass.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from fsl.store.clients import Credentials

UPSTREAM_SECONDS = 60


class Cut(Enum):
    """Where a connection ends."""

    BEFORE = auto()  # the store never hears of the request
    UPLOAD = auto()  # half of the request's body reaches the store
    AFTER = auto()  # the store did as it was asked, and its answer is lost
    ANSWER = auto()  # half of the answer's body arrives


@dataclass(frozen=True)
class Request:
    """What a rule decides on."""

    number: int  # from 1
    method: str
    path: str  # with the query
    headers: Mapping[str, str]

    @property
    def is_create_only(self) -> bool:
        return "If-None-Match" in self.headers


@dataclass(frozen=True)
class Fault:
    """What happens to one request."""

    delay_seconds: float = 0.0
    answer: tuple[int, str] | None = None  # status and S3 code; the store never hears of the request
    cut: Cut | None = None
    kill: int | None = None  # the process to kill where the connection is cut
    without: str = ""  # a header that the store does not get to see; the rest is signed anew


Rule = Callable[[Request], Fault | None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class FaultyProxy:
    """A running proxy: where it listens, and what it has seen."""

    def __init__(self, url: str, rule: Rule, credentials: Credentials | None) -> None:
        self.upstream = urlsplit(url)
        self.credentials = credentials
        self.rule = rule
        self.seen: list[Request] = []
        self.n_bytes_up = 0
        self.n_bytes_down = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def note(self, method: str, path: str, headers: Mapping[str, str], n_bytes: int) -> Fault | None:
        """Count a request and ask the rule."""
        with self._lock:
            request = Request(len(self.seen) + 1, method, path, headers)
            self.seen.append(request)
            self.n_bytes_up += n_bytes
            return self.rule(request)

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def faulty(
    url: str, rule: Rule = lambda request: None, *, sign_with: Credentials | None = None
) -> Iterator[FaultyProxy]:
    """Lend a proxy to an S3 server.

    Args:
        sign_with: needed where a rule takes a header away, since headers are signed.
    """
    proxy = FaultyProxy(url, rule, sign_with)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()


def always(fault: Fault) -> Rule:
    """Return the rule by which every request meets this fault."""
    return lambda request: fault


def first(n: int, fault: Fault, *, method: str = "") -> Rule:
    """Return the rule by which the first n requests (of this method) meet this fault."""
    left = [n]

    def rule(request: Request) -> Fault | None:
        if left[0] and request.method.startswith(method):
            left[0] -= 1
            return fault
        return None

    return rule


def when(is_meant: Callable[[Request], bool], fault: Fault) -> Rule:
    """Return the rule by which certain requests meet this fault."""
    return lambda request: fault if is_meant(request) else None


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        fault = self.proxy.note(self.command, self.path, dict(self.headers), int(self.headers.get("Content-Length", 0)))
        fault = fault or Fault()
        time.sleep(fault.delay_seconds)
        if fault.cut is Cut.BEFORE:
            return self._end(fault)
        body = self._body()
        if fault.answer is not None:
            return self._refuse(*fault.answer)
        try:
            self._pass_on(body, fault)
        except (OSError, HTTPException):  # one of the two ends is gone
            self._end(Fault())

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _pass_on(self, body: bytes, fault: Fault) -> None:
        link = HTTPConnection(self.proxy.upstream.netloc, timeout=UPSTREAM_SECONDS)
        try:
            link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self._headers(fault.without, body):
                link.putheader(name, value)
            link.endheaders()
            if fault.cut is Cut.UPLOAD:
                link.send(body[: len(body) // 2])
                return self._end(fault)
            link.send(body)
            answer = link.getresponse()
            data = answer.read()
        finally:
            link.close()
        if fault.cut is Cut.AFTER:
            return self._end(fault)
        self._answer(answer, data[: len(data) // 2] if fault.cut is Cut.ANSWER else data, len(data))
        if fault.cut is Cut.ANSWER:
            self._end(fault)

    def _headers(self, without: str, body: bytes) -> list[tuple[str, str]]:
        # The Host is the one that was signed: this proxy's.
        headers = [
            (name, value) for name, value in self.headers.items() if name.lower() not in ("expect", "connection")
        ]
        if not without or without not in self.headers:
            return [*headers, ("Connection", "close")]
        kept = {name: value for name, value in headers if name.lower() not in (without.lower(), "authorization")}
        return [*self._signed(kept, body).items(), ("Connection", "close")]

    def _signed(self, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials as AwsCredentials

        keys = self.proxy.credentials
        assert keys is not None, "a proxy that takes headers away has to sign"
        request = AWSRequest(self.command, f"{self.proxy.url}{self.path}", headers=dict(headers), data=body)
        S3SigV4Auth(AwsCredentials(keys.access_key, keys.secret_key), "s3", "us-east-1").add_auth(request)
        return dict(request.headers)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        raise NotImplementedError("a chunked request over plain HTTP")

    def _answer(self, answer: HTTPResponse, data: bytes, length: int) -> None:
        self.proxy.n_bytes_down += len(data)
        # The answer to HEAD tells the length of a body that does not come.
        told = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(length)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", told)
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        words = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>the store's words</Message></Error>".encode()
        body = b"" if self.command == "HEAD" else words
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _end(self, fault: Fault) -> None:
        if fault.kill is not None:
            os.kill(fault.kill, signal.SIGKILL)
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Say nothing: what a proxy has seen is `seen`."""
