"""What must not stop a run, or must stop it with a sentence: the odd inputs that few labels bring."""

import dataclasses

import numpy as np
import pytest

from fsl.config import EncoderConfig, LearningConfig
from fsl.learning.encoders import load_encoder
from fsl.learning.errors import EncoderNotFound, TooFewLabels, TooFewRows
from fsl.learning.student import Student, adapt_student
from fsl.learning.teacher import SoftLabels, adapt_teacher
from fsl.learning.training.lessons import read_lessons
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def quick(tiny_learning: LearningConfig) -> LearningConfig:
    """One short epoch of each fit, and no rehearsal."""
    short = {"epochs": 1, "batch_size": 16}
    teacher, student = tiny_learning.teacher.model_copy(update=short), tiny_learning.student.model_copy(update=short)
    return tiny_learning.model_copy(update={"teacher": teacher, "student": student, "budget_minutes": 0.0})


def rows(*pairs: tuple[str, str]) -> list[Sample]:
    return [Sample(f"r{row}", text, label, Split.TRAIN, f"g{row}") for row, (text, label) in enumerate(pairs)]


def learn(train: list[Sample], config: LearningConfig, pool: tuple[Sample, ...] = ()) -> tuple[SoftLabels, Student]:
    soft = adapt_teacher(train, [], pool, Classification(), config, where="tickets")
    return soft, adapt_student(train, [], pool, soft, Classification(), config)


def test_one_label_and_two_rows_stop_with_what_to_do(quick: LearningConfig) -> None:
    with pytest.raises(TooFewLabels, match=r"show only the label 'a', but 2 are needed to learn\. Label rows"):
        learn(rows(*[("hello", "a")] * 9), quick)
    with pytest.raises(TooFewRows, match=r"there are 2 train rows for 2 labels in tickets, .* Label 2 more"):
        learn(rows(("hello", "a"), ("money", "b")), quick)


def test_a_label_with_one_row_is_learnt_beside_the_others(quick: LearningConfig) -> None:
    train = rows(*[(f"refund {letter}", "a") for letter in "abcdef"], *[(f"parcel {one}", "b") for one in "abcdef"])
    lonely = Sample("r99", "where is anna", "c", Split.TRAIN, "g99")

    soft, student = learn([*train, lonely], quick)

    assert soft.labels == student.labels == ("a", "b", "c")
    assert student.choice.winner == "probe"


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_texts_all_alike_and_one_text_with_two_labels_break_nothing(quick: LearningConfig) -> None:
    alike = Sample("p", "hello", None, Split.TRAIN, "p")

    soft, student = learn(rows(*[("hello", "a"), ("hello", "b")] * 12), quick, pool=(alike,) * 3)

    assert all(np.isfinite(array).all() for array in soft.by_row.values())
    assert np.isfinite(student.head.weight).all()


def test_texts_longer_than_the_encoder_are_cut_and_learnt(quick: LearningConfig) -> None:
    train = rows(*[(f"{word} {letter} " + "please " * 400, word) for word in ("refund", "parcel") for letter in "abcd"])

    soft, student = learn(train, quick)

    assert set(soft.by_row) == {sample.row_id for sample in train}
    assert student.max_length_tokens < 400


def test_labels_that_tokenise_to_nothing_are_learnt_like_others(quick: LearningConfig) -> None:
    labels = ("🙂", "…", "\u00ad退")

    soft, _ = learn(
        rows(
            *[
                (f"{word} {one}", label)
                for word, label in zip(("refund", "parcel", "anna"), labels, strict=True)
                for one in "abc"
            ]
        ),
        quick,
    )

    assert set(soft.labels) == set(labels)


def test_spans_out_of_step_with_words_and_past_the_cut_give_each_word_one_target(quick: LearningConfig) -> None:
    cut_off = quick.encoder.model_copy(update={"max_windows": 1})
    reader = load_encoder(cut_off, role="student", unit="word").reader("word")
    long = "acme " * 60
    samples = [
        Sample("half", "hello acme", [[7, 9, "ORG"]], Split.TRAIN, "1"),  # the middle of a word
        Sample("space", "hello acme", [[5, 6, "ORG"]], Split.TRAIN, "2"),  # between two words
        Sample("cut", long, [[290, 294, "ORG"]], Split.TRAIN, "3"),  # behind what the encoder reads
    ]

    half, space, cut = read_lessons(samples, reader, Tagging(), ("ORG",))

    assert half.targets is not None
    assert space.targets is not None
    assert cut.targets is not None
    assert (half.targets.tolist(), space.targets.tolist()) == ([0, 1], [0, 0])
    assert len(cut.targets) == len(cut.encoded.units) < 60
    assert not cut.targets.any()


def test_a_student_that_diverges_costs_a_candidate_and_the_probe_ships_with_the_reason(
    intents: list[Sample], quick: LearningConfig
) -> None:
    soft = adapt_teacher(intents, [], [], Classification(), quick, where="here")
    wild = quick.student.model_copy(update={"learning_rate": 1e30, "warmup_share": 0.0})
    tune = [dataclasses.replace(row, row_id=f"t{place}") for place, row in enumerate([*intents, *intents])]

    student = adapt_student(intents, tune, [], soft, Classification(), quick.model_copy(update={"student": wild}))

    assert student.choice.winner == "probe"
    assert student.choice.reason == "no trained candidate has a score, so the probe ships"
    assert "Lower `learning.student.learning_rate`" in student.candidates[1].note


def test_a_hub_that_cannot_be_reached_says_what_is_packaged_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(EncoderNotFound) as caught:
        load_encoder(EncoderConfig(teacher="nobody/has-this"), role="teacher", unit="text")

    assert "the encoder 'nobody/has-this' cannot be loaded" in str(caught.value)
    assert "reach the hub once so that it is cached, or use the packaged one: 'packaged:all-MiniLM-L6-v2'" in str(
        caught.value
    )
