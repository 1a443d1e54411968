"""A version in another registry is the same version, byte for byte; a copy that was cut off shows nothing."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsl.config import RegistryConfig, StoreConfig, TrustedKeyConfig
from fsl.store import layout
from fsl.store.aliases import current_move, list_aliases
from fsl.store.embedded.server import Endpoint
from fsl.store.errors import DamagedObject, NewerSchema, NotTrusted, StoreUnreachable
from fsl.store.exports import export_version, import_version
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version, list_versions, load_manifest, manifest_bytes, publish_version
from fsl.store.registry_errors import NoSuchVersion, VersionTaken
from fsl.store.signing import new_key, trust_of
from fsl.store.transfer import copy_version
from fsl.store.transfer_errors import FolderTrouble, NotAnExport, SameRegistry, VersionTooLarge

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GB = 10**9
FILES = {"encoder.onnx": b"\x00weights\xff" * 2000, "labels.json": '["退款", "fee"]'.encode(), "notes/card.md": b"# v"}


@dataclass(frozen=True)
class CutOff(ObjectStore):
    """A real store whose connection breaks before the n-th write."""

    left: list[int] = field(default_factory=lambda: [10**6])

    def upload(self, key: str, path: Path) -> None:
        self._count(key)
        super().upload(key, path)

    def create(self, key: str, data: bytes) -> bool:
        self._count(key)
        return super().create(key, data)

    def _count(self, key: str) -> None:
        self.left[0] -= 1
        if self.left[0] < 0:
            raise StoreUnreachable(self.where(key), "the connection broke off")


@pytest.fixture
def staging(store: ObjectStore, tmp_path: Path) -> Registry:
    """A registry with the version v1, signed by the trainer."""
    registry = Registry(store.within("staging"), "57a9" * 8, signer=new_key(tmp_path / "trainer.pem"))
    write(tmp_path / "bundle", FILES)
    publish_version(registry, "v1", tmp_path / "bundle", facts={"accuracy": 0.9, "who": "Zoë"}, now=NOW)
    return registry


@pytest.fixture
def production(store: ObjectStore) -> Registry:
    return Registry(store.within("production"), "90d5" * 8)


@pytest.fixture(scope="module")
def other_bucket(s3: Endpoint, store_config: StoreConfig) -> ObjectStore:
    config = store_config.model_copy(update={"bucket": f"{store_config.bucket}-other"})
    store = ObjectStore.connect(config, credentials=s3.credentials)
    store.ensure_bucket()
    return store.within(f"test-{uuid.uuid4().hex}")


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keys(store: ObjectStore) -> list[str]:
    return sorted(info.key for info in store.list())


def test_a_copy_is_the_same_version_and_moves_nothing(staging: Registry, production: Registry, tmp_path: Path) -> None:
    copied = copy_version(staging, production, "v1", max_bytes=GB)

    assert (copied.was_there, copied.n_files_sent, copied.n_bytes_sent) == (False, 3, sum(map(len, FILES.values())))
    assert manifest_bytes(production, "v1") == manifest_bytes(staging, "v1")
    assert contents(fetch_version(production, "v1", tmp_path / "cache")) == FILES
    assert list_aliases(production) == ()


def test_a_copy_goes_into_another_bucket(staging: Registry, other_bucket: ObjectStore, tmp_path: Path) -> None:
    copy_version(staging, Registry(other_bucket), "v1", max_bytes=GB)

    assert contents(fetch_version(Registry(other_bucket), "v1", tmp_path / "cache")) == FILES


def test_what_the_target_has_is_not_sent_again(staging: Registry, production: Registry, tmp_path: Path) -> None:
    write(tmp_path / "theirs", {"encoder.onnx": FILES["encoder.onnx"], "labels.json": b"[]"})
    publish_version(production, "v0", tmp_path / "theirs", facts={}, now=NOW)

    first = copy_version(staging, production, "v1", max_bytes=GB)
    again = copy_version(staging, production, "v1", max_bytes=GB)

    assert first.n_files_sent == 2
    assert (again.was_there, again.n_files_sent) == (True, 0)


def test_a_damaged_file_that_the_target_has_is_found_and_mended(
    staging: Registry, production: Registry, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(FILES["encoder.onnx"]).hexdigest()
    production.store.put(layout.blob(sha256), FILES["encoder.onnx"][:-1] + b"\xfe")

    assert copy_version(staging, production, "v1", max_bytes=GB).n_files_sent == 3
    assert contents(fetch_version(production, "v1", tmp_path / "cache")) == FILES


def test_a_damaged_file_of_the_source_goes_nowhere(staging: Registry, production: Registry) -> None:
    sha256 = hashlib.sha256(FILES["labels.json"]).hexdigest()
    staging.store.put(layout.blob(sha256), FILES["labels.json"].replace(b"fee", b"fei"))

    with pytest.raises(DamagedObject, match=r"labels\.json has SHA-256"):
        copy_version(staging, production, "v1", max_bytes=GB)
    assert list_versions(production) == ()
    assert layout.blob(sha256) not in keys(production.store)


@pytest.mark.parametrize("n_writes", [0, 1, 2, 3])
def test_a_copy_that_is_cut_off_shows_nothing_and_goes_on(
    staging: Registry, production: Registry, tmp_path: Path, n_writes: int
) -> None:
    weak = replace(production, store=CutOff(**vars(production.store), left=[n_writes]))

    with pytest.raises(StoreUnreachable, match="run it again"):
        copy_version(staging, weak, "v1", max_bytes=GB)

    assert list_versions(production) == ()
    there = len(keys(production.store))
    assert copy_version(staging, production, "v1", max_bytes=GB).n_files_sent == 3 - there
    assert contents(fetch_version(production, "v1", tmp_path / "cache")) == FILES


def test_another_version_of_that_name_is_left_alone(staging: Registry, production: Registry, tmp_path: Path) -> None:
    write(tmp_path / "theirs", {"labels.json": b"[]"})
    publish_version(production, "v1", tmp_path / "theirs", facts={}, now=NOW)
    before = keys(production.store)

    with pytest.raises(VersionTaken, match="a version never changes"):
        copy_version(staging, production, "v1", max_bytes=GB)
    assert keys(production.store) == before


def test_what_cannot_be_copied_says_why_and_writes_nothing(staging: Registry, production: Registry) -> None:
    with pytest.raises(SameRegistry, match="nothing to copy"):
        copy_version(staging, staging, "v1", max_bytes=GB)
    with pytest.raises(NoSuchVersion, match=r"no version 'v9' in .*staging"):
        copy_version(staging, production, "v9", max_bytes=GB)
    with pytest.raises(VersionTooLarge, match=r"`registry\.max_version_gb` allows 1e-09 GB"):
        copy_version(staging, production, "v1", max_bytes=1)
    assert keys(production.store) == []


def test_a_signature_goes_over_and_one_is_asked_for_where_it_is_required(
    staging: Registry, production: Registry, tmp_path: Path
) -> None:
    assert staging.signer is not None
    key = base64.b64encode(staging.signer.public_key).decode()
    strict = RegistryConfig(require_signature=True, keys=(TrustedKeyConfig(name="trainer", public_key=key),))
    demanding = replace(production, trust=trust_of(strict))
    publish_version(replace(staging, signer=None), "unsigned", tmp_path / "bundle", facts={}, now=NOW)

    with pytest.raises(NotTrusted, match="it is not signed"):
        copy_version(staging, demanding, "unsigned", max_bytes=GB)
    copy_version(staging, demanding, "v1", max_bytes=GB)

    assert list_versions(demanding) == ("v1",)
    assert load_manifest(demanding, "v1").signed_by == "trainer"


def test_an_export_comes_back_as_the_same_version(staging: Registry, production: Registry, tmp_path: Path) -> None:
    export_version(staging, "v1", tmp_path / "out" / "v1", tmp_path / "cache")

    held = contents(tmp_path / "out" / "v1")
    assert held.pop("manifest.json") == manifest_bytes(staging, "v1")
    assert held == {f"files/{name}": data for name, data in FILES.items()}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["v1"]

    imported = import_version(production, tmp_path / "out" / "v1", max_bytes=GB)

    assert (imported.manifest.version, imported.was_there, imported.n_files_sent) == ("v1", False, 3)
    assert manifest_bytes(production, "v1") == manifest_bytes(staging, "v1")
    assert contents(fetch_version(production, "v1", tmp_path / "other-cache")) == FILES
    assert import_version(production, tmp_path / "out" / "v1", max_bytes=GB).was_there
    assert current_move(production, "champion") is None


def test_an_export_writes_over_nothing_and_leaves_nothing_half_done(staging: Registry, tmp_path: Path) -> None:
    write(tmp_path / "mine", {"diary.txt": b"dear"})
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = contents(tmp_path)

    for name in ("mine", "dangling", "mine/diary.txt"):
        with pytest.raises(FolderTrouble, match="never writes over anything"):
            export_version(staging, "v1", tmp_path / name, tmp_path / "cache")
    with pytest.raises(FolderTrouble, match=r"Not a directory\. Nothing was kept"):
        export_version(staging, "v1", tmp_path / "mine" / "diary.txt" / "v1", tmp_path / "cache")

    after = {name: data for name, data in contents(tmp_path).items() if not name.startswith("cache/")}
    assert after == before


@pytest.fixture
def exported(staging: Registry, tmp_path: Path) -> Path:
    folder = tmp_path / "exported"
    export_version(staging, "v1", folder, tmp_path / "cache")
    return folder


def link_out(folder: Path) -> None:
    (folder.parent / "secret.json").write_bytes(FILES["labels.json"])
    (folder / "files" / "labels.json").unlink()
    (folder / "files" / "labels.json").symlink_to(folder.parent / "secret.json")


def link_a_folder(folder: Path) -> None:
    (folder / "files" / "notes").rename(folder.parent / "notes")
    (folder / "files" / "notes").symlink_to(folder.parent / "notes")


def link_everything(folder: Path) -> None:
    (folder / "files").rename(folder.parent / "moved")
    (folder / "files").symlink_to(folder.parent / "moved")


def link_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").rename(folder.parent / "m.json")
    (folder / "manifest.json").symlink_to(folder.parent / "m.json")


def flip(folder: Path) -> None:
    (folder / "files" / "encoder.onnx").write_bytes(FILES["encoder.onnx"][:-1] + b"\xfe")


def make_huge(folder: Path) -> None:
    with (folder / "files" / "encoder.onnx").open("r+b") as file:
        file.truncate(1 << 40)  # a hole on the disk; reading it would take an hour


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (link_out, "labels.json is a link"),
        (link_a_folder, "notes is a link"),
        (link_everything, "it holds no folder 'files'"),
        (link_the_manifest, "it holds no file manifest.json"),
        (flip, "encoder.onnx is not the file that the manifest names: its digest differs"),
        (make_huge, "encoder.onnx has not the 18000 bytes"),
        (lambda folder: (folder / "files" / "labels.json").unlink(), "labels.json is missing"),
        (lambda folder: (folder / "files" / "run.py").write_text("x"), "run.py is not one of the files"),
        (lambda folder: (folder / "manifest.json").unlink(), "it holds no file manifest.json"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff{"), "it is not a document of its kind"),
        (lambda folder: (folder / "manifest.json").write_bytes(b" " * (17 << 20)), "more than 16 MiB"),
    ],
)
def test_a_folder_that_is_not_as_it_was_exported_brings_nothing_in(
    production: Registry, exported: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(exported)

    with pytest.raises(NotAnExport, match=words) as error:
        import_version(production, exported, max_bytes=GB)
    assert "Nothing was imported" in str(error.value)
    assert list_versions(production) == ()


def manifest(version: str = "v1", path: str = "a.json", size: object = 2, schema: int = 1) -> bytes:
    return (
        f'{{"schema": {schema}, "version": "{version}", "created": "2026-03-01T12:00:00+00:00", "facts": {{}}, '
        f'"files": [{{"path": "{path}", "sha256": "{hashlib.sha256(b"[]").hexdigest()}", "size": {size}}}]}}'
    ).encode()


def two_sizes() -> bytes:
    sha256 = hashlib.sha256(b"[]").hexdigest()
    return manifest().replace(b"]}", f', {{"path": "b.json", "sha256": "{sha256}", "size": 3}}]}}'.encode())


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (manifest(path="../../a.json"), NotAnExport, "'../../a.json' cannot be a key"),
        (manifest(path="/etc/a.json"), NotAnExport, "cannot be a key"),
        (manifest(path="a.pkl"), NotAnExport, "a file of the kind '.pkl' is not one of those allowed"),
        (manifest(version="../../aliases/champion"), NotAnExport, "cannot be a version"),
        (manifest(version="v/1"), NotAnExport, "cannot be a version"),
        (manifest(schema=2), NewerSchema, "Update fsl here"),
        (two_sizes(), NotAnExport, "one digest has two sizes"),
        (manifest(size=-1), NotAnExport, "greater than or equal to 0"),
        (manifest(size="1" + "0" * 5000), NotAnExport, "not a document of its kind"),
    ],
)
def test_a_made_up_manifest_brings_nothing_in(
    production: Registry, tmp_path: Path, data: bytes, kind: type[Exception], words: str
) -> None:
    write(tmp_path / "made-up", {"manifest.json": data, "files/a.json": b"[]"})

    with pytest.raises(kind, match=words):
        import_version(production, tmp_path / "made-up", max_bytes=GB)
    assert keys(production.store) == []


def test_a_file_that_is_said_to_be_huge_is_not_even_read(production: Registry, tmp_path: Path) -> None:
    write(tmp_path / "made-up", {"manifest.json": manifest(size=1 << 40), "files/a.json": b"[]"})
    with (tmp_path / "made-up" / "files" / "a.json").open("r+b") as file:
        file.truncate(1 << 40)

    with pytest.raises(VersionTooLarge, match=r"1,099,511,627,776 bytes, and `registry.max_version_gb` allows 1 GB"):
        import_version(production, tmp_path / "made-up", max_bytes=GB)
    assert keys(production.store) == []
