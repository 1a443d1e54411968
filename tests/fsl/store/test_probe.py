import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from bench.parts.network.faults import Fault, Request, faulty, when
from bench.parts.registry.place import Place
from fsl.commands.doctor import look_at_writes
from fsl.config import StoreConfig
from fsl.store.errors import LockUnusable, StoreFaulty, UnsafeStore
from fsl.store.objects import ObjectStore
from fsl.store.probe import ProbeResult, ensure_safe, probe_create_only

from .conftest import Serve

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.conformance
def test_an_honest_store_passes_and_is_left_as_it_was(store: ObjectStore, store_config: StoreConfig) -> None:
    result = probe_create_only(store)
    ensure_safe(store, store_config)

    assert result.honoured
    assert not result.keeps_versions
    assert list(store.list()) == []


@pytest.mark.conformance
def test_a_bucket_that_keeps_versions_is_tried_as_such_and_nothing_is_left_in_it(store: ObjectStore) -> None:
    versioned = replace(store, bucket=f"versioned-{uuid.uuid4().hex[:12]}")
    client = store._client
    client.create_bucket(Bucket=versioned.bucket)
    client.put_bucket_versioning(Bucket=versioned.bucket, VersioningConfiguration={"Status": "Enabled"})
    versioned.put("kept", b"1")
    versioned.put("kept", b"2")

    result = probe_create_only(versioned)

    assert result.honoured
    assert result.keeps_versions
    left = client.list_object_versions(Bucket=versioned.bucket)
    assert [item["Key"] for item in left["Versions"]] == [f"{store.prefix}kept"] * 2
    assert "DeleteMarkers" not in left
    assert versioned.get("kept") == b"2"


def test_where_old_versions_may_not_be_listed_the_probe_removes_what_it_can(
    place: Place, store: ObjectStore, store_config: StoreConfig
) -> None:
    rule = when(lambda request: "?versions" in request.path, Fault(answer=(403, "AccessDenied")))
    with faulty(place.url, rule) as proxy:
        assert probe_create_only(place.via(proxy.url).open().store).honoured

        assert any("?versions" in request.path for request in proxy.seen)
    assert list(store.list()) == []


def test_a_store_that_refuses_where_something_was_removed_is_found(place: Place, store: ObjectStore) -> None:
    removed: set[str] = set()

    def remember(request: Request) -> Fault | None:
        key = request.path.split("?")[0]
        if request.method == "DELETE":
            removed.add(key)
        return Fault(answer=(412, "PreconditionFailed")) if request.is_create_only and key in removed else None

    with faulty(place.url, remember) as proxy, pytest.raises(StoreFaulty, match="refused as existing"):
        probe_create_only(place.via(proxy.url).open().store)
    assert list(store.list()) == []


def test_a_store_that_ignores_create_only_is_refused_and_nothing_is_written(
    serve: Serve, careless_app: WSGIApplication, tmp_path: Path
) -> None:
    with serve(careless_app) as store:
        store.ensure_bucket()
        with pytest.raises(UnsafeStore, match=r"(?s)nothing was written\. Three ways out.*store\.single_writer: true"):
            ensure_safe(store, StoreConfig(endpoint_url=store.endpoint_url), cache=tmp_path, now=NOW)

        assert list(store.list()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("part_of_key", "words"),
    [("late", "a second write went over the first"), ("race", "of 4 writers at once, 4 were told that they had won")],
)
def test_a_store_that_is_careless_in_one_way_alone_is_found(
    serve: Serve, careless_with: Callable[[str], WSGIApplication], part_of_key: str, words: str
) -> None:
    with serve(careless_with(part_of_key)) as store:
        store.ensure_bucket()

        assert probe_create_only(store) == ProbeResult(False, words)


def test_a_store_that_knows_no_create_only_is_refused(serve: Serve, moto_app: WSGIApplication) -> None:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if "HTTP_IF_NONE_MATCH" not in environ:
            return moto_app(environ, start)
        start("501 Not Implemented", [("Content-Type", "application/xml"), ("Connection", "close")])
        return [b"<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>"]

    with serve(answer) as store:
        store.ensure_bucket()
        with pytest.raises(UnsafeStore, match="no such header"):
            ensure_safe(store, StoreConfig(endpoint_url=store.endpoint_url))


def test_the_promise_of_a_single_writer_lets_a_careless_store_pass(serve: Serve, careless_app: WSGIApplication) -> None:
    with serve(careless_app) as store:
        ensure_safe(store, StoreConfig(endpoint_url=store.endpoint_url, single_writer=True))


