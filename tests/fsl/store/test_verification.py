"""`verify` reads everything, finds each thing that does not hold, and changes nothing."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsl.config import RegistryConfig, TrustedKeyConfig
from fsl.store import layout, verification
from fsl.store.aliases import current_move, move_alias
from fsl.store.manifests import FileEntry
from fsl.store.marks import write_mark
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, publish_version
from fsl.store.registry_errors import NoSuchVersion
from fsl.store.signing import Signer, new_key, trust_of
from fsl.store.verification import verify_registry, verify_version

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENCODER = b"weights" * 100
ENCODER_KEY = layout.blob(hashlib.sha256(ENCODER).hexdigest())


@pytest.fixture
def registry(store: ObjectStore, tmp_path: Path) -> Registry:
    """Two versions that share an encoder; the first was champion, the second is."""
    registry = Registry(store, "5eed" * 8)
    for version in ("v1", "v2"):
        publish(registry, tmp_path, version)
        promote(registry, version)
    return registry


def publish(registry: Registry, folder: Path, version: str) -> None:
    bundle = folder / version
    bundle.mkdir()
    (bundle / "encoder.onnx").write_bytes(ENCODER)
    (bundle / "labels.json").write_text(f'["{version}"]')
    publish_version(registry, version, bundle, facts={}, now=NOW)


def promote(registry: Registry, version: str, alias: str = "champion") -> None:
    seen = current_move(registry, alias)
    move_alias(registry, alias, to=version, seen=seen, verdict="promote", who="mei", why="better", now=NOW)


def everything(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list()}


def test_a_sound_registry_holds_and_is_counted(registry: Registry) -> None:
    registry.store.put(layout.blob("0" * 64), b"of nobody")
    write_mark(registry.store, [layout.blob("0" * 64)], NOW)
    before = everything(registry.store)

    found = verify_registry(registry)

    assert found.faults == ()
    assert (found.n_versions, found.n_files, found.n_bytes) == (2, 3, 700 + 2 * len('["v1"]'))
    assert (found.n_moves, found.n_orphans, found.n_orphan_bytes, found.n_marked) == (2, 1, 9, 1)
    assert (found.n_signed_versions, found.n_signed_moves) == (0, 0)
    assert everything(registry.store) == before


def flip_the_encoder(registry: Registry) -> None:
    registry.store.put(ENCODER_KEY, b"W" + ENCODER[1:])


def cut_the_encoder(registry: Registry) -> None:
    registry.store.put(ENCODER_KEY, ENCODER[:-1])


def swell_the_encoder(registry: Registry) -> None:
    registry.store.put(ENCODER_KEY, ENCODER + b"!")


def lose_the_encoder(registry: Registry) -> None:
    registry.store.delete(ENCODER_KEY)


@pytest.mark.parametrize("spoil", [flip_the_encoder, cut_the_encoder, swell_the_encoder, lose_the_encoder])
def test_a_file_that_is_not_itself_is_one_fault_of_every_version_that_needs_it(
    registry: Registry, spoil: Callable[[Registry], None]
) -> None:
    spoil(registry)

    (fault,) = verify_registry(registry).faults

    assert fault.startswith(f"v1, v2 cannot be loaded: {registry.store.where(ENCODER_KEY)} is damaged (")
    assert "Importing or copying the version again sends the file anew" in fault
    assert verify_version(registry, "v1").faults == (fault.replace("v1, v2", "v1"),)


@pytest.mark.parametrize(
    ("key", "data", "words"),
    [
        (layout.manifest("v1"), b"{", "is damaged: it is not a document of its kind"),
        (layout.manifest("v1"), b'{"schema": 99}', "was written by a newer fsl"),
        (layout.move("champion", 1), b"{}", "the moves of alias 'champion' cannot be trusted"),
        (layout.move("champion", 4), b"{}", "holds move 4, but move 3 is missing"),
        (layout.mark("gone-wrong"), b"{}", "gone-wrong/mark.json is damaged"),
    ],
)
def test_each_document_that_cannot_be_read_is_told_and_the_rest_is_read_all_the_same(
    registry: Registry, key: str, data: bytes, words: str
) -> None:
    lose_the_encoder(registry)
    registry.store.put(key, data)

    faults = verify_registry(registry).faults

    assert len(faults) == 2
    assert sum(words in fault for fault in faults) == 1
    assert sum("v2 cannot be loaded" in fault for fault in faults) == 1


def test_a_version_that_an_alias_names_and_nobody_has_is_told(registry: Registry) -> None:
    registry.store.delete(layout.manifest("v1"))

    (fault,) = verify_registry(registry).faults

    assert "champion/00000001.json names version 'v1', and there is none. Copy, import or restore it" in fault


def test_a_challenger_that_was_cleaned_away_is_no_fault(registry: Registry, tmp_path: Path) -> None:
    publish(registry, tmp_path, "v0")
    for version in ("v0", "v1"):
        promote(registry, version, "challenger")
    registry.store.delete(layout.manifest("v0"))

    assert verify_registry(registry).holds


def listed(key: Signer) -> RegistryConfig:
    public = base64.b64encode(key.public_key).decode()
    return RegistryConfig(require_signature=True, keys=(TrustedKeyConfig(name="ana", public_key=public),))


def test_versions_from_before_signatures_were_required_are_faults_only_where_they_are_named(
    registry: Registry, tmp_path: Path
) -> None:
    key = new_key(tmp_path / "key.pem")
    signing = replace(registry, signer=key)
    publish(signing, tmp_path, "v3")
    promote(signing, "v3")
    strict = replace(registry, trust=trust_of(listed(key)))

    found = verify_registry(strict)
    assert found.faults == ()
    assert (found.n_signed_versions, found.n_signed_moves, found.n_refused) == (1, 1, 2)
    assert verify_registry(replace(strict, trust=replace(strict.trust, required=False))).n_refused == 0

    promote(signing, "v1")
    (fault,) = verify_registry(strict).faults
    assert fault.startswith("'champion' names v1, which no key in `registry.keys` signed, so nobody loads it")
    (fault,) = verify_version(strict, "v2").faults
    assert "manifest.json is not trusted: it is not signed" in fault


def test_a_false_signature_is_a_fault_even_where_none_is_required(registry: Registry, tmp_path: Path) -> None:
    key = new_key(tmp_path / "key.pem")
    publish(replace(registry, signer=key), tmp_path, "v3")
    envelope = json.loads(registry.store.get(layout.manifest("v3")))
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    registry.store.put(layout.manifest("v3"), json.dumps(envelope).encode())
    trust = replace(trust_of(listed(key)), required=False)

    (fault,) = verify_registry(replace(registry, trust=trust)).faults

    assert "it bears the name of key 'ana', and not its signature" in fault


def test_a_version_that_is_cleaned_away_meanwhile_is_no_fault(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(registry, tmp_path, "v3")

    def clean_first(store: ObjectStore, file: FileEntry) -> str | None:
        if file.path == "labels.json":
            store.delete(layout.manifest("v3"))
            store.delete(layout.blob(hashlib.sha256(b'["v3"]').hexdigest()))
        return real(store, file)

    real = verification.fault_of_blob
    monkeypatch.setattr(verification, "fault_of_blob", clean_first)

    assert verify_registry(registry).faults == ()


def test_one_version_that_is_not_there_is_an_error(registry: Registry) -> None:
    with pytest.raises(NoSuchVersion, match="fsl models ls"):
        verify_version(registry, "v9")
