"""`fsl data ls|show|diff`: which batches there are, what each label has, and what changed since the champion."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.data.batches import BatchRecord, FileOfBatch
from fsl.data.diff import LabelChange, SnapshotDiff, compare_snapshots, find_unjudged
from fsl.data.errors import NoSuchBatch
from fsl.data.history import read_history
from fsl.data.snapshots import SnapshotRef, load_labels, load_snapshot, take_snapshot
from fsl.project import Project
from fsl.promotion.promote import champion_snapshot
from fsl.workspace import find_workspace

SPLITS = ("train", "tune", "judge", "barred")
MAX_FILES_SHOWN = 20


def list_batches(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List the accepted batches, and which of them the champion has not seen."""
    with find_workspace(Path.cwd()).open() as project:
        history = read_history(project.store)
        seen = _seen_by_champion(project)
    facts = [{**_describe(record), "seen_by_champion": record.seq in seen} for record in history]
    columns = ["#batch", "file", "when (UTC)", "#read", "#accepted", "#train", "#tune", "#judge", "#to pool"]
    rows = [
        (
            *(fact["batch"], fact["file"], str(fact["when"])[:16], fact["read"], fact["accepted"]),
            *(fact["splits"].get(split, 0) for split in SPLITS[:3]),
            *(fact["pool"], fact["refused"], fact["duplicates"], "" if fact["seen_by_champion"] else "new"),
        )
        for fact in facts
    ]
    following = ["fsl data show", "fsl data diff", "fsl data quarantine"] if facts else ["fsl ingest FILE"]
    show(Reply(facts, [table([*columns, "#refused", "#duplicates", ""], rows)], following), as_json=as_json)


