"""On a bucket that keeps old versions of everything, those go too."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from fsl.config import RunConfig, StoreConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore
from tests.fsl.data.forgetting.conftest import readable

MARIA = Selection((parse_condition("text contains maria sand"),))


@pytest.fixture
def versioned(s3: Endpoint) -> Iterator[ObjectStore]:
    """A bucket with versioning, switched on as its owner would."""
    config = StoreConfig(endpoint_url=s3.url, bucket="fsl-versioned")
    store = ObjectStore.connect(config, credentials=s3.credentials)
    store.ensure_bucket()
    client = store._client
    client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    yield store
    for info in tuple(store.list()):
        store.delete_versions(info.key)


def every_version(store: ObjectStore) -> list[bytes]:
    client = store._client
    pages = client.get_paginator("list_object_versions").paginate(Bucket=store.bucket, Prefix=store.prefix)
    return [
        client.get_object(Bucket=store.bucket, Key=item["Key"], VersionId=item["VersionId"])["Body"].read()
        for page in pages
        for item in page.get("Versions", ())
    ]


def test_no_old_version_holds_the_text(
    versioned: ObjectStore, config: RunConfig, few_bytes: dict[str, bytes], secret: str
) -> None:
    for key, data in few_bytes.items():
        versioned.put(key, b"older " + data if key.startswith("reports/") else data)
        versioned.put(key, data)
    start = secret[:20].encode()
    assert sum(start in readable(data) for data in every_version(versioned)) >= 8

    forget(versioned, config, MARIA, who="ada", now=datetime(2026, 3, 1, tzinfo=UTC))

    assert [data[:60] for data in every_version(versioned) if start in readable(data)] == []


def test_versions_of_one_key_are_removed_and_of_no_other(versioned: ObjectStore) -> None:
    for data in (b"1", b"2"):
        versioned.put("a/b", data)
        versioned.put("a/bc", data)
    versioned.delete("a/b")

    assert versioned.delete_versions("a/b") == 3  # two versions and the mark
    assert versioned.delete_versions("a/bc", keep_latest=True) == 1
    assert versioned.find("a/b") is None
    assert versioned.get("a/bc") == b"2"
