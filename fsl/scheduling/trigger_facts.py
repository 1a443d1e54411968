"""What `fsl.scheduling.triggers` decides on, gathered from the store: new rows, retrains so far, drift."""

from datetime import datetime

from fsl.data.batches import BatchRecord
from fsl.data.history import read_history
from fsl.data.snapshots import SnapshotRef, load_snapshot
from fsl.drift.decision.history import read_history as read_drift
from fsl.project import Project
from fsl.promotion.promote import champion_snapshot
from fsl.runs.retrain_log import Attempt, last_judged, read_attempts, spent_of
from fsl.runs.steps import load_plan
from fsl.scheduling.triggers import Audited, Due, Facts, decide_retrain
from fsl.store.aliases import CHAMPION, current_move
from fsl.store.errors import DamagedObject, NewerSchema, ObjectMissing


def ask_for_retrain(project: Project, *, now: datetime, asked_by: str | None = None) -> Due:
    """Gather the facts and decide."""
    facts = gather_facts(project, now=now, asked_by=asked_by)
    return decide_retrain(facts, project.config.triggers, timezone=project.config.schedule.timezone, now=now)


def gather_facts(project: Project, *, now: datetime, asked_by: str | None = None) -> Facts:
    """Read what is known now."""
    attempts = read_attempts(project.store)
    new, since = _new_batches(project, attempts)
    began = next((one.began for one in reversed(attempts) if one.did_something), None)
    return Facts(
        n_new_rows=sum(record.rows.n for record in new),
        since=since,
        oldest_new=min((record.when for record in new if record.rows.n), default=None),
        last_retrain=began,
        spent=spent_of(attempts, now),
        drift=_drift_since(project, began),
        audited=find_audited(project),
        asked_by=asked_by,
    )


def find_audited(project: Project) -> Audited | None:
    """Return what the champion's audit labels said at its last look at drift, or None where there were none."""
    move = current_move(project.registry, CHAMPION)
    for one in reversed(read_drift(project.store)):
        if move is None or one.facts.version != move.version:
            continue
        accuracy = one.harm.accuracy if one.harm and one.harm.n_audit else None
        return Audited(one.harm.n_audit, accuracy.value, accuracy.high) if one.harm and accuracy else None
    return None


def _new_batches(project: Project, attempts: tuple[Attempt, ...]) -> tuple[list[BatchRecord], str]:
    """Return the batches that neither the champion nor the last judged retrain saw, and since when they are new."""
    champion, judged = champion_snapshot(project), last_judged(attempts)
    seen = _batches_of(project, champion) if champion else set()
    since = "since the champion was trained" if champion else "and there is no champion yet"
    if judged is not None:
        try:
            last = _batches_of(project, load_plan(project, judged.subject).snapshot)
        except (ObjectMissing, DamagedObject, NewerSchema):  # cleaned away, or another fsl's: the champion's will do
            last = set()
        if last - seen:
            seen, since = seen | last, "since the last retrain"
    return [record for record in read_history(project.store) if record.seq not in seen], since


def _batches_of(project: Project, snapshot: str) -> set[int]:
    return {batch.seq for batch in load_snapshot(project.store, SnapshotRef(snapshot)).batches}


def _drift_since(project: Project, last_retrain: datetime | None) -> str | None:
    """Return why drift last asked for a retrain, where none began since."""
    decisions = read_drift(project.store)
    if not decisions or not decisions[-1].starts_retrain:
        return None
    if last_retrain is not None and decisions[-1].when <= last_retrain:
        return None
    return "; ".join(decisions[-1].reasons)
