"""What a version answers to labelled rows that did not fit its weights: its tune rows. Their numbers are kept.

The rows fitted its temperature too, one number, so the curve that is learnt from them is a little too friendly. The
judge rows are the gate's alone. Audit rows are `audited`'s.
"""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.data.snapshots import SnapshotRef, load_samples
from fsl.drift.harm.calibration import Curve, fit_curve
from fsl.project import Project
from fsl.promotion.promote import champion_snapshot, load_predictor
from fsl.samples import Split
from fsl.store import layout

MAX_ROWS = 1000
FILE = "labelled.json"


@dataclass(frozen=True, eq=False)
class Labelled:
    """A version's answers to labelled rows, without the texts."""

    confidence: NDArray[np.float64]
    margin: NDArray[np.float64]
    right: NDArray[np.bool_]
    answered: tuple[str, ...]  # one label each; several are joined
    truth: tuple[str, ...]

    def curve(self) -> Curve | None:
        return fit_curve(self.confidence, self.margin, self.right)


def read_labelled(project: Project, version: str) -> Labelled:
    """Return the answers, computed now unless they were kept; empty where there is no tune row."""
    key = layout.drift_reference(version, FILE)
    kept = project.store.find(key)
    if kept is not None:
        try:
            return _from_json(json.loads(kept))
        except (ValueError, TypeError, KeyError):
            pass  # damaged: computed anew
    found = _compute(project, version)
    project.store.put(key, json.dumps(_to_json(found), ensure_ascii=False).encode())
    return found


def _compute(project: Project, version: str) -> Labelled:
    snapshot = champion_snapshot(project)
    samples = load_samples(project.store, SnapshotRef(snapshot), {Split.TUNE})[:MAX_ROWS] if snapshot else []
    rows = [sample for sample in samples if sample.target is not None]
    predictions = load_predictor(project, version).predict([row.text for row in rows]) if rows else []
    answers = [one.answer for one in predictions]
    problem = project.problem
    return Labelled(
        confidence=np.array([answer.confidence for answer in answers], dtype=np.float64),
        margin=np.array([answer.margin for answer in answers], dtype=np.float64),
        right=np.array(
            [problem.is_correct(row.target, answer.target) for row, answer in zip(rows, answers, strict=True)],
            dtype=np.bool_,
        ),
        answered=tuple(" + ".join(problem.labels_in(answer.target)) for answer in answers),
        truth=tuple(" + ".join(problem.labels_in(row.target)) for row in rows),
    )


def _to_json(found: Labelled) -> dict[str, JsonValue]:
    return {
        "confidence": found.confidence.tolist(),
        "margin": found.margin.tolist(),
        "right": found.right.tolist(),
        "answered": list(found.answered),
        "truth": list(found.truth),
    }


def _from_json(value: dict[str, list[object]]) -> Labelled:
    return Labelled(
        np.array(value["confidence"], dtype=np.float64),
        np.array(value["margin"], dtype=np.float64),
        np.array(value["right"], dtype=np.bool_),
        tuple(map(str, value["answered"])),
        tuple(map(str, value["truth"])),
    )
