"""One look at a project's traffic, from the log to the stored decision and its pages.

The same look may be taken twice: the window is named by its rows, and the decision that was stored first holds.
"""

import logging
from dataclasses import replace
from datetime import datetime

from fsl.data.history import read_history as read_batches
from fsl.data.snapshots import SnapshotRef, load_snapshot
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.examine import Known, examine
from fsl.drift.decision.history import read_history, save_decision
from fsl.drift.detectors.label_shift import estimate_mix
from fsl.drift.harm.audited import audit_start, read_audit
from fsl.drift.harm.labelled import Labelled, read_labelled
from fsl.drift.harm.verdict import NO_AUDIT
from fsl.drift.report.evidently_report import build_pages
from fsl.drift.windows.reading import Windows, read_windows
from fsl.errors import FslError
from fsl.pages.words import percent, percent_range
from fsl.problems.base import Problem
from fsl.project import Project
from fsl.promotion.promote import champion_snapshot
from fsl.store.aliases import CHAMPION, current_move

_log = logging.getLogger(__name__)
_MOST_SHARES = 3


def check_window(project: Project, *, now: datetime, version: str | None = None) -> Decision:
    """Compare the latest served window with the version's first one, and store what was decided.

    Args:
        version: default: the champion, or where there is none the version that served last.

    Raises:
        NoPredictions: nothing was served.
        TooFewRows: not enough for both windows.
    """
    move = current_move(project.registry, CHAMPION)
    version = version or (move.version if move else None)
    windows = read_windows(project.store, project.config.drift, project.problem, version=version, now=now)
    known, notes = _gather(project, windows, now)
    windows = replace(windows, notes=(*windows.notes, *notes))
    decision = examine(windows, project.config.drift, now=now, known=known)
    return save_decision(project.store, decision, build_pages(windows.reference, windows.current, decision))


def _gather(project: Project, windows: Windows, now: datetime) -> tuple[Known, tuple[str, ...]]:
    """Return what is known beside the windows, and what could not be had: the tests stand without it."""
    version = windows.current.version
    notes: tuple[str, ...] = ()
    labelled: Labelled | None = None
    n_waiting, audit = 0, NO_AUDIT
    began, ended, days = windows.reference.times[0], windows.current.times[-1], project.config.drift.audit_days
    try:
        n_waiting = count_waiting(project)
        labelled = read_labelled(project, version)
        audit = read_audit(project, version, labelled.curve(), since=audit_start(began, ended, days=days), until=now)
    except FslError as error:  # such as a version that was cleaned away
        notes = (f"accuracy cannot be estimated: {version} cannot answer labelled rows any more ({error})",)
        _log.warning("%s", notes[0])
    earlier = [one.window for one in read_history(project.store) if one.facts.version == version]
    known = Known(
        curve=labelled.curve() if labelled else None,
        audit=audit,
        n_waiting=n_waiting,
        earlier=earlier,
        mix=describe_mix(labelled, windows, project.problem) if labelled else (),
    )
    return known, notes


def count_waiting(project: Project) -> int:
    """Return how many labelled rows came in since the champion was trained; audit rows only judge and do not count."""
    snapshot = champion_snapshot(project)
    seen = {batch.seq for batch in load_snapshot(project.store, SnapshotRef(snapshot)).batches} if snapshot else set()
    return sum(record.rows.n - record.n_audit for record in read_batches(project.store) if record.seq not in seen)


def describe_mix(labelled: Labelled, windows: Windows, problem: Problem) -> tuple[str, ...]:
    """Return the true mix of labels behind the answers, in words."""
    if problem.activation == "sigmoid":
        why = "a text has any number of them, and what is undone is a confusion of one label with another"
        return (f"the true mix of labels is not estimated: {why}; the shares shown are those of the answers",)
    answers = [" + ".join(labels) for labels in windows.current.labels]
    found = estimate_mix(labelled.answered, labelled.truth, answers)
    if found.unusable is not None:
        return (f"the true mix of labels cannot be told: {found.unusable}",)
    largest = sorted(found.shares, key=lambda one: -one.share)[:_MOST_SHARES]
    told = ", ".join(f"{one.label} {percent(one.share)} ({percent_range(one.low, one.high)})" for one in largest)
    return (f"the true mix of labels, as far as confusion can be undone: {told}",)
