"""What lies on this machine, and what no command of ours can reach."""

import json
import tempfile
from pathlib import Path

from fsl.config import RunConfig
from fsl.data.forgetting.marks import Marks
from fsl.data.forgetting.traces import SOFT_LABEL_FILES, SOFT_LABEL_ROWS
from fsl.data.splits import load_split_key
from fsl.data.tombstones import mark_key, read_tombstones
from fsl.store.manifests import digest_of
from fsl.store.objects import ObjectStore

# Said whenever something was forgotten: nobody should think that more was done than was.
UNREACHED = (
    "backups and replicas of the bucket, and parts of uploads that never ended (the bucket's lifecycle rules)",
    "copies of versions in other registries, and caches on other machines (run `fsl data forget --again` there)",
    "what a model has learnt: the versions named by `fsl data forget --status`, until they are retrained",
    "Prefect's own database, where the summary of a run shows some judge rows (delete those runs or artifacts there)",
    "files of people: what was dropped from, `fsl data quarantine --export`, `fsl predict --out`, mails, screenshots",
)


def clean_cache(store: ObjectStore, config: RunConfig, cache: Path) -> tuple[Path, ...]:
    """Remove from this machine's cache what names forgotten rows; return the files that went.

    Versions themselves hold weights and no rows, so they stay.
    """
    tombstones = read_tombstones(store)
    marks = Marks.of_tombstones(tombstones, mark_key(load_split_key(store, config.project)))
    gone: list[Path] = []
    for found in tuple(cache.rglob(SOFT_LABEL_ROWS)) if marks.rows else ():
        if any(marks.has_row(row) for row in _rows_of(found)):
            for path in (found.with_name(name) for name in SOFT_LABEL_FILES):
                if path.is_file():
                    gone += [path, *_blob_of(path, cache)]
    for path in gone:
        path.unlink(missing_ok=True)
    return tuple(gone)


def find_leftovers() -> tuple[Path, ...]:
    """Return folders of ingests that were killed on this machine, or are at work now; each holds a whole file."""
    folder = Path(tempfile.gettempdir())
    return tuple(sorted(path for name in ("fsl-ingest-*", "fsl-forget-*") for path in folder.glob(name)))


def _rows_of(path: Path) -> tuple[str, ...]:
    try:
        rows = json.loads(path.read_bytes()).get("rows") or ()
        return tuple(map(str, rows))
    except (OSError, ValueError, AttributeError, TypeError):
        return ()


def _blob_of(path: Path, cache: Path) -> tuple[Path, ...]:
    blob = cache / "blobs" / digest_of(path)
    return (blob,) if blob.is_file() else ()
