"""Which settings are tried, and what they look like in fsl.yaml."""

import pytest
import yaml

from fsl.config import LearningConfig
from fsl.learning.tuning.space import Between, OneOf, as_lines, present_values, rounded, settings_of, with_values
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging

CONFIG = LearningConfig.model_validate(
    {
        "teacher": {"learning_rate": 2e-5, "epochs": 1, "weight_contrastive": 0.3},
        "student": {"learning_rate": 1e-4, "epochs": 6},
        "distillation": {"sharpening": 3.0},
    }
)


@pytest.mark.parametrize("problem", [Classification(), Tagging()])
def test_the_present_values_lie_within_what_is_tried(problem: Classification | Tagging) -> None:
    settings = settings_of(CONFIG, problem)
    present = present_values(CONFIG, settings)

    assert set(present) == {one.path for one in settings}
    for one in settings:
        value = present[one.path]
        if isinstance(one, Between):
            assert isinstance(value, int | float)
            assert one.low <= value <= one.high
        else:
            assert value in one.options


def test_ranges_are_worked_from_the_present_values() -> None:
    by_path = {one.path: one for one in settings_of(CONFIG, Classification())}

    assert by_path["student.learning_rate"] == Between("student.learning_rate", 2.5e-5, 4e-4)
    assert by_path["student.epochs"] == Between("student.epochs", 3, 12, whole=True)
    assert by_path["teacher.epochs"] == Between("teacher.epochs", 1, 2, whole=True)
    assert by_path["teacher.weight_contrastive"] == OneOf("teacher.weight_contrastive", (0.0, 0.3, 1.0))
    assert by_path["student.weight_r_drop"] == OneOf("student.weight_r_drop", (0.0, 0.5))
    assert by_path["student.mixup"] == OneOf("student.mixup", (0.0, 0.4))
    assert by_path["distillation.sharpening"] == OneOf("distillation.sharpening", (1.0, 1.5, 2.0, 3.0))


def test_words_have_neither_cosines_nor_pairs_to_try() -> None:
    paths = {one.path for one in settings_of(CONFIG, Tagging())}

    assert not paths & {"distillation.head", "teacher.weight_contrastive", "student.mixup"}
    assert "student.weight_r_drop" in paths


def test_values_that_are_taken_over_change_nothing_else_and_are_checked() -> None:
    after = with_values(CONFIG, {"student.epochs": 9, "distillation.head": "cosine"})

    assert (after.student.epochs, after.distillation.head) == (9, "cosine")
    assert with_values(after, {"student.epochs": 6, "distillation.head": "linear"}) == CONFIG
    with pytest.raises(ValueError, match="greater than 0"):
        with_values(CONFIG, {"student.epochs": 0})


def test_the_lines_are_those_of_fsl_yaml() -> None:
    values = {"student.learning_rate": 0.00012, "student.epochs": 9, "distillation.head": "cosine"}

    lines = as_lines(values)

    assert lines.splitlines() == [
        "learning:",
        "  distillation:",
        "    head: cosine",
        "  student:",
        "    epochs: 9",
        "    learning_rate: 0.00012",
    ]
    assert LearningConfig.model_validate(yaml.safe_load(lines)["learning"]).student.learning_rate == 0.00012


def test_a_rate_is_what_is_shown_of_it() -> None:
    assert [rounded(value) for value in (0.000123456, 7, "cosine", 0.0)] == [0.00012, 7, "cosine", 0.0]


def test_a_teacher_that_stays_as_it_came_has_no_rate_and_no_epochs_to_try() -> None:
    frozen = LearningConfig.model_validate({"teacher": {"epochs": 0}})

    paths = {one.path for one in settings_of(frozen, Classification())}

    assert not paths & {"teacher.learning_rate", "teacher.epochs"}
    assert {"student.learning_rate", "student.epochs"} <= paths