def show_labels(
    batch: Annotated[int | None, typer.Argument(help="One batch, by its number; without it, all labels.")] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show every label with its rows by split, and which have too few judge rows to be judged; or one batch."""
    with find_workspace(Path.cwd()).open() as project:
        if batch is not None:
            history = read_history(project.store)
            found = next((record for record in history if record.seq == batch), None)
            if found is None:
                raise NoSuchBatch(batch, len(history))
            show(_batch_reply(project, found), as_json=as_json)
            return
        counts = load_labels(project.store, take_snapshot(project.store, project.config))
        need = project.config.gate.min_judge_rows_per_label
    unjudged = {count.label for count in find_unjudged(counts, need)}
    rows = [
        (
            *(count.label, count.train, count.tune, count.judge),
            _want(count.judge, need) if count.label in unjudged else "",
        )
        for count in counts
    ]
    shown: list[RenderableType] = [table(["label", "#train", "#tune", "#judge", ""], rows)]
    if unjudged:
        shown.append(line(_unjudged_words(len(unjudged), len(counts), need)))
    facts = [{**asdict(count), "judged": count.label not in unjudged} for count in counts]
    show(Reply(facts, shown, ["fsl data diff"]), as_json=as_json)


def show_diff(
    since: Annotated[
        str | None, typer.Option(help="The digest of a snapshot; by default the one that the champion learnt from.")
    ] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show what came in since the champion was trained: batches, rows by label and split, labels new and gone."""
    with find_workspace(Path.cwd()).open() as project:
        digest = since or champion_snapshot(project)
        now = take_snapshot(project.store, project.config)
        diff = compare_snapshots(project.store, SnapshotRef(digest) if digest else None, now)
        need = project.config.gate.min_judge_rows_per_label
    changed = [change for change in diff.labels if change.is_changed or change.is_new or change.is_gone]
    against = "the champion's snapshot" if since is None else f"snapshot {since[:12]}"
    words = f"since {against}" if digest else "there is no champion yet, so everything is new"
    shown: list[RenderableType] = [line(f"{words}: {_summary(diff)}")]
    if changed:
        shown.append(table(["label", "#train", "#tune", "#judge", ""], [_change_row(one, need) for one in changed]))
    counts = [change.now for change in diff.labels if change.now]
    unjudged = find_unjudged(counts, need)
    if unjudged:
        shown.append(line(_unjudged_words(len(unjudged), len(counts), need)))
    facts = {
        "before": digest,
        "now": now.digest,
        "batches": list(diff.batches),
        "labels": {one.label: {split: one.added(split) for split in SPLITS} for one in changed},
        "new_labels": list(diff.new_labels),
        "gone_labels": list(diff.gone_labels),
        "unjudged_labels": [count.label for count in unjudged],
    }
    show(Reply(facts, shown, ["fsl retrain" if changed else "fsl data ls"]), as_json=as_json)


def _seen_by_champion(project: Project) -> frozenset[int]:
    digest = champion_snapshot(project)
    return frozenset(
        batch.seq for batch in (load_snapshot(project.store, SnapshotRef(digest)).batches if digest else ())
    )


def _describe(record: BatchRecord) -> dict[str, Any]:
    return {
        "batch": record.seq,
        "file": record.source.name,
        "when": record.when.isoformat(),
        "read": record.n_read,
        "accepted": record.rows.n,
        "splits": dict(record.splits),
        "pool": record.pool.n,
        "refused": record.n_refused,
        "duplicates": record.n_duplicates,
        "new_labels": list(record.new_labels),
    }


def _batch_reply(project: Project, record: BatchRecord) -> Reply:
    facts = {
        **_describe(record),
        "labels": dict(record.labels),
        "reasons": dict(record.reasons),
        "masked": dict(record.masked),
        "audit": record.n_audit,
        "page": project.store.where(record.report),
        "sha256": record.source.sha256,
        "files": [
            {"file": one.source.name, "sha256": one.source.sha256, "read": one.n_read, "accepted": one.n_rows}
            | {"pool": one.n_pool, "refused": one.n_refused, "duplicates": one.n_duplicates}
            for one in record.files
        ],
    }
    splits = ", ".join(f"{n} {split}" for split, n in record.splits.items()) or "none"
    shown: list[RenderableType] = [
        line(f"batch {record.seq}: {record.source.name}, {record.when:%Y-%m-%d %H:%M} UTC"),
        line(
            f"{record.n_read} rows read: {record.rows.n} accepted ({splits}), {record.pool.n} to the pool, "
            f"{record.n_duplicates} duplicates, {record.n_refused} refused"
        ),
        line(f"validation page: {facts['page']}"),
        table(
            ["label", "#rows", ""], [(k, n, "new" if k in record.new_labels else "") for k, n in record.labels.items()]
        ),
    ]
    if record.files:
        shown.append(_files_table(record.files))
    if record.n_audit:
        shown.append(line(f"{record.n_audit} of the accepted rows were drawn from traffic for audit"))
    if record.masked:
        shown.append(line(f"masked before storage: {', '.join(f'{n} {kind}' for kind, n in record.masked.items())}"))
    if record.reasons:
        shown.append(table(["reason", "#rows"], list(record.reasons.items())))
    return Reply(facts, shown, ["fsl data quarantine"] if record.quarantine.n else ["fsl data show"])


def _files_table(files: tuple[FileOfBatch, ...]) -> RenderableType:
    columns = ["file", "#read", "#accepted", "#to pool", "#refused", "#duplicates"]
    rows = [(one.source.name, one.n_read, one.n_rows, one.n_pool, one.n_refused, one.n_duplicates) for one in files]
    more = len(files) - MAX_FILES_SHOWN
    rest = [(f"and {more} more: --json lists them all",)] if more > 0 else []
    return table(
        columns, [*rows[:MAX_FILES_SHOWN], *((*one, *[""] * 5) for one in rest)], title="\nfiles of this batch"
    )


def _change_row(change: LabelChange, need: int) -> tuple[object, ...]:
    note = "gone" if change.is_gone else "new" if change.is_new else ""
    if change.now is not None and change.now.judge < need:
        note = f"{note}, {_want(change.now.judge, need)}".removeprefix(", ")
    return change.label, *(f"{change.added(split):+d}" if change.added(split) else "0" for split in SPLITS[:3]), note


def _summary(diff: SnapshotDiff) -> str:
    n_rows = sum(sum(change.added(split) for split in SPLITS) for change in diff.labels)
    parts = [f"{len(diff.batches)} batches", f"{n_rows:+d} label mentions", f"{diff.n_pool_files} files of texts"]
    if diff.new_labels:
        parts.append(f"new labels {', '.join(map(repr, diff.new_labels))}")
    if diff.gone_labels:
        parts.append(f"labels gone {', '.join(map(repr, diff.gone_labels))}")
    return ", ".join(parts)


def _want(n_judge: int, need: int) -> str:
    return f"unjudged: {need - n_judge} judge rows short of {need}"


def _unjudged_words(n_unjudged: int, n_labels: int, need: int) -> str:
    return (
        f"{n_unjudged} of {n_labels} labels have fewer than {need} judge rows (`gate.min_judge_rows_per_label`), so no "
        "verdict speaks of them; about one row in five that you add becomes a judge row"
    )
