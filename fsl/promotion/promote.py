"""From a finished bundle to a verdict, a registered version and a move of the champion.

The rules of the verdict are `fsl.evaluation.ruling.gate`'s; the protocol of the move is `fsl.store.aliases`'.
"""

import json
import logging
import platform
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from fsl.data.audit import find_recent_audit
from fsl.data.forgetting.due import why_overdue
from fsl.data.snapshots import SnapshotRef, load_samples
from fsl.errors import FslError
from fsl.evaluation.comparison.recent import choose_recent
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.examination.examining import examine_bundle
from fsl.evaluation.ruling.asking import why_ask
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.evaluation.scores.records import ScoreSheet
from fsl.evaluation.scores.scoring import score_predictor
from fsl.project import Project
from fsl.promotion.errors import ApprovalNeeded
from fsl.promotion.verdict_log import judge_on_record
from fsl.runs.bundles import fetch_bundle
from fsl.runs.steps import RetrainPlan, find_step
from fsl.samples import Split
from fsl.serving.bundle import CARD
from fsl.serving.predictor import Predictor
from fsl.serving.tuning import load_tuned
from fsl.store import layout
from fsl.store.aliases import CHALLENGER, CHAMPION, Move, current_move, move_alias, read_moves
from fsl.store.errors import AccessRefused, NotTrusted
from fsl.store.registry import Manifest, Registry, fetch_version, load_manifest, publish_version
from fsl.store.registry_errors import AliasMoved, NoSuchVersion

log = logging.getLogger(__name__)


@dataclass(eq=False)
class NotPromoted(FslError):
    """A version may not become the champion on this verdict."""

    version: str
    judged: str
    outcome: str

    def __str__(self) -> str:
        return (
            f"{self.version} was not made the champion: the verdict on {self.judged} is {self.outcome}. "
            f"`fsl models show {self.version}` gives the reasons, and what would change it."
        )


@dataclass(eq=False)
class LearntFromForgotten(FslError):
    """A version whose time to be replaced has passed."""

    version: str
    why: str

    def __str__(self) -> str:
        return f"{self.version} was not made the champion: {self.why}."


def champion_snapshot(project: Project) -> str | None:
    """Return the digest of the snapshot that the champion was trained on, or None where there is no champion."""
    move = current_move(project.registry, CHAMPION)
    if move is None:
        return None
    snapshot = load_manifest(project.registry, move.version).facts.get("snapshot")
    return str(snapshot) if snapshot else None


def load_predictor(project: Project, version: str, manifest: str | None = None, *, tuned: bool = False) -> Predictor:
    """Load a registered version, every digest checked, and its manifest's where the move that names it is at hand.

    Args:
        tuned: run it as wide as is quickest on this machine, which is measured the first time.
    """
    serving = project.config.serving
    folder = fetch_version(project.registry, version, project.cache, manifest=manifest)
    if tuned and serving.n_threads == 0:
        return load_tuned(folder, project.cache, providers=serving.providers)
    return Predictor.load(folder, n_threads=serving.n_threads, providers=serving.providers)


def score_challenger(project: Project, plan: RetrainPlan) -> ScoreSheet:
    """Score a retrain's bundle on the judge rows of its snapshot."""
    return _scored(project, plan, plan.version, fetch_bundle(project, plan))


def score_champion(project: Project, plan: RetrainPlan, version: str) -> ScoreSheet:
    """Score the champion on the very same rows, on the same machine."""
    return _scored(project, plan, version, fetch_version(project.registry, version, project.cache))


def judge_challenger(project: Project, plan: RetrainPlan, champion: str | None) -> Verdict:
    """Compare both score sheets under the project's gate, and store the verdict beside them."""
    before = load_sheet(project, plan, champion) if champion else None
    ours, gate = load_sheet(project, plan, plan.version), plan.config.gate
    slices = {one.name: one.row_ids for one in ours.examination.slices} if ours.examination else None

    recent = None
    if before is not None:
        drawn = find_recent_audit(project.store, SnapshotRef(plan.snapshot), days=gate.recent_days)
        recent = choose_recent(before, ours, drawn)  # audit rows judge, so both have answered them

    def reach(use: JudgeUse) -> Verdict:
        return judge(before, ours, project.problem, gate, use=use, recent=recent, slices=slices)

    verdict = judge_on_record(project.store, champion, plan.version, gate, reach)
    project.store.put(
        layout.step(plan.key, f"verdict-against-{champion or 'nothing'}.json"), _as_json(verdict.to_json())
    )
    log.info("verdict on %s against %s: %s", plan.version, champion, verdict.outcome)
    return verdict


def register_challenger(project: Project, plan: RetrainPlan, verdict: Verdict, card: str) -> Manifest:
    """Make the bundle a version of the registry, whatever the verdict: what was refused can be looked at later."""
    existing = find_version(project.registry, plan.version)
    if existing is not None:  # the same inputs gave it before; its first verdict stays with it
        return existing
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundle"
        shutil.copytree(fetch_bundle(project, plan), folder)
        (folder / CARD).write_text(card, encoding="utf-8")
        return publish_version(project.registry, plan.version, folder, facts=_lineage(project, plan, verdict))


