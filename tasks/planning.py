"""Fixing what a retrain is made from: a snapshot, and the key that follows from it."""

from fsl.data.snapshots import take_snapshot
from fsl.project import Project
from fsl.runs.champion import champion_to_hear
from fsl.runs.head_refit import NoEncoderToKeep
from fsl.runs.steps import plan_retrain
from fsl.store.aliases import CHAMPION, current_move


def plan_now(opened: Project, *, head_only: bool = False) -> tuple[str, str]:
    """Fix what a retrain that starts now is made from; return the key that names it, and the version it will make.

    The same rows, texts and config give the same key, so that asking twice does no harm.

    Raises:
        NoEncoderToKeep: only a head is to be fitted, and there is no champion.
    """
    head_of = None
    if head_only:
        champion = current_move(opened.registry, CHAMPION)
        if champion is None:
            raise NoEncoderToKeep(opened.name)
        head_of = champion.version
    snapshot = take_snapshot(opened.store, opened.config).digest
    heard = None if head_only else champion_to_hear(opened, snapshot)
    plan = plan_retrain(opened, snapshot, head_of=head_of, heard=heard)
    return plan.key, plan.version
