"""The folder of the sets: what lies there already, and how a set is written so that no half of one is ever seen."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.parts.sets.errors import FolderUnusable, OtherRowsThere
from bench.parts.sets.rows import Splits
from bench.parts.sets.sources import Measured


def encode(splits: Splits) -> dict[str, bytes]:
    """Return each split as JSON Lines."""
    return {
        split: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        for split, rows in splits.items()
    }


def as_measured(files: Mapping[str, bytes], measured: Mapping[str, Measured]) -> bool:
    """Return whether the files are those that the published figures were measured on."""
    return {split: hashlib.sha256(body).hexdigest() for split, body in files.items()} == {
        split: file.sha256 for split, file in measured.items()
    }


def read_files(folder: Path, splits: Mapping[str, object]) -> dict[str, bytes]:
    """Return the splits that lie in a set's folder.

    Raises:
        FolderUnusable: one is there and cannot be read.
    """
    paths = {split: folder / f"{split}.jsonl" for split in splits}
    try:
        return {split: path.read_bytes() for split, path in paths.items() if path.is_file()}
    except OSError as error:
        raise FolderUnusable(folder, error.strerror or str(error)) from error


def write_set(target: Path, files: Mapping[str, bytes]) -> bool:
    """Write a set's folder in one step, and return whether it was written: False where it holds these rows already.

    Raises:
        OtherRowsThere: the folder exists with anything else.
        FolderUnusable: the folder above cannot be made or written.
    """
    try:
        if target.exists():
            if target.is_dir() and read_files(target, files) == files:
                return False
            raise OtherRowsThere(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            beside = Path(scratch) / target.name
            beside.mkdir()
            for split, body in files.items():
                (beside / f"{split}.jsonl").write_bytes(body)
            beside.rename(target)
    except OSError as error:
        raise FolderUnusable(target.parent, error.strerror or str(error)) from error
    return True
