"""The way in: one object of the inbox becomes one batch, or an error and nothing. Many small ones: `together`.

Everything is stored under its digest first; the record that makes it count comes last, create-only, under the next
number. So a kill at any point leaves nothing half visible, two writers cannot take the same number, and the same
bytes are one batch however often and under whatever name they are dropped.
"""

import hashlib
import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, Source
from fsl.data.checking.staging import stage_file
from fsl.data.checking.suite import SuiteRule, parse_suite
from fsl.data.checking.validation import Validator
from fsl.data.committing import Job, Stopped, commit
from fsl.data.errors import FileTooLarge, SourceChanged, SuiteFault
from fsl.data.history import read_history
from fsl.data.past import Past
from fsl.data.preparing import open_preparation, settle
from fsl.data.reading.files import format_of
from fsl.data.splits import load_split_key
from fsl.data.tables import sha256_of
from fsl.problems import find_problem
from fsl.store import layout
from fsl.store.documents import to_bytes
from fsl.store.errors import ObjectMissing
from fsl.store.objects import ObjectInfo, ObjectStore

log = logging.getLogger(__name__)


def pending_objects(store: ObjectStore) -> tuple[str, ...]:
    """Return the keys of the inbox whose bytes no batch has claimed.

    Bytes are told by etag and size, so that nothing is downloaded. A copy that was uploaded in other parts has another
    etag: it shows as pending once, ingesting it finds the batch that it already is, and that is remembered.
    """
    return tuple(info.key for info in list_pending(store))


def list_pending(store: ObjectStore) -> tuple[ObjectInfo, ...]:
    """Return the same objects with their sizes."""
    claimed = {(source.etag, source.size) for record in read_history(store) for source in record.sources}
    pending = [info for info in _dropped(store) if (info.etag, info.size) not in claimed]
    seen = {info.key for info in store.list(layout.SEEN)} if pending else set()
    return tuple(info for info in pending if _seen_key(info.etag, info.size) not in seen)


def ingest_object(
    store: ObjectStore, config: RunConfig, key: str, *, now: datetime, past: Past | None = None
) -> BatchRecord:
    """Take one object of the inbox in, and return the batch it became (or already is).

    Args:
        past: what earlier files of the same run learnt of accepted batches; None: they are read for this file alone.

    Raises:
        ObjectMissing, SourceChanged, UnknownFormat, UnreadableFile, FileTooLarge, MissingColumn, EmptyBatch,
        BatchRefused, UnknownLabelsRefused, OneLabelOnly, LabelsAllNew: nothing was committed, and the object is as
        it was.
        NumberContended: the same, and trying again can help.
    """
    split_key = load_split_key(store, config.project)  # first, since it refuses a layout that is not ours
    with TemporaryDirectory(prefix="fsl-ingest-") as name:
        folder = Path(name)
        source = _fetch(store, config, key, folder / "source")
        past = past or Past()
        past.refresh(store)
        claim = past.claim_of(source.sha256)
        if claim is not None:
            log.info("%s is batch %d already", source.name, claim.seq)
            note_seen(store, source, claim)
            return claim
        suite = load_suite(store, config)
        preparation = open_preparation(store, config.data, split_key)
        problem, validator = find_problem(config.problem.kind), Validator.open()
        path, digest = folder / "source", source.sha256
        staged = stage_file(path, source.name, config, problem, validator, folder, now, suite, preparation, digest)
        facts = staged.files[0].facts
        source = replace(source, format=facts.format, encoding=facts.encoding, delimiter=facts.delimiter)
        job = Job(
            store, config, problem, validator, source, (source,), staged, split_key, folder, now, preparation, past
        )
        outcome = commit(job)
    if isinstance(outcome, Stopped):
        for fault in outcome.faults.values():
            raise fault
        return outcome.claimed[digest]
    settle(store, config, outcome)
    return outcome


def note_seen(store: ObjectStore, source: Source, record: BatchRecord) -> None:
    """Remember an upload of bytes that are a batch already, so that they are not fetched again."""
    if all((source.etag, source.size) != (one.etag, one.size) for one in record.sources):
        store.put(_seen_key(source.etag, source.size), to_bytes({"schema": 1, "batch": record.seq}))


def _dropped(store: ObjectStore) -> tuple[ObjectInfo, ...]:
    # Some clients leave empty objects with a name like a folder's.
    return tuple(info for info in store.list(layout.INBOX) if not info.key.endswith("/"))


def load_suite(store: ObjectStore, config: RunConfig) -> tuple[SuiteRule, ...]:
    """Return the rules of the project's own suite, none where it has none. Raises SuiteFault."""
    if config.data.suite is None:
        return ()
    data = store.find(layout.SUITE)
    if data is None:
        raise SuiteFault(config.data.suite, "it was not pushed with the config; run `fsl config push` in its folder")
    return parse_suite(data, where=config.data.suite)


def _seen_key(etag: str, size: int) -> str:
    return layout.seen(hashlib.sha256(f"{etag}:{size}".encode()).hexdigest())


def _fetch(store: ObjectStore, config: RunConfig, key: str, path: Path) -> Source:
    name = layout.dropped_name(key)
    format_of(name)
    before = store.head(key)
    if before is None:
        raise ObjectMissing(store.where(key), "it is not there")
    if before.size > config.data.max_file_mb * 1_000_000:
        raise FileTooLarge(name, config.data.max_file_mb)
    store.download(key, path)
    after = store.head(key)
    if after is None or (after.etag, after.size) != (before.etag, before.size):
        raise SourceChanged(name)
    return Source(key, name, sha256_of(path), before.size, before.etag)
