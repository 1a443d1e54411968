"""From a staged file to its record: the race for the next number, and the rules for a file as a whole.

Everything is stored under its digest before the record, so the record is the one moment at which a file comes in.
A writer that loses the race for a number validates again, against what the winner brought.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, Source, StoredTable, save_record
from fsl.data.checking.balance import label_shift, share_of, share_unseen
from fsl.data.checking.kin import Kin
from fsl.data.checking.labels import LabelRule, decide_labels
from fsl.data.checking.page import render_page
from fsl.data.checking.relations import Known, relate
from fsl.data.checking.report import LabelLine, ValidationReport
from fsl.data.checking.rows import columns_of
from fsl.data.checking.rules import (
    CUT_SHARE,
    DUPLICATE,
    LABEL_SHIFT,
    NEW_LABEL_SHARE,
    ONE_LABEL,
    REFUSED_SHARE,
    ROWS,
    UNSEEN_SCRIPTS,
    file_rules,
)
from fsl.data.checking.sifting import Sifted, Verdicts, sift
from fsl.data.checking.staging import Staged
from fsl.data.checking.validation import RuleResult, Validator
from fsl.data.errors import (
    BatchRefused,
    EmptyBatch,
    LabelsAllNew,
    NumberContended,
    OneLabelOnly,
    ReasonCount,
    UnknownLabelsRefused,
)
from fsl.data.near_duplicates import needed_agreement
from fsl.data.past import Past
from fsl.data.preparing import Preparation
from fsl.data.quarantine import ReasonGroup, group_by_reason, parse_refused
from fsl.data.splits import SplitRule
from fsl.data.tables import LocalFile
from fsl.problems.base import Problem
from fsl.store import layout
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

N_ATTEMPTS = 20  # to take a number; each loss means that another writer got its batch in


@dataclass(frozen=True)
class Job:
    """One file on its way in, after its first pass."""

    store: ObjectStore
    config: RunConfig
    problem: Problem
    validator: Validator
    source: Source
    staged: Staged
    split_key: bytes
    folder: Path
    now: datetime
    preparation: Preparation
    past: Past


def commit(job: Job) -> BatchRecord:
    """Sift against the history, store the files, take the next number; where that was lost, do it again."""
    past, after = job.past, 0
    known: dict[bytes, Known] = {}
    data = job.config.data
    rule = SplitRule(job.split_key, data.drawn_splits)
    kin = Kin(job.staged.signed, rule, _needed(job), only_declared_judge=data.declares_judge_rows)
    attempt: _Attempt | None = None
    for _ in range(N_ATTEMPTS):
        past.refresh(job.store)
        claim = past.claim_of(job.source.sha256)
        if claim is not None:
            log.info("%s became batch %d in another hand", job.source.name, claim.seq)
            return claim
        past.read_rows(job.store, job.problem, kin.rule)
        known |= past.known_among(job.store, job.staged.survey.labelled, job.problem, after=after)
        kin.meet(past.signed_near(job.store, kin.signatures, kin.rule, after=after))
        after = past.n
        verdicts = _judge(job, known, kin)
        if attempt is None or attempt.verdicts != verdicts:
            attempt = _sift(job, verdicts)
        record = _save(job, attempt)
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


def _needed(job: Job) -> int:
    return needed_agreement(job.config.data.near_duplicate_similarity)


def _judge(job: Job, known: Mapping[bytes, Known], kin: Kin) -> Verdicts:
    data = job.config.data
    relations = relate(job.staged.survey, known, job.problem)
    rule = LabelRule(data.on_unknown_label, data.new_label_min_rows)
    labels = decide_labels(relations.distinct, frozenset(job.past.labels), rule)
    if labels.refuses_file:
        raise UnknownLabelsRefused(job.source.name, tuple(labels.faults.values()))
    return Verdicts(relations, labels, kin.place())


def _sift(job: Job, verdicts: Verdicts) -> _Attempt:
    sifted = sift(job.staged, verdicts, job.source, job.validator, job.folder)
    with sifted.quarantine.path.open("rb") as file:
        groups = group_by_reason(parse_refused(file))
    return _Attempt(verdicts, sifted, groups)


def _save(job: Job, attempt: _Attempt) -> BatchRecord | None:
    """Store everything and take the next number. Return None where somebody else took it."""
    store, sifted = job.store, attempt.sifted
    results = (*job.staged.results, *sifted.results, *_check_file(job, attempt))
    page = render_page(_build_report(job, attempt, results)).encode()
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


def _check_file(job: Job, attempt: _Attempt) -> tuple[RuleResult, ...]:
    """Hold the file as a whole to the rules. Raises EmptyBatch, BatchRefused, OneLabelOnly."""
    sifted, n_read, data = attempt.sifted, job.staged.n_read, job.config.data
    # Rows that were asked to be forgotten are no sign of a bad file.
    n_refused = sifted.quarantine.n - sifted.n_duplicates - job.preparation.n_forgotten
    labels = sorted({*job.past.labels, *sifted.labels})
    summary = {"n_read": n_read, REFUSED_SHARE: n_refused / max(n_read, 1), "n_labels": len(labels)}
    summary |= _beside_history(job, attempt)
    rules = file_rules(data, needs_two_labels=job.problem.min_labels > 1 and sifted.rows.n > 0)
    results = job.validator.check({"line": [0], **{name: [value] for name, value in summary.items()}}, rules)
    broken = {result.rule.code for result in results if not result.holds}
    if ROWS.code in broken:
        raise EmptyBatch(job.source.name)
    if REFUSED_SHARE in broken:
        counts = tuple(_count(group) for group in attempt.groups if group.code != DUPLICATE.code)
        raise BatchRefused(job.source.name, n_read, n_refused, data.max_refused_share, counts)
    if ONE_LABEL.code in broken:
        raise OneLabelOnly(job.source.name, labels[0])
    if NEW_LABEL_SHARE in broken:
        raise LabelsAllNew(job.source.name, attempt.verdicts.labels.new, summary[NEW_LABEL_SHARE])
    return results


def _beside_history(job: Job, attempt: _Attempt) -> dict[str, float]:
    """Return how a file differs from those before; nothing does where there are too few rows to say so."""
    sifted, staged, before = attempt.sifted, job.staged, job.past.labels
    n_sound = len(staged.signed.groups)
    facts = dict.fromkeys((NEW_LABEL_SHARE, LABEL_SHIFT, UNSEEN_SCRIPTS, CUT_SHARE), 0.0)
    if n_sound >= job.config.data.min_rows_for_shares:
        facts |= {
            UNSEEN_SCRIPTS: share_unseen(staged.scripts, job.past.scripts),
            CUT_SHARE: staged.n_cut / n_sound,
        }
    if before and sifted.rows.n >= job.config.data.min_rows_for_shares:
        new = attempt.verdicts.labels.new
        facts |= {
            NEW_LABEL_SHARE: share_of(new, sifted.labels),
            LABEL_SHIFT: label_shift(sifted.labels, before),
        }
    return facts


def _count(group: ReasonGroup) -> ReasonCount:
    row = group.examples[0]
    words = next(reason.words for reason in row.reasons if reason.code == group.code)
    return ReasonCount(group.code, group.n, f"line {row.line}: {words}")


def _build_report(job: Job, attempt: _Attempt, results: tuple[RuleResult, ...]) -> ValidationReport:
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
    )
