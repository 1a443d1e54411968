"""A forget that is killed at any write, or for real, ends the same way once it is run again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.history import read_history
from fsl.data.snapshots import load_samples, take_snapshot
from fsl.data.tombstones import read_tombstones
from fsl.samples import Split
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONTENT_ADDRESSED = ("batches/rows/", "batches/reports/", "pool/", "quarantine/")
MARIA = Selection((parse_condition("text contains maria sand"),))


class Killed(BaseException):
    """What a kill looks like from inside: nothing handles it."""


class _Mortal(ObjectStore):
    """A store whose user is killed just before its n-th write."""

    def arm(self, n: int) -> "_Mortal":
        object.__setattr__(self, "_left", n)
        return self

    def _count(self) -> None:
        object.__setattr__(self, "_left", self._left - 1)  # type: ignore[attr-defined]
        if self._left == 0:  # type: ignore[attr-defined]
            raise Killed

    def put(self, key: str, data: bytes) -> None:
        self._count()
        super().put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._count()
        return super().create(key, data)

    def delete(self, key: str) -> None:
        self._count()
        super().delete(key)

    def delete_versions(self, key: str, *, keep_latest: bool = False) -> int:
        self._count()
        return super().delete_versions(key, keep_latest=keep_latest)


def state_of(store: ObjectStore) -> dict[str, str]:
    return {info.key: info.etag for info in store.list()}


def test_a_kill_before_any_write_and_a_second_run_end_as_if_there_had_been_none(
    store: ObjectStore, config: RunConfig, few_bytes: dict[str, bytes], holders: Callable[..., set[str]], secret: str
) -> None:
    whole = fill(store.within("whole"), few_bytes)
    counted = _Mortal(**vars(whole)).arm(1_000)
    forget(counted, config, MARIA, who="ada", now=NOW)
    n_writes = 1_000 - counted._left  # type: ignore[attr-defined]
    expected = state_of(whole)
    assert n_writes > 15

    # Every ninth write, and both sides of the tombstone: all of them were tried once, and take ten times as long.
    tombstone_at = 1 + sum(key.startswith(CONTENT_ADDRESSED) and key not in few_bytes for key in expected)
    for n in sorted({*range(1, n_writes + 1, 9), tombstone_at, tombstone_at + 1, n_writes}):
        torn = fill(store.within(f"torn-{n}"), few_bytes)
        with pytest.raises(Killed):
            forget(_Mortal(**vars(torn)).arm(n), config, MARIA, who="ada", now=NOW)
        # Whatever is half done, readers see the batch whole: with the row, or without it.
        n_rows = len(load_samples(torn, take_snapshot(torn, config), set(Split)))
        assert n_rows == read_history(torn)[0].rows.n == (9 if not read_tombstones(torn).every else 8)

        forget(torn, config, MARIA, who="ada", now=NOW)

        assert {key: etag for key, etag in state_of(torn).items() if not key.startswith("snapshots/")} == {
            key: etag for key, etag in expected.items() if not key.startswith("snapshots/")
        }, f"killed before write {n}"
    assert holders(secret) == set()


SCRIPT = """
import json, os, signal, sys
from datetime import UTC, datetime
from fsl.config import RunConfig, StoreConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.store.clients import Credentials
from fsl.store.objects import ObjectStore

class Mortal(ObjectStore):
    def delete(self, key):
        super().delete(key)
        os.kill(os.getpid(), signal.SIGKILL)

facts = json.loads(sys.argv[1])
store = Mortal.connect(StoreConfig(**facts["store"]), prefix=facts["prefix"], credentials=Credentials(*facts["keys"]))
config = RunConfig.model_validate_json(facts["config"])
forget(store, config, Selection((parse_condition("text contains maria sand"),)), who="ada",
       now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
"""


def test_a_process_killed_in_the_middle_of_removing_is_finished_by_the_next(
    store: ObjectStore,
    s3: Endpoint,
    config: RunConfig,
    few_bytes: dict[str, bytes],
    holders: Callable[..., set[str]],
    secret: str,
) -> None:
    fill(store, few_bytes)
    facts: dict[str, Any] = {
        "store": {"endpoint_url": store.endpoint_url, "bucket": store.bucket},
        "prefix": store.prefix,
        "keys": [s3.credentials.access_key, s3.credentials.secret_key],
        "config": config.model_dump_json(),
    }
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    killed = subprocess.run([sys.executable, "-c", SCRIPT, json.dumps(facts)], env=environment, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert holders(secret) != set()

    forget(store, config, MARIA, who="ada", now=NOW)

    assert holders(secret) == set()
    assert len(read_tombstones(store).every) == 1


def fill(store: ObjectStore, contents: dict[str, bytes]) -> ObjectStore:
    for key, data in contents.items():
        store.put(key, data)
    return store
