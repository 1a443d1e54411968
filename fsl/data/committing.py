"""From a staged batch to its record: the race for the next number.

Everything is stored under its digest before the record, so the record is the one moment at which its files come in.
A writer that loses the race for a number validates again, against what the winner brought. What a file has to be as a
whole is `whole_files`.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, FileOfBatch, Source, StoredTable, save_record
from fsl.data.checking.kin import Kin
from fsl.data.checking.labels import LabelRule, decide_labels
from fsl.data.checking.page import render_page
from fsl.data.checking.relations import Known, relate
from fsl.data.checking.report import LabelLine, ValidationReport
from fsl.data.checking.rows import columns_of
from fsl.data.checking.sifting import Sifted, Verdicts, sift
from fsl.data.checking.staging import Staged
from fsl.data.checking.validation import RuleResult, Validator
from fsl.data.errors import NumberContended
from fsl.data.near_duplicates import needed_agreement
from fsl.data.past import Past
from fsl.data.preparing import Preparation
from fsl.data.quarantine import ReasonGroup, group_by_reason, parse_refused
from fsl.data.splits import SplitRule
from fsl.data.tables import LocalFile
from fsl.data.whole_files import Whole, check_files, count_files
from fsl.errors import FslError
from fsl.problems.base import Problem
from fsl.store import layout
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

N_ATTEMPTS = 20  # to take a number; each loss means that another writer got its batch in


@dataclass(frozen=True)
class Job:
    """A batch on its way in, after its first pass."""

    store: ObjectStore
    config: RunConfig
    problem: Problem
    validator: Validator
    source: Source  # the one file, or words for them all
    sources: tuple[Source, ...]  # each file, in the order in which they were staged
    staged: Staged
    split_key: bytes
    folder: Path
    now: datetime
    preparation: Preparation
    past: Past


@dataclass(frozen=True)
class Stopped:
    """Files that cannot be part of the batch, by their digests. Nothing was committed."""

    claimed: Mapping[str, BatchRecord] = field(default_factory=dict)  # they are this batch already
    faults: Mapping[str, FslError] = field(default_factory=dict)  # what they break as a whole


def commit(job: Job) -> BatchRecord | Stopped:
    """Sift against the history, store the files, take the next number; where that was lost, do it again.

    Raises:
        NumberContended: others were quicker, again and again; nothing was committed.
    """
    past, after = job.past, 0
    known: dict[bytes, Known] = {}
    data = job.config.data
    rule = SplitRule(job.split_key, data.drawn_splits)
    kin = Kin(job.staged.signed, rule, _needed(job), only_declared_judge=data.declares_judge_rows)
    attempt: _Attempt | None = None
    for _ in range(N_ATTEMPTS):
        past.refresh(job.store)
        claims = {source: past.claim_of(source.sha256) for source in job.sources}
        claimed = {source.sha256: claim for source, claim in claims.items() if claim is not None}
        if claimed:
            log.info("%d of the files of %s came in in another hand", len(claimed), job.source.name)
            return Stopped(claimed=claimed)
        past.read_rows(job.store, job.problem, kin.rule)
        known |= past.known_among(job.store, job.staged.survey.labelled, job.problem, after=after)
        kin.meet(past.signed_near(job.store, kin.signatures, kin.rule, after=after))
        after = past.n
        verdicts = _judge(job, known, kin)
        if attempt is None or attempt.verdicts != verdicts:
            attempt = _sift(job, verdicts)
        results, faults = _check(job, attempt)
        if faults:
            return Stopped(faults=faults)
        record = _save(job, attempt, results)
        if record is not None:
            return record
        log.info("another writer took batch %d; validating %s against it", past.n + 1, job.source.name)
    raise NumberContended(job.source.name, N_ATTEMPTS)


@dataclass(frozen=True)
class _Attempt:
    """The files that some verdicts gave. They hold for as long as the verdicts do."""

    verdicts: Verdicts
    sifted: Sifted
    groups: tuple[ReasonGroup, ...]
    files: tuple[Whole, ...]


def _needed(job: Job) -> int:
    return needed_agreement(job.config.data.near_duplicate_similarity)


def _judge(job: Job, known: Mapping[bytes, Known], kin: Kin) -> Verdicts:
    data = job.config.data
    relations = relate(job.staged.survey, known, job.problem, job.staged.places)
    rule = LabelRule(data.on_unknown_label, data.new_label_min_rows)
    labels = decide_labels(relations.distinct, frozenset(job.past.labels), rule)
    return Verdicts(relations, labels, kin.place())


def _sift(job: Job, verdicts: Verdicts) -> _Attempt:
    sifted = sift(job.staged, verdicts, job.validator, job.folder)
    with sifted.quarantine.path.open("rb") as file:
        groups = group_by_reason(parse_refused(file))
    return _Attempt(verdicts, sifted, groups, count_files(job.staged, sifted, groups, verdicts))


def _check(job: Job, attempt: _Attempt) -> tuple[tuple[RuleResult, ...], Mapping[str, FslError]]:
    """Hold each file to the rules for files as a whole; return the results of all rules, and the faults by digest."""
    found = check_files(
        attempt.files,
        job.staged,
        attempt.sifted,
        attempt.groups,
        attempt.verdicts,
        before=(job.past.labels, job.past.scripts),
        config=job.config.data,
        problem=job.problem,
        validator=job.validator,
    )
    faults = {job.sources[index].sha256: error for index, error in found.faults.items()}
    return (*job.staged.results, *attempt.sifted.results, *found.results), faults


def _save(job: Job, attempt: _Attempt, results: tuple[RuleResult, ...]) -> BatchRecord | None:
    """Store everything and take the next number. Return None where somebody else took it."""
    store, sifted = job.store, attempt.sifted
    files = _files(job, attempt)
    page = render_page(_build_report(job, attempt, results, files)).encode()
    report = layout.validation_page(hashlib.sha256(page).hexdigest())
    record = BatchRecord(
        seq=job.past.n + 1,
        source=job.source,
        n_read=job.staged.n_read,
        rows=_keep(store, sifted.rows, layout.rows),
        pool=_keep(store, sifted.pool, layout.pool),
        quarantine=_keep(store, sifted.quarantine, layout.quarantine),
        n_duplicates=sifted.n_duplicates,
        reasons={group.code: group.n for group in attempt.groups},
        labels=sifted.labels,
        new_labels=attempt.verdicts.labels.new,
        splits=sifted.splits,
        report=report,
        when=job.now,
        scripts=job.staged.scripts,
        n_tombstones=job.preparation.n_tombstones,
        masked=job.preparation.masked,
        n_audit=sifted.n_audit,
        files=files,
    )
    store.put(report, page)
    if not save_record(store, record):
        return None
    log.info(
        "%s became batch %d: %d rows read, %d accepted, %d unlabelled, %d duplicates, %d refused",
        *(
            job.source.name,
            record.seq,
            record.n_read,
            record.rows.n,
            record.pool.n,
            record.n_duplicates,
            record.n_refused,
        ),
    )
    return record


def _keep(store: ObjectStore, file: LocalFile, key_of: Callable[[str], str]) -> StoredTable:
    key = key_of(file.sha256)
    store.upload(key, file.path)
    return StoredTable(key, file.sha256, file.n)


def _files(job: Job, attempt: _Attempt) -> tuple[FileOfBatch, ...]:
    if len(job.sources) == 1:
        return ()
    return tuple(
        FileOfBatch(source, one.n_read, one.n_rows, one.n_pool, one.n_duplicates, one.n_refused)
        for source, one in zip(job.sources, attempt.files, strict=True)
    )


def _build_report(
    job: Job, attempt: _Attempt, results: tuple[RuleResult, ...], files: tuple[FileOfBatch, ...]
) -> ValidationReport:
    before, sifted = job.past.labels, attempt.sifted
    new = set(attempt.verdicts.labels.new)
    return ValidationReport(
        source=job.source,
        columns=job.staged.columns,
        columns_read=columns_of(job.config, job.problem).names,
        n_read=job.staged.n_read,
        n_rows=sifted.rows.n,
        n_pool=sifted.pool.n,
        n_duplicates=sifted.n_duplicates,
        n_refused=sifted.quarantine.n - sifted.n_duplicates,
        splits=sifted.splits,
        labels=tuple(LabelLine(label, n, before.get(label, 0), label in new) for label, n in sifted.labels.items()),
        results=results,
        groups=attempt.groups,
        barred=sifted.barred,
        when=job.now,
        masked=job.preparation.masked,
        files=files,
    )
