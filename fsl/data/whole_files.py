"""What each file of a batch has to be as a whole, once all rows were looked at: not empty, not mostly refused …

A file that breaks such a rule is stopped, and spoils no other. Two things keep files that come in together fair to one
another. What only another file of the batch says against a row does not count against its own file. And a share of a
few rows says nothing: files of fewer than `min_rows_for_shares` rows are stopped for their refused rows only where
too many rows of all such files were refused; else those rows go to quarantine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fsl.config import DataConfig
from fsl.data.checking.balance import label_shift, share_of, share_unseen
from fsl.data.checking.labels import LabelDecision
from fsl.data.checking.places import Places
from fsl.data.checking.rules import (
    CONTRADICTION,
    CUT_SHARE,
    DUPLICATE,
    FORGOTTEN,
    LABEL,
    LABEL_SHIFT,
    NEW_LABEL_SHARE,
    ONE_LABEL,
    REFUSED_SHARE,
    ROWS,
    UNSEEN_SCRIPTS,
    file_rules,
)
from fsl.data.checking.sifting import Accepted, Sifted, Verdicts
from fsl.data.checking.staging import Staged
from fsl.data.checking.validation import RuleResult, Validator
from fsl.data.errors import BatchRefused, EmptyBatch, LabelsAllNew, OneLabelOnly, ReasonCount, UnknownLabelsRefused
from fsl.data.quarantine import ReasonGroup, RefusedRow, group_by_reason, parse_refused
from fsl.errors import FslError
from fsl.problems.base import Problem

Before = tuple[Mapping[str, int], Mapping[str, int]]  # accepted rows by label, and by script


@dataclass(slots=True)
class Whole:
    """One file of a batch, in numbers."""

    name: str
    n_read: int
    n_rows: int
    n_pool: int
    labels: Mapping[str, int]  # of its accepted rows
    n_duplicates: int = 0
    n_refused: int = 0
    n_against: int = 0  # refused rows that say something against the file
    unknown: set[str] = field(default_factory=set)  # what is said of its unknown labels


@dataclass(frozen=True)
class Checked:
    """How the rules fared, and what is wrong with files that broke one, by their index."""

    results: tuple[RuleResult, ...]
    faults: Mapping[int, FslError]


def count_files(staged: Staged, sifted: Sifted, groups: Sequence[ReasonGroup], verdicts: Verdicts) -> tuple[Whole, ...]:
    """Return what became of the rows of each file."""
    places = staged.places
    if places.is_one:
        n_refused = sifted.quarantine.n - sifted.n_duplicates
        # Rows that were asked to be forgotten are no sign of a bad file.
        n_against = n_refused - sum(group.n for group in groups if group.code == FORGOTTEN)
        return (
            Whole(
                *(places.names[0], staged.n_read, sifted.rows.n, sifted.pool.n, sifted.labels, sifted.n_duplicates),
                *(n_refused, n_against, set(verdicts.labels.faults.values())),
            ),
        )
    files = {}
    for index, (name, opened) in enumerate(zip(places.names, staged.files, strict=True)):
        accepted = sifted.accepted.get(index, Accepted())
        files[name] = Whole(name, opened.n_read, accepted.n_rows, accepted.n_pool, accepted.labels)
    excused = {places.source_of(number) for number in verdicts.relations.by_others}
    with sifted.quarantine.path.open("rb") as lines:
        for row in parse_refused(lines):
            _count_refused(files[_file_of(row)], row, excused)
    return tuple(files.values())


def check_files(
    files: Sequence[Whole],
    staged: Staged,
    sifted: Sifted,
    groups: Sequence[ReasonGroup],
    verdicts: Verdicts,
    *,
    before: Before,
    config: DataConfig,
    problem: Problem,
    validator: Validator,
) -> Checked:
    """Hold each file, and the batch beside its history, to the rules."""
    labels = sorted({*before[0], *sifted.labels})
    table: dict[str, list[object]] = {
        "line": list(range(len(files))),
        "n_read": [file.n_read for file in files],
        REFUSED_SHARE: list(_refused_shares(files, config)),
        "n_labels": [len(labels) if file.n_rows else None for file in files],
        NEW_LABEL_SHARE: [_new_share(file, verdicts.labels, before, config) for file in files],
    }
    beside = _beside_history(staged, sifted, before, config)
    table |= {name: [share, *[None] * (len(files) - 1)] for name, share in beside.items()}  # said of the batch, once
    rules = file_rules(config, needs_two_labels=problem.min_labels > 1 and any(file.n_rows for file in files))
    results = validator.check(table, rules)
    faults: dict[int, FslError] = {}
    if verdicts.labels.refuses_file:
        unknown = {index: tuple(sorted(file.unknown)) for index, file in enumerate(files) if file.unknown}
        faults = {index: UnknownLabelsRefused(files[index].name, words) for index, words in unknown.items()}
    broken = {result.rule.code: result.lines for result in results if result.rule.severity == "critical"}
    counts = _reasons_of({files[index].name for index in broken[REFUSED_SHARE]}, sifted, groups, staged.places)
    for code, lines in broken.items():
        for index in lines:
            file = files[index]
            faults.setdefault(index, _error(code, file, labels, verdicts.labels.new, counts.get(file.name, ()), config))
    return Checked(results, faults)


def _error(
    code: str,
    file: Whole,
    labels: Sequence[str],
    new: tuple[str, ...],
    counts: tuple[ReasonCount, ...],
    config: DataConfig,
) -> FslError:
    if code == ROWS.code:
        return EmptyBatch(file.name)
    if code == REFUSED_SHARE:
        return BatchRefused(file.name, file.n_read, file.n_against, config.max_refused_share, counts)
    if code == ONE_LABEL.code:
        return OneLabelOnly(file.name, labels[0])
    here = tuple(label for label in new if label in file.labels)
    return LabelsAllNew(file.name, here, share_of(here, file.labels))


def _reasons_of(
    names: set[str], sifted: Sifted, groups: Sequence[ReasonGroup], places: Places
) -> dict[str, tuple[ReasonCount, ...]]:
    """Return the reasons against the rows of files that are mostly refused, the most frequent first."""
    if not names:
        return {}
    if places.is_one:
        return {places.names[0]: _counts(groups)}
    rows: dict[str, list[RefusedRow]] = {}
    with sifted.quarantine.path.open("rb") as lines:
        for row in parse_refused(lines):
            if _file_of(row) in names:
                rows.setdefault(_file_of(row), []).append(row)
    return {name: _counts(group_by_reason(found, 1)) for name, found in rows.items()}


def _counts(groups: Sequence[ReasonGroup]) -> tuple[ReasonCount, ...]:
    return tuple(_count(group) for group in groups if group.code != DUPLICATE.code)


def _count(group: ReasonGroup) -> ReasonCount:
    row = group.examples[0]
    words = next(reason.words for reason in row.reasons if reason.code == group.code)
    return ReasonCount(group.code, group.n, f"line {row.line}: {words}")


def _file_of(row: RefusedRow) -> str:
    return row.source.rpartition(":")[0]


def _count_refused(file: Whole, row: RefusedRow, excused: set[str]) -> None:
    if row.is_duplicate:
        file.n_duplicates += 1
        return
    file.n_refused += 1
    codes = {reason.code for reason in row.reasons} - {DUPLICATE.code}
    is_excused = codes == {CONTRADICTION.code} and row.source in excused
    # Rows that were asked to be forgotten are no sign of a bad file either.
    file.n_against += not is_excused and FORGOTTEN not in codes
    file.unknown.update(reason.words for reason in row.reasons if reason.code == LABEL.code)


def _refused_shares(files: Sequence[Whole], config: DataConfig) -> list[float]:
    few = [file for file in files if file.n_read < config.min_rows_for_shares]
    of_few = sum(file.n_against for file in few) / max(sum(file.n_read for file in few), 1)
    is_excused = len(files) > 1 and of_few <= config.max_refused_share
    return [
        0.0 if is_excused and file.n_read < config.min_rows_for_shares else file.n_against / max(file.n_read, 1)
        for file in files
    ]


def _new_share(file: Whole, labels: LabelDecision, before: Before, config: DataConfig) -> float:
    if not before[0] or file.n_rows < config.min_rows_for_shares:
        return 0.0
    return share_of(labels.new, file.labels)


def _beside_history(staged: Staged, sifted: Sifted, before: Before, config: DataConfig) -> dict[str, float]:
    """Return how a batch differs from those before; nothing does where there are too few rows to say so."""
    labels, scripts = before
    n_sound = len(staged.signed.groups)
    facts = dict.fromkeys((LABEL_SHIFT, UNSEEN_SCRIPTS, CUT_SHARE), 0.0)
    if n_sound >= config.min_rows_for_shares:
        facts |= {UNSEEN_SCRIPTS: share_unseen(staged.scripts, scripts), CUT_SHARE: staged.n_cut / n_sound}
    if labels and sifted.rows.n >= config.min_rows_for_shares:
        facts[LABEL_SHIFT] = label_shift(sifted.labels, labels)
    return facts
