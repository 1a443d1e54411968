"""Prefect tasks that train. How a student learns is `fsl.learning`; finished steps are `fsl.runs`."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from pydantic import JsonValue

from fsl.data.snapshots import SnapshotRef, load_pool, load_samples
from fsl.runs.steps import fetch_step, finish_step, load_plan
from fsl.samples import Split
from tasks.resources import RETRIES, is_transient, project_of, reported_progress


@task(name="adapt the teacher", timeout_seconds=4 * 3600, retry_condition_fn=is_transient, **RETRIES)
def adapt_teacher(project: str, key: str) -> None:
    """Adapt the teacher to the labels, and store its soft labels over train rows and pool."""
    from fsl.learning.artifacts import save_soft_labels
    from fsl.learning.teacher import adapt_teacher as learn
    from fsl.runs.curves import kept_curves

    opened, plan = project_of(project), load_plan(project_of(project), key)

    def make(folder: Path) -> Mapping[str, JsonValue]:
        train = load_samples(opened.store, SnapshotRef(plan.snapshot), {Split.TRAIN})
        tune = load_samples(opened.store, SnapshotRef(plan.snapshot), {Split.TUNE})
        pool = load_pool(opened.store, SnapshotRef(plan.snapshot))
        with (
            reported_progress("teacher", "adapting the teacher") as progress,
            kept_curves(opened, plan, "teacher") as track,
        ):
            soft = learn(
                train,
                tune,
                pool,
                opened.problem,
                plan.config.learning,
                where=f"{project}'s snapshot",
                progress=progress,
                track=track,
            )
        save_soft_labels(soft, folder)
        return {"n_train": len(train), "n_tune": len(tune), "n_pool": len(pool), "labels": list(soft.labels)}

    finish_step(opened, key, "teacher", make)


@task(name="distil the student", timeout_seconds=4 * 3600, retry_condition_fn=is_transient, **RETRIES)
def adapt_student(project: str, key: str) -> None:
    """Distil the soft labels into the student, and store the winning candidate."""
    from fsl.learning.artifacts import load_soft_labels, save_student
    from fsl.learning.student import adapt_student as learn
    from fsl.runs.champion import hear_champion
    from fsl.runs.curves import kept_curves

    opened, plan = project_of(project), load_plan(project_of(project), key)

    def make(folder: Path) -> Mapping[str, JsonValue]:
        train = load_samples(opened.store, SnapshotRef(plan.snapshot), {Split.TRAIN})
        tune = load_samples(opened.store, SnapshotRef(plan.snapshot), {Split.TUNE})
        pool = load_pool(opened.store, SnapshotRef(plan.snapshot))
        soft = load_soft_labels(fetch_step(opened, key, "teacher"))
        with (
            reported_progress("student", "distilling the student") as progress,
            kept_curves(opened, plan, "student") as track,
        ):
            student = learn(
                train,
                tune,
                pool,
                soft,
                opened.problem,
                plan.config.learning,
                champion=hear_champion(opened, plan, [*train, *pool]),
                progress=progress,
                track=track,
            )
        save_student(student, folder)
        return {"winner": student.choice.winner, "reason": student.choice.reason}

    finish_step(opened, key, "student", make)


@task(name="refit the head", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def refit_head(project: str, key: str) -> None:
    """Fit a new head on the encoder that the plan keeps, and store the bundle."""
    from fsl.runs.head_refit import refit_bundle

    opened = project_of(project)
    refit_bundle(opened, load_plan(opened, key))


@task(name="ask whether anything is new", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def has_seen_all(project: str, key: str) -> bool:
    """Return whether the champion learnt from the very snapshot that a plan is made from."""
    from fsl.promotion.promote import champion_snapshot

    opened = project_of(project)
    return champion_snapshot(opened) == load_plan(opened, key).snapshot
