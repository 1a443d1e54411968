"""A project that holds an object of every kind, a place for its backups, and a prefix to restore it into."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsl.store.aliases import current_move, move_alias
from fsl.store.backups.places import FolderPlace
from fsl.store.errors import StoreUnreachable
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, publish_version

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENCODER = b"weights" * 100
OTHERS = {
    "config.yaml": b"project: tickets\n",
    "inbox/Prüfung 退款.csv": "text,label\n退款,refund\n".encode(),
    "batches/commits/00000001.json": b'{"seq": 1}',
    "batches/rows/0.parquet": b"rows",
    "snapshots/5eed.json": b'{"commits": 1}',
    "runs/k/plan.json": b"{}",
    "drift/w/decision.json": b"{}",
    "predictions/dt=2026-03-01/hour=12/1.parquet": b"served",
    "predictions/DT=2026-03-01/hour=12/1.parquet": b"differs in case alone",
    "inbox/a": b"a file",
    "inbox/a/b": b"and a folder of its name",
    "inbox/empty.txt": b"",
}


@pytest.fixture
def source(store: ObjectStore, tmp_path: Path) -> ObjectStore:
    """A project with two versions, the second of them the champion, and an object of each other kind."""
    source = store.within("tickets")
    registry = Registry(source, open_layout(source, "tickets", now=NOW).registry)
    for version in ("v1", "v2"):
        publish(registry, tmp_path, version)
        promote(registry, version)
    publish(registry.within("runs/k"), tmp_path, "bundle")
    for key, data in OTHERS.items():
        source.put(key, data)
    return source


@pytest.fixture
def target(store: ObjectStore) -> ObjectStore:
    return store.within("restored")


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    return FolderPlace(tmp_path / "backup")


def publish(registry: Registry, folder: Path, version: str) -> None:
    bundle = folder / "bundles" / version
    bundle.mkdir(parents=True)
    (bundle / "encoder.onnx").write_bytes(ENCODER)
    (bundle / "labels.json").write_text(f'["{version}"]')
    publish_version(registry, version, bundle, facts={}, now=NOW)


def promote(registry: Registry, version: str) -> None:
    seen = current_move(registry, "champion")
    move_alias(registry, "champion", to=version, seen=seen, verdict="promote", who="mei", why="better", now=NOW)


def everything(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list()}


@dataclass(frozen=True)
class CutOff(ObjectStore):
    """A real store whose connection breaks before the n-th read or upload."""

    left: list[int] = field(default_factory=lambda: [10**6])

    def download(self, key: str, path: Path, *, max_bytes: int | None = None) -> None:
        self._count(key)
        super().download(key, path, max_bytes=max_bytes)

    def upload(self, key: str, path: Path) -> None:
        self._count(key)
        super().upload(key, path)

    def _count(self, key: str) -> None:
        self.left[0] -= 1
        if self.left[0] < 0:
            raise StoreUnreachable(self.where(key), "the connection broke off")


def weak(store: ObjectStore, n: int) -> CutOff:
    return CutOff(**vars(store), left=[n])
