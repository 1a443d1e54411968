"""Fixtures that every part's tests share: a real S3 server for the session, and a fresh prefix for each test.

`FSL_TEST_S3_ENDPOINT` names another S3 to run the same tests against (with `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY` and, where it matters, `FSL_TEST_S3_BUCKET`). Where it names none, tests that are marked
`conformance` run against a second implementation as well.
"""

import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fsl.config import StoreConfig
from fsl.store.clients import Credentials
from fsl.store.embedded.server import Endpoint, running
from fsl.store.errors import CredentialsRefused
from fsl.store.objects import ObjectStore

Fsl = Callable[..., tuple[int, Any, str]]

BUCKET = os.environ.get("FSL_TEST_S3_BUCKET", "fsl-tests")

NAMED = os.environ.get("FSL_TEST_S3_ENDPOINT")


# Whole files go to a worker each. The long ones come first, so that none of them is left alone at the end.
LONG_FILES = ("test_readme.py", "test_bench.py", "test_real_server.py", "test_once.py", "test_deploy.py", "test_cli.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files before all others; the order within a file stays."""
    places = {name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the conformance tests on both implementations."""
    if "store" in metafunc.fixturenames and metafunc.definition.get_closest_marker("conformance") and not NAMED:
        metafunc.parametrize("store", ["seaweedfs", "moto"], indirect=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One S3 server for the whole session."""
    if NAMED:
        keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        yield Endpoint(NAMED, keys, pid=0)
        return
    with running(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def store_config(s3: Endpoint) -> StoreConfig:
    """The `store` section of a config that names the session's server."""
    return StoreConfig(endpoint_url=s3.url, bucket=BUCKET)


@pytest.fixture(scope="session")
def bucket_store(s3: Endpoint, store_config: StoreConfig) -> ObjectStore:
    """The session's bucket, which is there."""
    store = ObjectStore.connect(store_config, credentials=s3.credentials)
    store.ensure_bucket()
    return store


@pytest.fixture(scope="session")
def second_store() -> Iterator[ObjectStore]:
    """A bucket of moto's server: another implementation of S3, in memory; it checks no keys."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    config = StoreConfig(endpoint_url=f"http://127.0.0.1:{server.server_port}", bucket="conformance")
    store = ObjectStore.connect(config, credentials=Credentials("key", "not-a-secret"))
    store.ensure_bucket()
    yield store
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def checks_keys(bucket_store: ObjectStore, store_config: StoreConfig, s3: Endpoint) -> None:
    """Skip what needs a store that refuses wrong keys; a mock of one may not."""
    wrong = Credentials(s3.credentials.access_key, "wrong")
    try:
        ObjectStore.connect(store_config, credentials=wrong).find("a")
    except CredentialsRefused:
        return
    pytest.skip("this store takes any keys")


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """A store under a fresh prefix. Prefixes, not buckets: a bucket costs the server a quarter of a second."""
    bucket: ObjectStore = request.getfixturevalue(
        "second_store" if getattr(request, "param", "") == "moto" else "bucket_store"
    )
    return bucket.within(f"test-{uuid.uuid4().hex}/")


@pytest.fixture
def project_name(s3: Endpoint, store_config: StoreConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Enter the folder of a fresh project and return its name."""
    name = f"tickets-{uuid.uuid4().hex[:12]}"
    (tmp_path / "fsl.yaml").write_text(f"project: {name}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    environment = {
        "FSL_STORE__ENDPOINT_URL": s3.url,
        "FSL_STORE__BUCKET": store_config.bucket,
        "AWS_ACCESS_KEY_ID": s3.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.credentials.secret_key,
        "FSL_CACHE_DIR": str(tmp_path / "cache"),
    }
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    return name


@pytest.fixture
def fsl(project_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fsl:
    """Run a command; returns the exit status, what it printed (JSON as values), and its errors."""

    from flows.cli import app

    def run(*arguments: str) -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "argv", ["fsl", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        out = json.loads(captured.out) if "--json" in arguments else captured.out
        return int(str(ended.value.code or 0)), out, " ".join(captured.err.split())

    return run
