"""Fixing what a retrain is made from: a snapshot, and the key that follows from it."""

from fsl.data.snapshots import take_snapshot
from fsl.project import Project
from fsl.runs.steps import plan_retrain


def plan_now(opened: Project) -> tuple[str, str]:
    """Fix what a retrain that starts now is made from; return the key that names it, and the version it will make.

    The same rows, texts and config give the same key, so that asking twice does no harm.
    """
    plan = plan_retrain(opened, take_snapshot(opened.store, opened.config).digest)
    return plan.key, plan.version
