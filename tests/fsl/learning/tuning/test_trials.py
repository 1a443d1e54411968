"""One set of settings is scored as a retrain would score it, on rows that it was not fitted to."""

import dataclasses

import pytest
from pydantic import JsonValue

from fsl.config import LearningConfig, MetaConfig
from fsl.learning.errors import NothingToTuneOn
from fsl.learning.student import adapt_student
from fsl.learning.teacher import adapt_teacher
from fsl.learning.tuning.trials import score_settings
from fsl.problems.classification import Classification
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tune(intents: list[Sample]) -> list[Sample]:
    rows = [intents[row % len(intents)] for row in range(24)]
    return [
        dataclasses.replace(row, row_id=f"tune-{i}", split=Split.TUNE, target=_mostly(row, i))
        for i, row in enumerate(rows)
    ]


def _mostly(row: Sample, place: int) -> JsonValue:
    """Return the row's target, or now and then the other one, so that likelihoods are no round numbers."""
    return {"parcel": "refund", "refund": "parcel"}[str(row.target)] if place % 7 == 0 else row.target


def test_tune_rows_are_asked_as_a_retrain_asks_them(
    intents: list[Sample], tune: list[Sample], tiny_learning: LearningConfig
) -> None:
    unknown = dataclasses.replace(tune[0], row_id="tune-new", target="nobody taught it this")
    with_start = tiny_learning.model_copy(update={"meta": MetaConfig(method="maml")})

    scored = score_settings(intents, [*tune, unknown], [], Classification(), with_start, where="here")

    soft = adapt_teacher(intents, tune, [], Classification(), tiny_learning, where="here")
    student = adapt_student(intents, tune, [], soft, Classification(), tiny_learning)
    assert [scored.probe, scored.student] == [one.log_likelihoods for one in student.candidates]


def test_without_enough_tune_rows_train_rows_are_held_out_in_turn(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    many = [
        dataclasses.replace(row, row_id=f"r{turn}-{i}", text=f"{row.text} {turn}", target=_mostly(row, i))
        for turn in "ab"
        for i, row in enumerate(intents)
    ]
    short = {"epochs": 1, "batch_size": 16}
    quick = tiny_learning.model_copy(
        update={
            "teacher": tiny_learning.teacher.model_copy(update=short),
            "student": tiny_learning.student.model_copy(update=short),
            "budget_minutes": 0.0,  # a retrain's; a search has its own
        }
    )

    scored = score_settings(many, [], [], Classification(), quick, where="here")

    assert len(scored.student) == len(scored.probe) >= 20
    assert set(scored.student) != set(scored.probe)


def test_too_few_rows_are_a_sentence_and_no_training(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    with pytest.raises(NothingToTuneOn, match=r"of 16 train rows fewer than 20 can be held out\. Nothing was tried"):
        score_settings(intents, [], [], Classification(), tiny_learning, where="tickets")
