"""What a version is: its files by digest, and the facts that were known when it was made.

Only the document lives here; publishing and fetching is `fsl.store.registry`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue

from fsl.store import documents, envelopes
from fsl.store.errors import BadName, DamagedObject
from fsl.store.keys import checked_key, checked_name
from fsl.store.registry_errors import FactsRefused, FileRefused
from fsl.store.signing import NO_KEYS, Act, Signer, Trust

SCHEMA = 1
MANIFEST_SUFFIXES = (".safetensors", ".onnx", ".json", ".md", ".txt", ".parquet")  # none of these can run code
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a version."""

    path: str  # relative, with "/"
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version: what it holds and what is known of it."""

    version: str
    files: tuple[FileEntry, ...]
    facts: dict[str, JsonValue]  # lineage, scores, verdict, config
    created: datetime
    digest: str  # SHA-256 of the manifest's own bytes, signature and all
    signed_by: str | None = None  # the name of the listed key that signed it


class _File(documents.Document):
    path: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class _ManifestDocument(documents.Document):
    version: str
    created: AwareDatetime
    files: list[_File]
    facts: dict[str, JsonValue]


def read_folder(folder: Path) -> tuple[FileEntry, ...]:
    """Return every file of a folder with digest and size. Raises FileRefused for one that may not enter a version."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    if not paths:
        raise FileRefused(str(folder), "it holds no files")
    entries = tuple(_entry(path, path.relative_to(folder).as_posix()) for path in paths)
    _refuse_twins(entries)
    return entries


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(
    version: str,
    files: Iterable[FileEntry],
    facts: dict[str, JsonValue],
    created: datetime,
    signer: Signer | None = None,
) -> bytes:
    """Return a manifest's bytes. Raises FactsRefused."""
    document = {
        "schema": SCHEMA,
        "version": version,
        "created": created.astimezone(UTC).isoformat(),
        "files": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in files],
        "facts": facts,
    }
    try:
        return envelopes.seal(documents.to_bytes(document), Act.PUBLISH, signer)
    except (ValueError, TypeError, RecursionError) as error:
        raise FactsRefused(version, str(error)) from error


def parse_manifest(data: bytes, version: str | None, where: str, trust: Trust = NO_KEYS) -> Manifest:
    """Read a manifest that may be anything.

    Args:
        version: whose it must be; None where the manifest alone says it.

    Raises:
        DamagedObject, NewerSchema, NotTrusted.
    """
    opened = envelopes.open_envelope(data, Act.PUBLISH, trust, where)
    document = documents.parse(_ManifestDocument, opened.body, where, schema_key="schema", schema=SCHEMA)
    envelopes.require_trust(opened, trust, where)
    if version is not None and document.version != version:
        raise DamagedObject(where, f"it is the manifest of version {document.version!r}")
    files = tuple(FileEntry(file.path, file.sha256, file.size) for file in document.files)
    try:
        checked_name("a version", document.version)
        for file in files:
            _check_path(file.path)
        _refuse_twins(files)
    except (BadName, FileRefused) as error:
        raise DamagedObject(where, str(error)) from error
    if len({file.sha256 for file in files}) < len({(file.sha256, file.size) for file in files}):
        raise DamagedObject(where, "one digest has two sizes")
    digest = hashlib.sha256(data).hexdigest()
    return Manifest(document.version, files, document.facts, document.created, digest, opened.signed_by)


def _entry(path: Path, name: str) -> FileEntry:
    if path.is_symlink() or not path.is_file():
        raise FileRefused(name, "it is a link or a special file")
    _check_path(name)
    return FileEntry(name, digest_of(path), path.stat().st_size)


def _check_path(name: str) -> None:
    checked_key(name)
    suffix = PurePosixPath(name).suffix
    if suffix not in MANIFEST_SUFFIXES:
        raise FileRefused(name, f"a file of the kind {suffix or 'without a suffix'!r} is not one of those allowed")


def _refuse_twins(files: Iterable[FileEntry]) -> None:
    seen: set[str] = set()
    for file in files:
        # Some disks do not tell Model.onnx from model.onnx, and one would silently replace the other.
        if file.path.casefold() in seen:
            raise FileRefused(file.path, "another file has the same name but for upper and lower case")
        seen.add(file.path.casefold())
