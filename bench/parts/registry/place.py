"""Where a trial of the registry takes place, and the small versions that it publishes. What is tried stands beside."""

import random
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fsl.config import StoreConfig
from fsl.store.aliases import Move, current_move, move_alias
from fsl.store.clients import Credentials
from fsl.store.objects import ObjectStore
from fsl.store.registry import Manifest, Registry, publish_version

ALIAS = "champion"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """One registry of one S3 server. It can be sent to another process."""

    url: str
    bucket: str
    credentials: Credentials
    prefix: str = ""

    def open(self) -> Registry:
        """Return the registry, with a client of its own."""
        config = StoreConfig(endpoint_url=self.url, bucket=self.bucket)
        return Registry(ObjectStore.connect(config, prefix=self.prefix, credentials=self.credentials))

    def fresh(self) -> "Place":
        """Return an empty registry in the same bucket."""
        return replace(self, prefix=f"{self.prefix}{uuid.uuid4().hex}/")

    def via(self, url: str) -> "Place":
        """Return the same registry, reached through a proxy."""
        return replace(self, url=url)


def make_bundle(folder: Path, version: str, *, n_bytes: int = 20_000) -> Path:
    """Write a version's files: weights of its own, labels of its own, and an encoder that all versions share."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "head.safetensors").write_bytes(random.Random(version).randbytes(n_bytes))
    (folder / "labels.json").write_text(f'["{version}", "退款", "refund"]\n', encoding="utf-8")
    (folder / "encoder.onnx").write_bytes(random.Random(0).randbytes(20_000))
    return folder


def publish(registry: Registry, folder: Path, version: str) -> Manifest:
    """Publish a folder, with the same facts and date each time."""
    return publish_version(registry, version, folder, facts={"accuracy": 0.9}, now=LONG_AGO)


def promote(registry: Registry, version: str, seen: Move | None, *, alias: str = ALIAS, who: str = "ana") -> Move:
    """Move the alias from what was seen."""
    return move_alias(registry, alias, to=version, seen=seen, verdict="promote", who=who, why="better", now=LONG_AGO)


def promote_next(registry: Registry, version: str) -> Move:
    """Move the champion from wherever it is."""
    return promote(registry, version, current_move(registry, ALIAS))


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def everything(store: ObjectStore) -> dict[str, bytes]:
    """Return every object of a store by its key."""
    return {info.key: store.get(info.key) for info in store.list()}
