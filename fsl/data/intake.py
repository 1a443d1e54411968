"""The way in: one object of the inbox becomes one batch, or an error and nothing.

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
from fsl.data.batches import BatchRecord, Source, read_history
from fsl.data.checking.staging import stage_file
from fsl.data.checking.suite import SuiteRule, parse_suite
from fsl.data.checking.validation import Validator
from fsl.data.committing import Job, commit
from fsl.data.errors import FileTooLarge, SourceChanged, SuiteFault
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
    claimed = {(record.source.etag, record.source.size) for record in read_history(store)}
    pending = [info for info in _dropped(store) if (info.etag, info.size) not in claimed]
    seen = {info.key for info in store.list(layout.SEEN)} if pending else set()
    return tuple(info.key for info in pending if _seen_key(info.etag, info.size) not in seen)


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
            if (source.etag, source.size) != (claim.source.etag, claim.source.size):
                store.put(_seen_key(source.etag, source.size), to_bytes({"schema": 1, "batch": claim.seq}))
            return claim
        suite = load_suite(store, config)
        preparation = open_preparation(store, config.data, split_key)
        problem, validator = find_problem(config.problem.kind), Validator.open()
        staged = stage_file(folder / "source", source.name, config, problem, validator, folder, now, suite, preparation)
        facts = staged.facts
        source = replace(source, format=facts.format, encoding=facts.encoding, delimiter=facts.delimiter)
        job = Job(store, config, problem, validator, source, staged, split_key, folder, now, preparation, past)
        record = commit(job)
    settle(store, config, record)
    return record


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
