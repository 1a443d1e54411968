"""Abstention: a text is left unanswered for a reason, and what the answer would have been is kept."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fsl.export.heads import build_head
from fsl.learning.heads import Head
from fsl.serving.abstention import NO_LIMITS, Limits, Reason
from fsl.serving.bundle import read_facts, write_facts
from fsl.serving.errors import BundleDamaged
from fsl.serving.predictor import Predictor

TEXTS = ["where is my parcel", "", "退款 money", "hello there"]


@pytest.fixture
def bundle(text_bundle: Path, tmp_path: Path) -> Path:
    """A bundle whose head knows its labels' means: the vectors of the first two texts."""
    folder = Path(shutil.copytree(text_bundle, tmp_path / "bundle"))
    means = np.stack([one.embedding for one in Predictor.load(folder).predict(TEXTS[:2])])
    head = Head(np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32), np.zeros(3, np.float32))
    build_head(head, folder / "head.onnx", means=means)
    return folder


def limited(folder: Path, limits: Limits) -> Predictor:
    write_facts(folder, dataclasses.replace(read_facts(folder), limits=limits))
    return Predictor.load(folder)


@pytest.mark.parametrize(
    ("limits", "confidence", "scope", "reason"),
    [
        (NO_LIMITS, 0.0, -9.0, None),
        (Limits(0.5), 0.5, None, None),
        (Limits(0.5), 0.49, None, Reason.UNSURE),
        (Limits(0.5), float("nan"), None, Reason.UNSURE),
        (Limits(None, -0.5), 0.0, -0.5, None),
        (Limits(None, -0.5), 1.0, -0.6, Reason.OUT_OF_SCOPE),
        (Limits(None, -0.5), 1.0, float("nan"), Reason.OUT_OF_SCOPE),
        (Limits(None, -0.5), 1.0, None, Reason.OUT_OF_SCOPE),
        (Limits(0.5, -0.5), 0.4, -0.6, Reason.OUT_OF_SCOPE),
    ],
)
def test_a_score_below_its_limit_is_a_reason_and_scope_is_the_first(
    limits: Limits, confidence: float, scope: float | None, reason: Reason | None
) -> None:
    assert limits.reason(confidence, scope) is reason


def test_without_limits_every_text_is_answered_and_its_scope_told(bundle: Path) -> None:
    found = Predictor.load(bundle).predict(TEXTS)

    assert [one.abstained for one in found] == [None] * 4
    assert [one.given for one in found] == [one.answer.target for one in found]
    assert [one.scope for one in found[:2]] == pytest.approx([0.0, 0.0], abs=0.01)
    assert max(one.scope or 0 for one in found[2:]) < -0.01


def test_a_text_far_from_every_label_is_out_of_scope(bundle: Path) -> None:
    before = Predictor.load(bundle).predict(TEXTS)

    found = limited(bundle, Limits(None, -0.01)).predict(TEXTS)

    assert [one.abstained for one in found] == [None, None, Reason.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE]
    assert [one.given for one in found] == [before[0].answer.target, before[1].answer.target, None, None]
    assert [one.answer for one in found] == [one.answer for one in before]


def test_an_improbable_answer_is_not_given(bundle: Path) -> None:
    before = Predictor.load(bundle).predict(TEXTS)
    limit = float(np.median([one.answer.confidence for one in before]))

    found = limited(bundle, Limits(limit)).predict(TEXTS)

    assert [one.abstained for one in found] == [
        None if one.answer.confidence >= limit else Reason.UNSURE for one in before
    ]
    assert {one.abstained for one in found} == {None, Reason.UNSURE}


def test_a_bundle_from_before_there_were_limits_answers_everything(text_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(text_bundle, tmp_path / "old"))
    facts = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    del facts["limits"]
    (folder / "bundle.json").write_text(json.dumps({**facts, "schema": 1}), encoding="utf-8")

    found = Predictor.load(folder).predict(TEXTS)

    assert [(one.abstained, one.scope) for one in found] == [(None, None)] * 4
    assert [one.answer for one in found] == [one.answer for one in Predictor.load(text_bundle).predict(TEXTS)]


def test_a_limit_of_scope_beside_a_head_that_tells_none_is_refused(text_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(text_bundle, tmp_path / "mixed"))

    with pytest.raises(BundleDamaged, match=r"head\.onnx .* it tells no scope, but bundle\.json sets a limit of it"):
        limited(folder, Limits(None, -0.5))
