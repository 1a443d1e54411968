"""What a listed key signed is used, and nothing else where a signature is required."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.config import RegistryConfig, TrustedKeyConfig
from fsl.store import layout
from fsl.store.aliases import current_move, move_alias, read_moves, rollback
from fsl.store.errors import DamagedObject, KeyUnusable, NotTrusted
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version, list_versions, load_manifest, publish_version
from fsl.store.registry_errors import BrokenChain
from fsl.store.signing import Signer, load_signer, new_key, signer_from, trust_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def trainer(tmp_path: Path) -> Signer:
    return new_key(tmp_path / "trainer.pem")


@pytest.fixture
def promoter(tmp_path: Path) -> Signer:
    return new_key(tmp_path / "promoter.pem")


@pytest.fixture
def strict(store: ObjectStore, trainer: Signer, promoter: Signer) -> Registry:
    """A registry that takes versions of the trainer and moves of the promoter; nobody signs yet."""
    config = RegistryConfig(
        require_signature=True, keys=(listed("trainer", trainer, "publish"), listed("promoter", promoter, "promote"))
    )
    return Registry(store, "5eed" * 8, trust_of(config))


def listed(name: str, key: Signer, act: Any) -> TrustedKeyConfig:
    return TrustedKeyConfig(name=name, public_key=base64.b64encode(key.public_key).decode(), may=(act,))


def publish(registry: Registry, folder: Path, version: str = "v1") -> None:
    (folder / "bundle").mkdir(exist_ok=True)
    (folder / "bundle" / "labels.json").write_text(f'["{version}", "退款"]', encoding="utf-8")
    publish_version(registry, version, folder / "bundle", facts={"n": 1}, now=NOW)


def move(registry: Registry, version: str = "v1") -> None:
    seen = current_move(registry, "champion")
    move_alias(registry, "champion", to=version, seen=seen, verdict="promote", who="mei", why="better", now=NOW)


@pytest.mark.conformance
def test_a_version_and_a_move_signed_by_their_keys_are_used(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path
) -> None:
    publish(replace(strict, signer=trainer), tmp_path)
    move(replace(strict, signer=promoter))

    assert load_manifest(strict, "v1").signed_by == "trainer"
    current = current_move(strict, "champion")
    assert current is not None
    assert (current.version, current.signed_by) == ("v1", "promoter")
    assert (fetch_version(strict, "v1", tmp_path / "cache") / "labels.json").is_file()


def test_the_promoters_key_publishes_nothing(strict: Registry, promoter: Signer, tmp_path: Path) -> None:
    with pytest.raises(NotTrusted, match="key 'promoter' signed it, which may not publish"):
        publish(replace(strict, signer=promoter), tmp_path)

    assert list_versions(strict) == ()
    assert not list(strict.store.list())


def test_the_trainers_key_moves_nothing(strict: Registry, trainer: Signer, tmp_path: Path) -> None:
    publish(replace(strict, signer=trainer), tmp_path)

    with pytest.raises(NotTrusted, match="key 'trainer' signed it, which may not promote"):
        move(replace(strict, signer=trainer))

    assert current_move(strict, "champion") is None


def test_without_a_signature_nothing_is_written_or_read(strict: Registry, tmp_path: Path) -> None:
    lax = Registry(strict.store, strict.id)
    with pytest.raises(NotTrusted, match="it is not signed"):
        publish(strict, tmp_path)
    publish(lax, tmp_path)
    move(lax)

    for read in (
        lambda: load_manifest(strict, "v1"),
        lambda: fetch_version(strict, "v1", tmp_path / "cache"),
        lambda: current_move(strict, "champion"),
        lambda: rollback(strict, "champion", who="ana", why="bad", now=NOW),
    ):
        with pytest.raises(NotTrusted, match=r"it is not signed\. It was not used"):
            read()


def test_a_version_in_the_cache_is_not_trusted_for_having_been_fetched_once(strict: Registry, tmp_path: Path) -> None:
    publish(Registry(strict.store), tmp_path)
    fetch_version(Registry(strict.store), "v1", tmp_path / "cache")

    with pytest.raises(NotTrusted):
        fetch_version(strict, "v1", tmp_path / "cache")


@pytest.mark.parametrize("what", ["manifest", "move"])
def test_one_changed_word_breaks_the_signature(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path, what: str
) -> None:
    publish(replace(strict, signer=trainer), tmp_path)
    move(replace(strict, signer=promoter))
    key = layout.manifest("v1") if what == "manifest" else layout.move("champion", 1)
    envelope = json.loads(strict.store.get(key))
    body = base64.b64decode(envelope["payload"]).replace(b'"v1"', b'"v2"').replace(b'"n": 1', b'"n": 2')
    strict.store.put(key, json.dumps(envelope | {"payload": base64.b64encode(body).decode()}).encode())

    with pytest.raises(NotTrusted, match=r"bears the name of key .(trainer|promoter)., and not its signature"):
        load_manifest(strict, "v1") if what == "manifest" else read_moves(strict, "champion")


def test_a_signed_manifest_does_not_pass_for_a_move(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path
) -> None:
    publish(replace(strict, signer=trainer), tmp_path)
    strict.store.put(layout.move("champion", 1), strict.store.get(layout.manifest("v1")))

    with pytest.raises(NotTrusted, match="something else"):
        current_move(strict, "champion")


@pytest.mark.conformance
def test_an_old_signed_move_cannot_be_played_again(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path
) -> None:
    for version in ("v1", "v2"):
        publish(replace(strict, signer=trainer), tmp_path, version)
        move(replace(strict, signer=promoter), version)
    old = strict.store.get(layout.move("champion", 1))

    strict.store.put(layout.move("champion", 3), old)

    with pytest.raises(BrokenChain, match="holds move 1 of alias 'champion'"):
        current_move(strict, "champion")


def test_a_signed_move_of_another_registry_is_not_this_ones(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path
) -> None:
    staging = replace(strict.within("staging"), id="57a9" * 8)
    for registry in (strict, staging):
        publish(replace(registry, signer=trainer), tmp_path)
    move(replace(staging, signer=promoter))

    strict.store.put(layout.move("champion", 1), staging.store.get(layout.move("champion", 1)))

    with pytest.raises(BrokenChain, match="was made in another registry"):
        current_move(strict, "champion")


def test_a_hole_in_the_chain_is_found_under_signatures_too(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path
) -> None:
    for version in ("v1", "v2", "v3"):
        publish(replace(strict, signer=trainer), tmp_path, version)
        move(replace(strict, signer=promoter), version)
    strict.store.delete(layout.move("champion", 2))

    with pytest.raises(BrokenChain, match="holds move 3, but move 2 is missing"):
        current_move(strict, "champion")


def test_a_signed_move_vouches_for_the_unsigned_ones_before_it(
    strict: Registry, trainer: Signer, promoter: Signer, tmp_path: Path
) -> None:
    lax = Registry(strict.store, strict.id, replace(strict.trust, required=False), trainer)
    publish(lax, tmp_path)
    move(replace(lax, signer=None))
    move(replace(lax, signer=promoter))

    assert [made.signed_by for made in read_moves(strict, "champion")] == [None, "promoter"]


def test_signatures_are_checked_even_where_none_is_required(strict: Registry, trainer: Signer, tmp_path: Path) -> None:
    lax = replace(strict, trust=replace(strict.trust, required=False))
    publish(replace(lax, signer=trainer), tmp_path)
    envelope = json.loads(strict.store.get(layout.manifest("v1")))
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    strict.store.put(layout.manifest("v1"), json.dumps(envelope).encode())

    with pytest.raises(NotTrusted):
        load_manifest(lax, "v1")


@pytest.mark.parametrize("envelope", ['{"payloadType": 5}', '{"payloadType": "x", "payload": "%", "signatures": []}'])
def test_an_envelope_that_is_none_is_damaged(strict: Registry, envelope: str) -> None:
    strict.store.put(layout.manifest("v1"), envelope.encode())

    with pytest.raises(DamagedObject, match="its signed envelope cannot be read"):
        load_manifest(strict, "v1")


def test_a_new_key_is_for_its_owner_alone_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSL_SIGNING_KEY_PASSWORD", "铁路 42")
    made = new_key(tmp_path / "key.pem")

    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert load_signer(tmp_path / "key.pem", "铁路 42") == made
    assert "rivate" not in repr(made)
    with pytest.raises(KeyUnusable, match="its password is wrong"):
        load_signer(tmp_path / "key.pem")
    with pytest.raises(KeyUnusable, match="it cannot be made: File exists"):
        new_key(tmp_path / "key.pem")


def test_a_file_that_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN SECRET-----hunter2")

    with pytest.raises(KeyUnusable) as error:
        signer_from({"FSL_SIGNING_KEY": str(tmp_path / "key.pem")})
    assert "hunter2" not in str(error.value)
    assert signer_from({}) is None
