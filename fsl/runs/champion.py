"""What the old champion says of the texts that its successor learns from, and whether it is asked at all.

The loss is `fsl.learning.losses.distillation.champion_loss`; the champion speaks through the very bundle that serves.
"""

import logging
from collections.abc import Sequence

from fsl.data.forgetting.due import tombstones_of
from fsl.learning.teaching import ChampionSays
from fsl.project import Project
from fsl.runs.steps import RetrainPlan, retrain_key
from fsl.samples import Sample
from fsl.serving.predictor import Predictor
from fsl.store.aliases import CHAMPION, current_move
from fsl.store.registry import fetch_version, load_manifest

log = logging.getLogger(__name__)


def champion_to_hear(project: Project, snapshot: str) -> str | None:
    """Return the version that a retrain's student is to listen to, or None.

    Where nothing came in since the champion was trained, it is the one that the champion listened to itself, so that
    asking again plans the same retrain again.
    """
    if not any(one.distillation.weight_champion > 0 for one in project.config.learning.variants):
        return None
    move = current_move(project.registry, CHAMPION)
    if move is None:
        return None
    facts = load_manifest(project.registry, move.version).facts
    heard = str(facts["heard"]) if facts.get("heard") else None
    if facts.get("retrain_key") == retrain_key(project.config, snapshot, heard=heard):
        return heard
    if tombstones_of(project, facts):
        log.info("the champion %s saw rows that were to be forgotten, so nobody learns from it", move.version)
        return None
    return move.version


def hear_champion(project: Project, plan: RetrainPlan, samples: Sequence[Sample]) -> ChampionSays | None:
    """Return what the plan's old champion says of train rows and pool; None where there is none, or of another kind.

    Raises:
        NoSuchVersion: it was removed meanwhile.
    """
    if plan.heard is None:
        return None
    predictor = Predictor.load(fetch_version(project.registry, plan.heard, project.cache))
    if predictor.problem.kind != project.problem.kind:
        log.info("the champion %s answers another kind of problem, so nobody learns from it", plan.heard)
        return None
    vectors = predictor.embed(predictor.read([sample.text for sample in samples]))
    said = {sample.row_id: predictor.judge(own)[0] for sample, own in zip(samples, vectors, strict=True) if len(own)}
    return ChampionSays(tuple(predictor.facts.labels), said)
