"""Fixtures that every part's tests share: a real S3 server for the session, and a fresh prefix for each test.

`FSL_TEST_S3_ENDPOINT` names another S3 to run the same tests against (with `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY` and, where it matters, `FSL_TEST_S3_BUCKET`).
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from fsl.config import StoreConfig
from fsl.store.embedded import Endpoint, running
from fsl.store.objects import Credentials, ObjectStore

BUCKET = os.environ.get("FSL_TEST_S3_BUCKET", "fsl-tests")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One S3 server for the whole session."""
    named = os.environ.get("FSL_TEST_S3_ENDPOINT")
    if named:
        keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        yield Endpoint(named, keys, pid=0)
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


@pytest.fixture
def store(bucket_store: ObjectStore) -> ObjectStore:
    """A store under a fresh prefix. Prefixes, not buckets: a bucket costs the server a quarter of a second."""
    return bucket_store.within(f"test-{uuid.uuid4().hex}/")
