"""Stores, keys and clocks that are not as they should be: each ends in a sentence, and the registry is unharmed.

What SeaweedFS can do by itself it does here: wrong keys, read-only keys, a clock that is off, a disk that takes no
more. The rest comes from a proxy before it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from bench.parts.network.faults import Cut, Fault, Request, Rule, always, faulty, first, when
from bench.parts.registry.place import ALIAS, Place, contents, everything, make_bundle, promote_next, publish
from fsl.store import errors, layout, registry_errors
from fsl.store.aliases import current_move, read_moves
from fsl.store.clients import Credentials
from fsl.store.embedded.server import EmbeddedServer
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version, list_versions

from .conftest import READER


@dataclass(frozen=True)
class Settled:
    """A registry with a champion, and a bundle that is about to be its next."""

    place: Place
    registry: Registry  # without any fault
    old: Path
    new: Path
    before: dict[str, bytes]

    def publish_and_promote(self, registry: Registry | None = None) -> None:
        registry = registry or self.registry
        publish(registry, self.new, "new")
        promote_next(registry, "new")

    def load(self, cache: Path, registry: Registry | None = None) -> dict[str, bytes]:
        """Return the champion's files."""
        registry = registry or self.registry
        move = current_move(registry, ALIAS)
        assert move is not None
        return contents(fetch_version(registry, move.version, cache))

    @contextmanager
    def unharmed(self, tmp_path: Path) -> Iterator[None]:
        """See that the block changes no object, that the old champion loads, and that a second try gets through."""
        yield
        store = self.registry.store
        assert {key: store.find(key) for key in self.before} == self.before
        assert self.load(tmp_path / "cache after") == contents(self.old)
        assert list_versions(self.registry) == ("old",)
        self.publish_and_promote()
        assert self.load(tmp_path / "cache after") == contents(self.new)


FULL_AT_BYTES = 1024  # of any one file of the server; its volumes are larger


def settle(place: Place, folder: Path) -> Settled:
    registry = place.open()
    old, new = make_bundle(folder / "old", "old"), make_bundle(folder / "new", "new")
    publish(registry, old, "old")
    promote_next(registry, "old")
    return Settled(place, registry, old, new, everything(registry.store))


@pytest.fixture
def settled(place: Place, tmp_path: Path) -> Settled:
    return settle(place, tmp_path)


def is_put(request: Request) -> bool:
    return request.method == "PUT"


def is_blob(request: Request) -> bool:
    return request.method == "GET" and layout.BLOBS in request.path


REFUSALS: dict[str, tuple[Rule, type[errors.StoreError], str]] = {
    "expired credentials": (
        always(Fault(answer=(400, "ExpiredToken"))),
        errors.CredentialsRefused,
        r"does not take the credentials: the store's words \(ExpiredToken, HTTP 400\)\. Set AWS_ACCESS_KEY_ID",
    ),
    "a long storm of 503": (
        when(lambda request: "list-type" in request.path, Fault(answer=(503, "SlowDown"))),
        errors.StoreThrottled,
        r"the store is too busy for .*SlowDown, HTTP 503\)\. Try again in a minute",
    ),
    "a full disk behind a MinIO": (
        when(is_put, Fault(answer=(507, "XMinioStorageFull"))),
        errors.StoreFull,
        r"the store has no room for .*XMinioStorageFull.*Free space or raise the quota, and run it again",
    ),
    "a quota that is used up": (
        when(is_put, Fault(answer=(403, "QuotaExceeded"))),
        errors.StoreFull,
        r"the store has no room for .*what was finished is not done twice",
    ),
    "connections cut before each write": (
        when(is_put, Fault(cut=Cut.BEFORE)),
        errors.StoreUnreachable,
        r"cannot be reached: .*Check that the store runs.*run it again",
    ),
    "connections cut in the body of each write": (
        when(is_put, Fault(cut=Cut.UPLOAD)),
        errors.StoreUnreachable,
        r"cannot be reached: .*run it again, since nothing was left half done",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_publication_is_a_sentence_and_leaves_the_old_champion(
    settled: Settled, tmp_path: Path, case: str
) -> None:
    rule, kind, words = REFUSALS[case]
    with settled.unharmed(tmp_path), faulty(settled.place.url, rule) as proxy:
        with pytest.raises(kind, match=words) as caught:
            settled.publish_and_promote(settled.place.via(proxy.url).open())
        assert type(caught.value) is kind
        assert caught.value.retryable == (kind in (errors.StoreThrottled, errors.StoreUnreachable))


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (first(2, Fault(answer=(503, "SlowDown"))), "a short storm"),
        (first(1, Fault(cut=Cut.UPLOAD), method="PUT"), "a write cut in its body"),
        (first(2, Fault(cut=Cut.ANSWER), method="GET"), "answers cut in their body"),
    ],
)
def test_what_passes_soon_is_not_even_noticed(settled: Settled, tmp_path: Path, rule: Rule, what: str) -> None:
    with faulty(settled.place.url, rule) as proxy:
        settled.publish_and_promote(settled.place.via(proxy.url).open())

    assert settled.load(tmp_path / "cache") == contents(settled.new)


@pytest.mark.parametrize("part", [layout.VERSIONS, layout.ALIASES])
def test_a_create_only_write_whose_answer_is_lost_is_known_for_ones_own(
    settled: Settled, tmp_path: Path, part: str
) -> None:
    lost = [Fault(cut=Cut.AFTER)]

    def lose_once(request: Request) -> Fault | None:
        return lost.pop() if lost and request.is_create_only and part in request.path else None

    with faulty(settled.place.url, lose_once) as proxy:
        settled.publish_and_promote(settled.place.via(proxy.url).open())

    assert not lost
    assert [move.version for move in read_moves(settled.registry, ALIAS)] == ["old", "new"]
    assert settled.load(tmp_path / "cache") == contents(settled.new)


