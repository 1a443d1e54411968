"""A text with any number of labels, all the way: teacher, student, bundle, answers, a new head."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from fsl.config import ExportConfig, LearningConfig
from fsl.evaluation.scores.scoring import score_predictor
from fsl.explaining.occlusion import weigh_words
from fsl.export.bundle import ExportReport, build_bundle
from fsl.learning.artifacts import load_student, save_student
from fsl.learning.errors import TooFewLabels
from fsl.learning.selection.choice import MIN_TUNE_ROWS
from fsl.learning.student import Student, adapt_student
from fsl.learning.teacher import SoftLabels, adapt_teacher
from fsl.problems.multilabel import Multilabel
from fsl.runs.embeddings import EmbeddedRow
from fsl.runs.head_refit import write_refitted
from fsl.samples import Sample, Split
from fsl.serving.bundle import read_facts
from fsl.serving.predictor import Predictor

pytestmark = pytest.mark.usefixtures("one_thread")

PARTS = {"parcel": "where is my parcel", "refund": "refund money back"}
SETS: tuple[list[str], ...] = ([], ["parcel"], ["refund"], ["parcel", "refund"])


def build_rows(n_rows: int, split: Split, *, first: int = 0) -> list[Sample]:
    """Return rows of each set in turn, told apart by a letter."""
    rows = []
    for row in range(first, first + n_rows):
        labels = SETS[row % 4]
        text = " ".join(["hello", chr(97 + row % 26), *(PARTS[label] for label in labels), chr(97 + row // 26)])
        rows.append(Sample(f"row-{row:04d}", text, list(labels), split, f"group-{row}"))
    return rows


TRAIN, TUNE = build_rows(24, Split.TRAIN), build_rows(MIN_TUNE_ROWS + 4, Split.TUNE, first=24)
POOL = [
    dataclasses.replace(row, row_id=f"pool-{row.row_id}", target=None) for row in build_rows(8, Split.TRAIN, first=60)
]


@pytest.fixture(scope="module")
def config(tiny_learning: LearningConfig) -> LearningConfig:
    fit = {"epochs": 6, "learning_rate": 5e-3}
    return tiny_learning.model_copy(
        update={
            "teacher": tiny_learning.teacher.model_copy(update=fit),
            "student": tiny_learning.student.model_copy(update=fit),
        }
    )


@pytest.fixture(scope="module")
def soft(config: LearningConfig) -> SoftLabels:
    return adapt_teacher(TRAIN, TUNE, POOL, Multilabel(), config, where="here")


@pytest.fixture(scope="module")
def student(config: LearningConfig, soft: SoftLabels) -> Student:
    return adapt_student(TRAIN, TUNE, POOL, soft, Multilabel(), config)


@pytest.fixture(scope="module")
def built(student: Student, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportReport]:
    folder = tmp_path_factory.mktemp("sets")
    texts = [row.text for row in (*POOL, *TUNE)]
    report = build_bundle(
        student, texts, Multilabel(), ExportConfig(max_disagreement=1.0), folder, labelled=[*TRAIN, *TUNE]
    )
    return folder, report


def test_a_teacher_tells_every_label_of_every_text_by_itself(soft: SoftLabels) -> None:
    assert soft.labels == ("parcel", "refund")
    assert set(soft.by_row) == {row.row_id for row in (*TRAIN, *POOL)}
    assert all(array.shape == (1, 2) for array in soft.by_row.values())
    said = [np.flatnonzero(soft.by_row[row.row_id][0] >= 0.5).tolist() for row in TRAIN]
    assert said == [[("parcel", "refund").index(label) for label in row.target] for row in TRAIN]  # type: ignore


def test_a_student_learns_sets_and_stands_beside_the_probe(student: Student) -> None:
    assert student.head.activation == "sigmoid"
    assert [one.name for one in student.candidates] == ["probe", "distilled"]
    assert all(len(one.log_likelihoods) == len(TUNE) for one in student.candidates)
    assert student.choice.winner in ("probe", "distilled")


def test_a_student_comes_back_from_its_files_as_it_was(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)

    assert load_student(tmp_path).head.activation == "sigmoid"


def test_one_label_can_be_learnt_and_none_cannot(config: LearningConfig) -> None:
    nothing = [dataclasses.replace(row, target=[]) for row in TRAIN]

    with pytest.raises(TooFewLabels, match="no label"):
        adapt_teacher(nothing, [], [], Multilabel(), config, where="here")


def test_the_bundle_answers_the_sets_that_were_learnt(built: tuple[Path, ExportReport]) -> None:
    folder, report = built
    graph = onnx.load(folder / "head.onnx").graph

    fresh = build_rows(24, Split.JUDGE, first=72)
    found = [prediction.answer for prediction in Predictor.load(folder).predict([row.text for row in fresh])]

    assert [node.op_type for node in graph.node if node.output == ["probabilities"]] == ["Sigmoid"]
    assert report.parity.probability_error < 1e-4
    assert report.precision == "int8"  # any answer may change; how many did is measured by whole sets
    assert np.mean([one.target == row.target for one, row in zip(found, fresh, strict=True)]) >= 0.75
    assert all(set(one.probabilities) == {"parcel", "refund"} for one in found)


def test_thresholds_chosen_on_tune_rows_are_in_the_bundle_and_in_the_report(built: tuple[Path, ExportReport]) -> None:
    folder, report = built

    assert report.thresholds is not None
    assert read_facts(folder).thresholds == report.thresholds.thresholds
    assert all("on 12 tune rows with it" in reason for reason in report.thresholds.reasons)
    json.dumps(report.to_json())


def test_a_threshold_decides_what_is_given(built: tuple[Path, ExportReport]) -> None:
    predictor = Predictor.load(built[0])
    text = "where is my parcel and my refund money back"

    def answer(*thresholds: float) -> object:
        predictor.facts = dataclasses.replace(predictor.facts, thresholds=thresholds)
        return predictor.predict([text])[0].answer.target

    assert answer(0.0, 0.0) == ["parcel", "refund"]
    assert answer(1.0, 1.0) == []
    assert answer(1.0, 0.0) == ["refund"]


def test_whole_sets_are_scored_through_the_predictor(built: tuple[Path, ExportReport]) -> None:
    sheet = score_predictor(Predictor.load(built[0]), build_rows(8, Split.JUDGE, first=90), version="v", size_bytes=1)

    assert all(row.correct == (row.truth == row.answer) for row in sheet.rows)
    assert all(0.0 <= row.confidence <= 1.0 for row in sheet.rows)


def test_words_are_weighed_by_what_the_whole_set_loses_without_them(built: tuple[Path, ExportReport]) -> None:
    predictor = Predictor.load(built[0])
    text = "hello where is my parcel"
    whole, without = predictor.predict([text, "hello where is my "])
    lost = Multilabel().probability_of(
        whole.answer.target,
        np.array([list(without.answer.probabilities.values())], np.float32),
        [(0, 1)],
        predictor.outputs,
    )

    weights = {text[one.start : one.end]: one.weight for one in weigh_words(predictor, text)}

    assert weights["parcel"] == pytest.approx(whole.answer.confidence - lost, abs=1e-5)


def test_a_new_head_on_the_same_encoder_learns_a_new_label(built: tuple[Path, ExportReport], tmp_path: Path) -> None:
    predictor = Predictor.load(built[0])
    damaged = [
        dataclasses.replace(row, row_id=f"new-{row.row_id}", text=f"acme anna {row.text}", target=["damage"])
        for row in build_rows(24, Split.TRAIN, first=100)[::4]
    ]
    rows = [*TRAIN, *TUNE, *damaged]
    encoded = predictor.read([row.text for row in rows])
    embedded = [
        EmbeddedRow(row, one.units, vectors.astype(np.float16))
        for row, one, vectors in zip(rows, encoded, predictor.embed(encoded), strict=True)
    ]

    facts = write_refitted(built[0], embedded, Multilabel(), tmp_path, seed=0)

    kept = built[0]
    for name in ("encoder.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes((kept / name).read_bytes())
    found = Predictor.load(tmp_path)
    assert facts["labels"] == ["damage", "parcel", "refund"]
    assert len(read_facts(tmp_path).thresholds) == 3
    assert found.predict(["acme anna hello q d"])[0].answer.target == ["damage"]
