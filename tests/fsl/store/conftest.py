"""Stores that misbehave: a second S3 that ignores create-only, and a server that refuses with one given answer."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.serving import make_server

from bench.parts.registry.place import Place
from fsl.config import StoreConfig
from fsl.store.clients import Credentials
from fsl.store.embedded.files import prepare_folder, write_private
from fsl.store.embedded.server import EmbeddedServer, Endpoint
from fsl.store.objects import ObjectStore

Serve = Callable[[WSGIApplication], AbstractContextManager[ObjectStore]]

READER = Credentials("reader", "a-secret-that-opens-nothing-else")


@pytest.fixture
def place(s3: Endpoint, store: ObjectStore) -> Place:
    """The test's own prefix, as the trials of `bench` take it."""
    return Place(s3.url, store.bucket, s3.credentials, store.prefix)


@pytest.fixture(scope="session")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server that a test may kill, starve and restart; it knows a second identity, which may only read."""
    server = EmbeddedServer(tmp_path_factory.mktemp("own"))
    prepare_folder(server.folder)
    identities = json.loads((server.folder / "s3.json").read_text())
    keys = {"accessKey": READER.access_key, "secretKey": READER.secret_key}
    identities["identities"].append({"name": "reader", "credentials": [keys], "actions": ["Read", "List"]})
    write_private(server.folder / "s3.json", json.dumps(identities))
    yield server
    server.stop()


@contextmanager
def _serve(app: WSGIApplication) -> Iterator[ObjectStore]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    config = StoreConfig(endpoint_url=f"http://127.0.0.1:{server.server_port}", bucket="fsl-tests")
    try:
        yield ObjectStore.connect(config, credentials=Credentials("key", "not-a-secret"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve() -> Serve:
    """Serve an application on a free port, and lend a store that talks to it."""
    return _serve


@pytest.fixture
def moto_app() -> WSGIApplication:
    """A second implementation of S3; it checks no signatures, so that headers can be taken from its requests."""
    from moto.server import DomainDispatcherApplication, create_backend_app

    app: WSGIApplication = DomainDispatcherApplication(create_backend_app)
    return app


@pytest.fixture
def careless_with(moto_app: WSGIApplication) -> Callable[[str], WSGIApplication]:
    """Return a store that overwrites, and answers 200, on create-only writes to keys with this in them."""

    def build(part_of_key: str) -> WSGIApplication:
        def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            if part_of_key in environ["PATH_INFO"]:
                environ.pop("HTTP_IF_NONE_MATCH", None)
            return moto_app(environ, start)

        return answer

    return build


@pytest.fixture
def careless_app(careless_with: Callable[[str], WSGIApplication]) -> WSGIApplication:
    """A store that ignores create-only on every key."""
    return careless_with("")


@pytest.fixture
def refusing() -> Callable[[str, str], WSGIApplication]:
    """Return an application that answers every request with one S3 error."""

    def build(status: str, code: str) -> WSGIApplication:
        def refuse(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            body = (
                f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>the store's words</Message></Error>".encode()
            )
            start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]

        return refuse

    return build


@pytest.fixture
def cut_off() -> Callable[[int], Any]:
    """Return an application whose bodies break off half-way for the first `n` reads, then come whole."""

    def build(n: int) -> WSGIApplication:
        left = [n]

        def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            start("200 OK", [("Content-Length", "10"), ("ETag", '"e"'), ("Connection", "close")])
            left[0] -= 1
            return [b"01234"] if left[0] >= 0 else [b"0123456789"]

        return answer

    return build
