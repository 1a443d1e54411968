"""Two versions on the same judge rows: what one gets right that the other does not.

Where the gate compared the two, its score sheets are read; elsewhere both are scored now, on the judge rows of the
newer one's snapshot. Nothing is stored, and the champion stays what it is.
"""

import json
from dataclasses import dataclass

from fsl.data.snapshots import SnapshotRef, load_samples
from fsl.evaluation.comparison.changes import ConfusionChange, Forgetting, compare_confusions, measure_forgetting
from fsl.evaluation.comparison.flips import Flip, find_flips
from fsl.evaluation.errors import DamagedRecord
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Verdict
from fsl.evaluation.scores.metrics import Scores, score_sheet
from fsl.evaluation.scores.records import ScoreSheet
from fsl.evaluation.scores.scoring import score_predictor
from fsl.project import Project
from fsl.samples import Sample, Split
from fsl.serving.predictor import Predictor
from fsl.store import layout
from fsl.store.registry import Manifest, fetch_version, load_manifest


@dataclass(frozen=True)
class VersionDiff:
    """What the second version does differently from the first."""

    before: Scores
    after: Scores
    verdict: Verdict  # what the gate says of the second against the first, on these rows alone
    is_new: bool  # both were scored for this, as no retrain compared them
    n_judge_rows: int
    became_wrong: tuple[Flip, ...]
    became_right: tuple[Flip, ...]
    confusions: tuple[ConfusionChange, ...]
    forgetting: Forgetting


def compare_versions(project: Project, before: str, after: str) -> VersionDiff:
    """Compare two registered versions. Raises NoSuchVersion, DamagedObject, BundleDamaged, UnreadableAnswer."""
    manifests = [load_manifest(project.registry, version) for version in (before, after)]
    newest_first = sorted(manifests, key=lambda one: one.created, reverse=True)
    found = next((pair for one in newest_first if (pair := _find_sheets(project, one, before, after))), None)
    snapshot = str((found[2] if found else newest_first[0]).facts["snapshot"])
    samples = load_samples(project.store, SnapshotRef(snapshot), {Split.JUDGE})
    old, new = found[:2] if found else (_score(project, one, samples) for one in manifests)
    wrong, right = find_flips(old, new, {sample.row_id: sample.text for sample in samples})
    return VersionDiff(
        before=score_sheet(old, project.problem),
        after=score_sheet(new, project.problem),
        verdict=judge(old, new, project.problem, project.config.gate),
        is_new=found is None,
        n_judge_rows=len(new.rows),
        became_wrong=tuple(wrong),
        became_right=tuple(right),
        confusions=compare_confusions(old, new, project.problem),
        forgetting=measure_forgetting(old, new, project.problem),
    )


def _find_sheets(
    project: Project, manifest: Manifest, before: str, after: str
) -> tuple[ScoreSheet, ScoreSheet, Manifest] | None:
    """Return both versions' sheets of one retrain, where it compared the two."""
    sheets = []
    for version in (before, after):
        key = layout.step(str(manifest.facts.get("retrain_key")), f"scores-{version}.json")
        data = project.store.find(key)
        if data is None:
            return None
        try:
            sheets.append(ScoreSheet.from_json(json.loads(data)))
        except ValueError as error:
            raise DamagedRecord(project.store.where(key), ("it is not JSON",)) from error
    return sheets[0], sheets[1], manifest


def _score(project: Project, manifest: Manifest, samples: list[Sample]) -> ScoreSheet:
    predictor = Predictor.load(fetch_version(project.registry, manifest.version, project.cache))
    size = sum(file.size for file in manifest.files)
    return score_predictor(predictor, samples, version=manifest.version, size_bytes=size)