def test_a_load_whose_bodies_are_all_cut_keeps_nothing_of_them(settled: Settled, tmp_path: Path) -> None:
    with settled.unharmed(tmp_path), faulty(settled.place.url, when(is_blob, Fault(cut=Cut.ANSWER))) as proxy:
        with pytest.raises(errors.StoreUnreachable, match=r"cannot be reached: .* bytes expected"):
            settled.load(tmp_path / "cache", settled.place.via(proxy.url).open())
        assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["manifest.json"]


@pytest.mark.usefixtures("checks_keys")
def test_wrong_keys_open_nothing(settled: Settled, tmp_path: Path) -> None:
    known = settled.place.credentials.access_key
    with settled.unharmed(tmp_path):
        for name in (known, "nobody"):
            stranger = replace(settled.place, credentials=Credentials(name, "a-secret-of-no-use")).open()
            for action in (settled.publish_and_promote, lambda who: settled.load(tmp_path / "cache", who)):
                with pytest.raises(errors.CredentialsRefused, match="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
                    action(stranger)


def test_a_bucket_that_is_not_there_is_named(settled: Settled, tmp_path: Path) -> None:
    elsewhere = replace(settled.place, bucket="no-such-bucket").open()

    with settled.unharmed(tmp_path):
        for action in (settled.publish_and_promote, lambda who: settled.load(tmp_path / "cache", who)):
            with pytest.raises(
                errors.NoSuchBucket, match=r"there is no bucket .*no-such-bucket.*Create it, or correct"
            ):
                action(elsewhere)


@pytest.mark.usefixtures("checks_keys")
def test_a_clock_an_hour_off_is_told_to_be_set(
    settled: Settled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore import auth

    now = auth.get_current_datetime

    def an_hour_ahead(*, remove_tzinfo: bool = True) -> datetime:
        shifted: datetime = now(remove_tzinfo=remove_tzinfo) + timedelta(hours=1)
        return shifted

    with settled.unharmed(tmp_path), monkeypatch.context() as off:
        off.setattr(auth, "get_current_datetime", an_hour_ahead)  # by which requests are signed
        for action in (settled.publish_and_promote, lambda: settled.load(tmp_path / "cache")):
            with pytest.raises(errors.ClockSkewed, match=r"refuses the time of this machine.*Set the clock \(NTP\)"):
                action()


@pytest.fixture
def settled_apart(own_server: EmbeddedServer, tmp_path: Path) -> Settled:
    """The same in a server of its own."""
    endpoint = own_server.start()
    place = Place(endpoint.url, "apart", endpoint.credentials).fresh()
    place.open().store.ensure_bucket()
    return settle(place, tmp_path)


def test_a_read_only_key_loads_and_changes_nothing(settled_apart: Settled, tmp_path: Path) -> None:
    settled = settled_apart
    reader = replace(settled.place, credentials=READER).open()

    with settled.unharmed(tmp_path):
        assert settled.load(tmp_path / "cache", reader) == contents(settled.old)
        for action in (
            lambda: publish(reader, settled.new, "new"),
            lambda: promote_next(reader, "old"),
            lambda: reader.store.delete(layout.manifest("old")),
        ):
            with pytest.raises(errors.AccessRefused, match=r"these credentials may not use .*Ask the bucket's owner"):
                action()


def test_a_disk_that_takes_no_more_is_told_and_the_next_try_gets_through(
    settled_apart: Settled, own_server: EmbeddedServer, tmp_path: Path
) -> None:
    settled = settled_apart
    server = psutil.Process(own_server.start().pid)
    limit = server.rlimit(psutil.RLIMIT_FSIZE)
    with settled.unharmed(tmp_path):
        # The kernel refuses the server's writes as a full disk does: in the middle of a volume.
        server.rlimit(psutil.RLIMIT_FSIZE, (FULL_AT_BYTES, limit[1]))
        try:
            with pytest.raises(
                errors.StoreFaulty, match="look at the store's own log and at its free disk space"
            ) as full:
                settled.publish_and_promote()
        finally:
            server.rlimit(psutil.RLIMIT_FSIZE, limit)
        assert full.value.retryable


def put_text_for_a_move(store: ObjectStore) -> None:
    store.put(layout.move(ALIAS, 2), b"promote new!")


def put_a_newer_manifest(store: ObjectStore) -> None:
    key = layout.manifest("old")
    store.put(key, json.dumps(json.loads(store.get(key)) | {"schema": 99, "files": {"of another": "shape"}}).encode())


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (
            put_text_for_a_move,
            registry_errors.BrokenChain,
            r"cannot be trusted: .*00000002\.json .*Restore that object",
        ),
        (put_a_newer_manifest, errors.NewerSchema, r"was written by a newer fsl: its 'schema' is 99.*Update fsl here"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_and_left_alone(
    settled: Settled, tmp_path: Path, spoil: Callable[[ObjectStore], None], kind: type[Exception], words: str
) -> None:
    store = settled.registry.store
    with settled.unharmed(tmp_path):
        spoil(store)
        spoilt = everything(store)
        for action in (lambda: settled.load(tmp_path / "cache"), lambda: promote_next(settled.registry, "old")):
            with pytest.raises(kind, match=words):
                action()
        assert everything(store) == spoilt
        for key in spoilt.keys() - settled.before.keys():
            store.delete(key)  # restored from a backup
        store.put(layout.manifest("old"), settled.before[layout.manifest("old")])
