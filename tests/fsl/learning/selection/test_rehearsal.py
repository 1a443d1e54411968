"""Where tune rows are too few, train rows that were held out take their place."""

import dataclasses
import string

import numpy as np
import pytest

from fsl.config import LearningConfig
from fsl.learning import teacher
from fsl.learning.selection import rehearsal
from fsl.learning.selection.choice import MIN_TUNE_ROWS
from fsl.learning.selection.rehearsal import rehearse
from fsl.learning.student import adapt_student
from fsl.learning.teacher import adapt_teacher
from fsl.problems.classification import Classification
from fsl.problems.multilabel import Multilabel
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("parcel", "refund")


@pytest.fixture(scope="module")
def quick(tiny_learning: LearningConfig) -> LearningConfig:
    """One epoch of each fit: what is told apart here is who saw which rows."""
    short = {"epochs": 1, "batch_size": 16}
    teacher, student = tiny_learning.teacher.model_copy(update=short), tiny_learning.student.model_copy(update=short)
    return tiny_learning.model_copy(update={"teacher": teacher, "student": student})


@pytest.fixture(scope="module")
def many() -> list[Sample]:
    """Twenty-six rows of two intents, told apart by one word."""
    texts = [
        f"{'refund money' if row % 2 else 'where parcel'} {letter}" for row, letter in enumerate(string.ascii_lowercase)
    ]
    return [Sample(f"r{row}", text, LABELS[1 - row % 2], Split.TRAIN, text) for row, text in enumerate(texts)]


def test_all_that_saw_labels_is_refitted_without_the_rows_that_are_asked_about(
    many: list[Sample], quick: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def watched(train: list[Sample], tune: list[Sample], pool: list[Sample], *rest: object, **named: object) -> object:
        seen.append({sample.row_id for sample in (*train, *tune, *pool)})
        return teacher.adapt_teacher(train, tune, pool, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(rehearsal, "adapt_teacher", watched)

    found = rehearse(many, [], Classification(), quick, labels=LABELS, cost_seconds=1.0)

    assert found is not None
    (distilled,) = found.trained
    assert len(found.probe.log_likelihoods) == len(distilled.log_likelihoods) >= MIN_TUNE_ROWS
    asked = [{sample.row_id for sample in many} - kept for kept in seen]
    assert all(asked)
    assert len(set.union(*asked)) == sum(map(len, asked)) == len(found.probe.log_likelihoods)
    assert np.isfinite(distilled.score)
    assert found.temperatures["distilled"] > 0


@pytest.mark.parametrize(("n_rows", "minutes"), [(16, 30.0), (26, 0.0), (26, 4.9)])
def test_too_few_rows_or_too_small_a_budget_rehearse_nothing(
    many: list[Sample], quick: LearningConfig, n_rows: int, minutes: float
) -> None:
    config = quick.model_copy(update={"budget_minutes": minutes})

    # Five folds of five rows, a minute each, are one fold more than four minutes and a bit would hold.
    assert rehearse(many[:n_rows], [], Classification(), config, labels=LABELS, cost_seconds=75.0) is None


def test_a_student_without_tune_rows_is_chosen_by_rehearsal(many: list[Sample], quick: LearningConfig) -> None:
    soft = adapt_teacher(many, [], [], Classification(), quick, where="here")

    student = adapt_student(many, [], [], soft, Classification(), quick)

    assert [len(one.log_likelihoods) >= MIN_TUNE_ROWS for one in student.candidates] == [True, True]
    assert "too few to tell" not in student.choice.reason


def test_two_teachers_speak_together(
    many: list[Sample], quick: LearningConfig, caplog: pytest.LogCaptureFixture
) -> None:
    name = quick.encoder.teachers[0]
    both = quick.encoder.model_copy(update={"teacher": (name, name)})

    with caplog.at_level("INFO", "fsl.learning.teacher"):
        soft = adapt_teacher(many, [], [], Classification(), quick.model_copy(update={"encoder": both}), where="x")

    assert sum(message.startswith("soft labels: 50%") for message in caplog.messages) == 2
    assert np.concatenate(list(soft.by_row.values())).sum(1) == pytest.approx(1.0, abs=1e-5)


def test_sets_of_labels_are_rehearsed_too(many: list[Sample], quick: LearningConfig) -> None:
    sets = [dataclasses.replace(row, target=[row.target] if place % 3 else []) for place, row in enumerate(many)]

    found = rehearse(sets, [], Multilabel(), quick, labels=LABELS, cost_seconds=1.0)

    assert found is not None
    assert len(found.probe.log_likelihoods) == len(found.trained[0].log_likelihoods) >= MIN_TUNE_ROWS
    assert np.isfinite(found.trained[0].score)