def test_a_good_answer_holds_for_a_day(serve: Serve, moto_app: WSGIApplication, tmp_path: Path) -> None:
    requests: list[str] = []

    def counting(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        requests.append(environ["REQUEST_METHOD"])
        return moto_app(environ, start)

    with serve(counting) as store:
        config = StoreConfig(endpoint_url=store.endpoint_url)
        store.ensure_bucket()
        ensure_safe(store, config, cache=tmp_path, now=NOW)
        n_after_first = len(requests)
        ensure_safe(store, config, cache=tmp_path, now=NOW + timedelta(hours=23))
        n_within_a_day = len(requests)
        ensure_safe(store, config, cache=tmp_path, now=NOW + timedelta(hours=25))

        assert n_within_a_day == n_after_first + 1  # which asks who answers
        assert requests[n_after_first] == "GET"
        assert len(requests) > n_within_a_day + 1


def test_a_store_that_was_updated_at_the_same_address_is_tried_anew(
    serve: Serve, careless_app: WSGIApplication, moto_app: WSGIApplication, tmp_path: Path
) -> None:
    release = ["Store 1.0"]

    def updated(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def named(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start(status, [*(item for item in headers if item[0] != "Server"), ("Server", release[0])], *rest)

        return (moto_app if release[0] == "Store 1.0" else careless_app)(environ, named)

    with serve(updated) as store:
        config = StoreConfig(endpoint_url=store.endpoint_url)
        store.ensure_bucket()
        ensure_safe(store, config, cache=tmp_path, now=NOW)
        ensure_safe(store, config, cache=tmp_path, now=NOW)
        release[0] = "Store 2.0"
        with pytest.raises(UnsafeStore):
            ensure_safe(store, config, cache=tmp_path, now=NOW)


@pytest.fixture
def careless(place: Place) -> Iterator[Place]:
    """The test's prefix, reached through a proxy that makes the store ignore create-only."""
    rule = when(lambda request: request.is_create_only, Fault(without="If-None-Match"))
    with faulty(place.url, rule, sign_with=place.credentials) as proxy:
        yield place.via(proxy.url)


def open_with_lock(place: Place, lock_file: Path) -> tuple[ObjectStore, StoreConfig]:
    config = StoreConfig(endpoint_url=place.url, bucket=place.bucket, lock_file=lock_file)
    return ObjectStore.connect(config, prefix=place.prefix, credentials=place.credentials), config


def test_writers_that_share_a_lock_are_safe_on_a_careless_store(careless: Place, tmp_path: Path) -> None:
    store, config = open_with_lock(careless, tmp_path / "fsl.lock")
    ensure_safe(store, config, cache=tmp_path, now=NOW)

    writers = [open_with_lock(careless, tmp_path / "fsl.lock")[0] for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda racer: writers[racer % 4].create("race", b"%02d" % racer), range(16)))

    assert won.count(True) == 1
    assert store.get("race") == b"%02d" % won.index(True)
    assert store.within("deeper").lock_file == store.lock_file


def test_an_answer_with_the_lock_does_not_hold_without_it(careless: Place, tmp_path: Path) -> None:
    store, config = open_with_lock(careless, tmp_path / "fsl.lock")
    ensure_safe(store, config, cache=tmp_path, now=NOW)

    with pytest.raises(UnsafeStore, match=r"`store\.lock_file: /a/shared/path`"):
        ensure_safe(careless.open().store, StoreConfig(endpoint_url=careless.url), cache=tmp_path, now=NOW)


def test_a_lock_that_cannot_be_had_writes_nothing(careless: Place, store: ObjectStore, tmp_path: Path) -> None:
    locked, _ = open_with_lock(careless, tmp_path / "no-such-folder" / "fsl.lock")

    with pytest.raises(LockUnusable, match=r"cannot be locked: No such file or directory\. Nothing was written"):
        locked.create("a", b"1")
    assert list(store.list()) == []


def test_doctor_tells_what_was_tried_and_the_ways_out(careless: Place, tmp_path: Path) -> None:
    config = StoreConfig(endpoint_url=careless.url, bucket=careless.bucket)
    locked, with_lock = open_with_lock(careless, tmp_path / "fsl.lock")

    refused = look_at_writes(careless.open().store, config)
    promised = look_at_writes(careless.open().store, config.model_copy(update={"single_writer": True}))
    by_turns = look_at_writes(locked, with_lock)

    assert (refused.state, refused.detail) == ("missing", "a second write went over the first")
    assert refused.remedy == "another store, store.single_writer: true, or store.lock_file"
    assert (promised.state, promised.remedy) == ("warning", "see that only one process ever writes")
    assert by_turns.state == "ok"
    assert "in a bucket without versions" in by_turns.detail
    assert f"by turns under {tmp_path / 'fsl.lock'}" in by_turns.detail


def test_a_lock_is_named_by_its_whole_path() -> None:
    with pytest.raises(ValueError, match=r"name the whole path"):
        StoreConfig(lock_file=Path("fsl.lock"))


def test_a_damaged_answer_is_asked_for_again(serve: Serve, careless_app: WSGIApplication, tmp_path: Path) -> None:
    with serve(careless_app) as store:
        store.ensure_bucket()
        config = StoreConfig(endpoint_url=store.endpoint_url)
        for _ in range(2):
            with pytest.raises(UnsafeStore):
                ensure_safe(store, config, cache=tmp_path, now=NOW)
            (tmp_path / "probes").mkdir(exist_ok=True)
            for path in (tmp_path / "probes").iterdir():
                path.write_text('{"honoured": tru')
