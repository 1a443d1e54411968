"""Label names as rows of their own."""

import string

import numpy as np
import pytest

from fsl.config import LearningConfig
from fsl.learning.heads import choose_head
from fsl.learning.label_names import PREFIX, choose_name_rows, held_out_likelihood, name_rows, words_of
from fsl.learning.student import adapt_student
from fsl.learning.teacher import adapt_teacher
from fsl.learning.untouched import UntouchedStudent
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")


def clouds(n_rows: int, n_classes: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    targets = np.arange(n_rows) % n_classes
    vectors = np.eye(32)[targets] + np.random.default_rng(0).normal(scale=noise, size=(n_rows, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


def test_a_name_is_read_as_a_person_says_it() -> None:
    assert words_of("card_arrival") == "card arrival"
    assert words_of("退款--_") == "退款"


def test_a_label_without_a_letter_or_digit_has_no_row() -> None:
    assert [(row.text, row.target) for row in name_rows(["🙂", "…", "a_b", "退"])] == [("a b", "a_b"), ("退", "退")]


def test_names_that_lie_among_their_texts_make_held_out_rows_likelier_and_mixed_up_ones_do_not() -> None:
    vectors, targets = clouds(40, 8, noise=0.35)
    axes = np.eye(32, dtype=np.float32)[:8]

    def likelihood(names: np.ndarray, use_rest: bool) -> float:
        both, of = np.concatenate([vectors, names]), np.concatenate([targets, np.arange(8)])
        return held_out_likelihood(both, of, 8, n_real=40, use_rest=use_rest, seed=0)

    without = likelihood(axes, use_rest=False)

    assert likelihood(axes, use_rest=True) > without
    assert likelihood(np.roll(axes, 1, axis=0), use_rest=True) < without


def test_rows_that_are_always_fitted_are_never_asked_about() -> None:
    vectors, targets = clouds(48, 8, noise=0.35)

    chosen = choose_head(vectors, targets, 8, seed=0, n_always=8)

    assert chosen.winner is not None
    assert len(chosen.winner.log_likelihoods) == 48
    assert np.isnan(chosen.winner.log_likelihoods[40:]).all()
    assert not np.isnan(chosen.winner.log_likelihoods[:40]).any()


def test_few_rows_many_rows_and_spans_use_no_names(tiny_learning: LearningConfig) -> None:
    def chosen(n_rows: int, problem: Classification | Tagging) -> list[Sample]:
        train = [Sample(str(row), "refund", "a" if row % 2 else "b", Split.TRAIN, str(row)) for row in range(n_rows)]
        return choose_name_rows(train, ("a", "b"), problem, tiny_learning, UntouchedStudent(tiny_learning.encoder))

    assert chosen(19, Classification()) == chosen(100, Classification()) == chosen(30, Tagging()) == []


def test_names_that_are_switched_off_are_not_asked_about(
    tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = [Sample(str(row), "refund", "a" if row % 2 else "b", Split.TRAIN, str(row)) for row in range(30)]
    student = UntouchedStudent(tiny_learning.encoder)
    asked: list[bool] = []
    monkeypatch.setattr(
        "fsl.learning.label_names.held_out_likelihood",
        lambda *rest, use_rest, **named: asked.append(use_rest) or float(use_rest),
    )

    assert len(choose_name_rows(train, ("a", "b"), Classification(), tiny_learning, student)) == 2
    assert asked == [False, True]
    off = tiny_learning.model_copy(update={"label_names": "off"})
    assert choose_name_rows(train, ("a", "b"), Classification(), off, student) == []
    assert asked == [False, True]


def test_teacher_student_and_probe_learn_from_the_same_names(
    tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = [
        Sample(
            letter,
            f"{'refund money' if row % 2 else 'where parcel'} {letter}",
            ("parcel", "refund")[row % 2],
            Split.TRAIN,
            letter,
        )
        for row, letter in enumerate(string.ascii_lowercase)
    ]
    short = {"epochs": 1, "batch_size": 16}
    config = tiny_learning.model_copy(
        update={
            "teacher": tiny_learning.teacher.model_copy(update=short),
            "student": tiny_learning.student.model_copy(update=short),
            "budget_minutes": 0.0,
        }
    )
    likelier = iter((-1.0, -0.5))  # without, with
    monkeypatch.setattr("fsl.learning.label_names.held_out_likelihood", lambda *rest, **named: next(likelier))

    soft = adapt_teacher(train, [], [], Classification(), config, where="here")
    student = adapt_student(train, [], [], soft, Classification(), config)

    assert {row for row in soft.by_row if row.startswith(PREFIX)} == {PREFIX + "parcel", PREFIX + "refund"}
    assert len(soft.by_row) == 28
    assert student.choice.winner == "probe"