def name_challenger(project: Project, version: str, verdict: str, *, who: str, now: datetime) -> Move | None:
    """Give `challenger` to the version that a retrain made. Doing it again is harmless.

    Returns:
        The move that names it; None where this worker may train and not move, or another retrain was faster: neither
        harms the version.
    """
    try:
        seen = current_move(project.registry, CHALLENGER)
        if seen is not None and seen.version == version:
            return seen
        return move_alias(
            project.registry,
            CHALLENGER,
            to=version,
            seen=seen,
            verdict=verdict,
            who=who,
            why="the latest retrain made it",
            now=now,
        )
    except (AccessRefused, AliasMoved, NotTrusted) as error:
        log.warning("%s was not named the challenger: %s", version, error)
        return None


def promote(
    project: Project, plan: RetrainPlan, verdict: Verdict, *, seen: Move | None, who: str, now: datetime
) -> Move:
    """Make the challenger the champion.

    Raises:
        LearntFromForgotten: it saw rows that were asked to be forgotten, and the deadline has passed.
        NotPromoted: the verdict is another, or on another version.
        ApprovalNeeded: a person has the last word.
        AliasMoved: somebody promoted another meanwhile; nothing was changed.
    """
    if verdict.outcome is not Outcome.PROMOTE or verdict.challenger != plan.version:
        raise NotPromoted(plan.version, verdict.challenger, str(verdict.outcome))
    overdue = why_overdue(project, plan.snapshot, now, head_of=plan.head_of)
    if overdue is not None:
        raise LearntFromForgotten(plan.version, overdue)
    asks = why_ask(verdict.outcome, plan.config.gate, project.config.gate)
    if asks is not None:
        raise ApprovalNeeded(plan.version, asks)
    why = "; ".join(verdict.reasons)
    try:
        return move_alias(
            project.registry,
            CHAMPION,
            to=plan.version,
            seen=seen,
            verdict=str(verdict.outcome),
            who=who,
            why=why,
            now=now,
        )
    except AliasMoved:
        # Its answer may have been lost on the way: then the move that stands there is this one.
        made = current_move(project.registry, CHAMPION, known=seen)
        if made is not None and (made.version, made.who, made.why) == (plan.version, who, why):
            return made
        raise


def why_barred(project: Project, version: str) -> str | None:
    """Return why no run may promote a version again: a rollback left it, and nobody promoted it since. Else None."""
    barred = None
    for move in read_moves(project.registry, CHAMPION):
        if move.version == version:
            barred = None  # a person has promoted it since
        if move.rolled_back == version:
            barred = f"{version} was left by {move.who} in move {move.seq}: {move.why}. New rows make a new version"
    return barred


def load_sheet(project: Project, plan: RetrainPlan, version: str) -> ScoreSheet:
    """Read a version's score sheet of this retrain."""
    return ScoreSheet.from_json(json.loads(project.store.get(_sheet_key(plan, version))))


def find_version(registry: Registry, version: str) -> Manifest | None:
    """Return a version's manifest, or None where there is none."""
    try:
        return load_manifest(registry, version)
    except NoSuchVersion:
        return None


def _scored(project: Project, plan: RetrainPlan, version: str, folder: Path) -> ScoreSheet:
    samples = load_samples(project.store, SnapshotRef(plan.snapshot), {Split.JUDGE})
    size = sum(path.stat().st_size for path in folder.iterdir())
    predictor = Predictor.load(folder)
    sheet = score_predictor(predictor, samples, version=version, size_bytes=size)
    sheet = replace(sheet, examination=examine_bundle(predictor, folder, samples, sheet, plan.config.gate))
    project.store.put(_sheet_key(plan, version), _as_json(sheet.to_json()))
    log.info("%s: %d of %d judge rows right", version, sum(row.correct for row in sheet.rows), len(sheet.rows))
    return sheet


def _sheet_key(plan: RetrainPlan, version: str) -> str:
    return layout.step(plan.key, f"scores-{version}.json")


def _lineage(project: Project, plan: RetrainPlan, verdict: Verdict) -> Mapping[str, JsonValue]:
    from importlib.metadata import version

    packages = ("torch", "transformers", "peft", "onnxruntime", "scikit-learn", "fsl")
    bundle = find_step(project, plan.key, "bundle")
    return {
        "retrain_key": plan.key,
        "snapshot": plan.snapshot,
        "head_of": plan.head_of,
        "heard": plan.heard,
        "parent": verdict.champion,
        "problem": plan.config.problem.kind,
        "config": plan.config.model_dump(mode="json"),
        "verdict": verdict.to_json(),
        "export": dict(bundle.facts) if bundle else {},
        "environment": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            **{package: version(package) for package in packages},
        },
    }


def _as_json(value: JsonValue) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")
