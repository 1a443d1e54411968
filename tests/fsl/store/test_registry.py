import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsl.store import errors, layout, registry_errors
from fsl.store.aliases import move_alias
from fsl.store.objects import ObjectStore
from fsl.store.registry import (
    Manifest,
    Registry,
    fetch_version,
    list_versions,
    load_manifest,
    publish_version,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # SHA-256 of "hello", as everyone knows it


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder such as an export leaves."""
    folder = tmp_path / "bundle"
    (folder / "sub").mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(b"hello")
    (folder / "sub" / "labels.json").write_text('["退款"]', encoding="utf-8")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def publish(store: ObjectStore, folder: Path, version: str = "v1") -> Manifest:
    return publish_version(Registry(store), version, folder, facts={"accuracy": 0.9, "who": "Zoë"}, now=NOW)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip_a_bit(path: Path, at: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))


@pytest.mark.conformance
def test_a_version_comes_back_as_it_was_published(store: ObjectStore, bundle: Path, cache: Path) -> None:
    published = publish(store, bundle)

    assert load_manifest(Registry(store), "v1") == published
    assert [(file.path, file.size) for file in published.files] == [("encoder.onnx", 5), ("sub/labels.json", 10)]
    assert published.files[0].sha256 == HELLO
    assert published.facts == {"accuracy": 0.9, "who": "Zoë"}
    assert contents(fetch_version(Registry(store), "v1", cache)) == contents(bundle)
    assert list_versions(Registry(store)) == ("v1",)


def test_the_manifest_is_what_the_protocol_says(store: ObjectStore, bundle: Path) -> None:
    publish(store, bundle)

    assert json.loads(store.get("models/versions/v1/manifest.json")) == {
        "schema": 1,
        "version": "v1",
        "created": "2026-03-01T12:00:00+00:00",
        "files": [
            {"path": "encoder.onnx", "sha256": HELLO, "size": 5},
            {"path": "sub/labels.json", "sha256": hashlib.sha256('["退款"]'.encode()).hexdigest(), "size": 10},
        ],
        "facts": {"accuracy": 0.9, "who": "Zoë"},
    }
    assert store.get(f"models/blobs/{HELLO}") == b"hello"


@pytest.mark.conformance
def test_publishing_twice_is_harmless_and_keeps_the_first_date(store: ObjectStore, bundle: Path) -> None:
    first = publish(store, bundle)
    again = publish_version(
        Registry(store), "v1", bundle, facts={"accuracy": 0.9, "who": "Zoë"}, now=datetime(2027, 1, 1, tzinfo=UTC)
    )

    assert again == first


def test_eight_publishers_of_the_same_version_all_succeed(store: ObjectStore, bundle: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        manifests = list(pool.map(lambda _: publish(store, bundle), range(8)))

    assert len({manifest.digest for manifest in manifests}) == 1


@pytest.mark.conformance
def test_a_version_never_changes(store: ObjectStore, bundle: Path) -> None:
    publish(store, bundle)
    (bundle / "encoder.onnx").write_bytes(b"other")

    with pytest.raises(registry_errors.VersionTaken, match="never changes"):
        publish(store, bundle)
    assert load_manifest(Registry(store), "v1").files[0].sha256 == HELLO


def test_a_file_that_two_versions_share_is_stored_once(store: ObjectStore, bundle: Path) -> None:
    publish(store, bundle)
    (bundle / "sub" / "labels.json").write_text("[]", encoding="utf-8")
    publish(store, bundle, "v2")

    assert len(list(store.list("models/blobs/"))) == 3
    assert list_versions(Registry(store)) == ("v1", "v2")


def test_without_its_manifest_a_version_is_not_there(store: ObjectStore, bundle: Path, cache: Path) -> None:
    publish(store, bundle)
    store.delete(layout.manifest("v1"))  # a publisher that died before its last write

    assert list_versions(Registry(store)) == ()
    with pytest.raises(registry_errors.NoSuchVersion, match="fsl models ls"):
        fetch_version(Registry(store), "v1", cache)


@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "model.pt", "run.py", "noend", "model.ONNX", "a.onnx.so"])
def test_a_file_that_may_hold_code_does_not_enter(store: ObjectStore, bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"x")

    with pytest.raises(registry_errors.FileRefused, match="may not enter a version"):
        publish(store, bundle)
    assert list(store.list()) == []


def test_a_link_does_not_enter(store: ObjectStore, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("not yours")
    (bundle / "notes.txt").symlink_to(tmp_path / "secret.txt")

    with pytest.raises(registry_errors.FileRefused, match="it is a link"):
        publish(store, bundle)
    assert list(store.list()) == []


def test_an_empty_folder_is_no_version(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(registry_errors.FileRefused, match="it holds no files"):
        publish(store, tmp_path)


def test_facts_that_are_no_json_are_refused_before_anything_is_written(store: ObjectStore, bundle: Path) -> None:
    with pytest.raises(registry_errors.FactsRefused, match="null for a score"):
        publish_version(Registry(store), "v1", bundle, facts={"accuracy": float("nan")}, now=NOW)
    assert list(store.list()) == []


@pytest.mark.parametrize("version", ["../v1", "a/b", "", "v1\n"])
def test_a_version_name_that_climbs_is_refused(store: ObjectStore, bundle: Path, cache: Path, version: str) -> None:
    for action in (
        lambda: publish(store, bundle, version),
        lambda: load_manifest(Registry(store), version),
        lambda: fetch_version(Registry(store), version, cache),
    ):
        with pytest.raises(errors.BadName):
            action()


@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_flipped_bit_in_the_store_is_found(store: ObjectStore, bundle: Path, cache: Path, at: int) -> None:
    publish(store, bundle)
    data = bytearray(b"hello")
    data[at] ^= 1
    store.put(f"models/blobs/{HELLO}", bytes(data))

    with pytest.raises(errors.DamagedObject, match=r"encoder\.onnx has SHA-256"):
        fetch_version(Registry(store), "v1", cache)
    assert not [path for path in cache.rglob("*") if path.is_file() and path.read_bytes() == bytes(data)]


@pytest.mark.parametrize("data", [b"hell", b"hello!", b""])
def test_a_file_of_another_size_in_the_store_is_found(
    store: ObjectStore, bundle: Path, cache: Path, data: bytes
) -> None:
    publish(store, bundle)
    store.put(f"models/blobs/{HELLO}", data)

    with pytest.raises(errors.DamagedObject):
        fetch_version(Registry(store), "v1", cache)


@pytest.mark.conformance
def test_a_file_missing_from_the_store_is_found(store: ObjectStore, bundle: Path, cache: Path) -> None:
    publish(store, bundle)
    store.delete(f"models/blobs/{HELLO}")

    with pytest.raises(errors.DamagedObject, match="is not there"):
        fetch_version(Registry(store), "v1", cache)


def test_publishing_again_mends_a_cut_file(store: ObjectStore, bundle: Path, cache: Path) -> None:
    publish(store, bundle)
    store.put(f"models/blobs/{HELLO}", b"hel")
    publish(store, bundle)

    assert contents(fetch_version(Registry(store), "v1", cache)) == contents(bundle)


def test_a_second_fetch_makes_no_request(store: ObjectStore, bundle: Path, cache: Path) -> None:
    publish(store, bundle)
    folder = fetch_version(Registry(store), "v1", cache)
    for info in list(store.list()):
        store.delete(info.key)

    assert fetch_version(Registry(store), "v1", cache) == folder
    assert contents(folder) == contents(bundle)


def test_a_flipped_bit_in_the_cache_is_found_and_mended(store: ObjectStore, bundle: Path, cache: Path) -> None:
    publish(store, bundle)
    flip_a_bit(fetch_version(Registry(store), "v1", cache) / "encoder.onnx")

    assert contents(fetch_version(Registry(store), "v1", cache)) == contents(bundle)


def damage_manifest(cache: Path) -> None:
    (manifest,) = cache.rglob("manifest.json")
    manifest.write_bytes(b"{")


def remove_file(cache: Path) -> None:
    next(cache.rglob("encoder.onnx")).unlink()


def plant_file(cache: Path) -> None:
    (next(cache.rglob("encoder.onnx")).parent / "planted.json").write_bytes(b"{}")


def plant_link(cache: Path) -> None:
    target = next(cache.rglob("encoder.onnx"))
    (cache / "elsewhere").write_bytes(b"hello")
    target.unlink()
    target.symlink_to(cache / "elsewhere")


@pytest.mark.parametrize("damage", [damage_manifest, remove_file, plant_file, plant_link])
def test_a_cache_that_somebody_meddled_with_is_mended(
    store: ObjectStore, bundle: Path, cache: Path, damage: Callable[[Path], None]
) -> None:
    publish(store, bundle)
    fetch_version(Registry(store), "v1", cache)
    damage(cache)

    folder = fetch_version(Registry(store), "v1", cache)

    assert contents(folder) == contents(bundle)
    assert not [path for path in folder.rglob("*") if path.is_symlink()]


def test_eight_readers_of_one_cold_cache_all_get_the_whole_version(
    store: ObjectStore, bundle: Path, cache: Path
) -> None:
    publish(store, bundle)
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: fetch_version(Registry(store), "v1", cache), range(8)))

    assert len(folders) == 1
    assert contents(folders.pop()) == contents(bundle)
    assert not list(cache.rglob(".*"))


def test_two_registries_share_a_cache_without_mixing(store: ObjectStore, bundle: Path, cache: Path) -> None:
    other = store.within("other")
    publish(store, bundle)
    first = fetch_version(Registry(store), "v1", cache)
    (bundle / "encoder.onnx").write_bytes(b"other")
    publish(other, bundle)

    assert (fetch_version(Registry(other), "v1", cache) / "encoder.onnx").read_bytes() == b"other"
    assert (first / "encoder.onnx").read_bytes() == b"hello"


def forged(**changes: object) -> bytes:
    file = {"path": "a.json", "sha256": HELLO, "size": 5}
    document = {"schema": 1, "version": "v1", "created": NOW.isoformat(), "files": [file], "facts": {}}
    return json.dumps(document | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"schema": 1}',
        forged(schema="1"),
        forged(schema=True),
        forged(version="v2"),
        forged(created="yesterday"),
        forged(files=[{"path": "../../evil.json", "sha256": HELLO, "size": 5}]),
        forged(files=[{"path": "/etc/evil.json", "sha256": HELLO, "size": 5}]),
        forged(files=[{"path": "evil.pkl", "sha256": HELLO, "size": 5}]),
        forged(files=[{"path": "a.json", "sha256": "../../" + HELLO[6:], "size": 5}]),
        forged(files=[{"path": "a.json", "sha256": HELLO, "size": -1}]),
        forged(files=[{"path": path, "sha256": HELLO, "size": 5} for path in ("a.json", "A.json")]),
    ],
)
def test_a_manifest_that_is_none_loads_nothing(store: ObjectStore, cache: Path, data: bytes) -> None:
    store.put(layout.manifest("v1"), data)

    with pytest.raises(errors.DamagedObject, match=r"manifest\.json is damaged"):
        fetch_version(Registry(store), "v1", cache)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_manifest_of_a_newer_schema_says_update(store: ObjectStore) -> None:
    store.put(layout.manifest("v1"), forged(schema=2, files="of another shape"))

    with pytest.raises(errors.NewerSchema, match="Update fsl here"):
        load_manifest(Registry(store), "v1")


def test_what_a_later_fsl_adds_to_this_schema_is_left_alone(store: ObjectStore) -> None:
    store.put(layout.manifest("v1"), forged(added_later={"a": 1}))

    assert load_manifest(Registry(store), "v1").version == "v1"


def test_a_manifest_that_was_written_over_is_not_what_the_alias_was_moved_to(
    store: ObjectStore, bundle: Path, cache: Path
) -> None:
    registry = Registry(store)
    publish(store, bundle)
    move = move_alias(registry, "champion", to="v1", seen=None, verdict="promote", who="a", why="b", now=NOW)
    fetch_version(registry, "v1", cache, manifest=move.manifest)
    key = layout.manifest("v1")
    store.put(key, store.get(key).replace(b'"accuracy": 0.9', b'"accuracy": 1.0'))

    # The cache still holds the one that was promoted.
    assert contents(fetch_version(registry, "v1", cache, manifest=move.manifest)) == contents(bundle)
    with pytest.raises(errors.DamagedObject, match="not the manifest that the alias was moved to"):
        fetch_version(registry, "v1", cache / "another", manifest=move.manifest)
