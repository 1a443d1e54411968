"""From accepted samples to what a fit reads."""

from pathlib import Path

import numpy as np
import pytest

from fsl.learning.errors import TooFewLabels, TooFewRows
from fsl.learning.training.lessons import learnable_labels, read_lessons, split_by_text, stack_targets, with_soft_labels
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample, Split
from fsl.tokenization import TextReader


def sample(text: str, target: object) -> Sample:
    return Sample(text, text, target, Split.TRAIN, text)  # type: ignore[arg-type]


def labelled(*labels: str) -> list[Sample]:
    return [sample(f"text {row}", label) for row, label in enumerate(labels)]


@pytest.fixture(scope="module")
def words(tokenizer_file: Path) -> TextReader:
    return TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=24)


@pytest.fixture(scope="module")
def texts(tokenizer_file: Path) -> TextReader:
    return TextReader.from_file(tokenizer_file, unit="text", max_length_tokens=24)


def test_the_labels_of_train_rows_are_learnt_in_one_order() -> None:
    assert learnable_labels(labelled("b", "a", "b", "a"), Classification(), where="here") == ("a", "b")


def test_a_label_of_one_row_is_learnt_where_there_are_two_rows_a_label_in_all() -> None:
    assert learnable_labels(labelled("a", "a", "a", "b"), Classification(), where="here") == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((), r"the train rows in tickets show no label, but 2 are needed to learn"),
        (
            ("a",) * 50,
            r"the train rows in tickets show only the label 'a', but 2 are needed to learn\. Label rows of an",
        ),
    ],
)
def test_one_label_leaves_nothing_to_tell_apart(labels: tuple[str, ...], words: str) -> None:
    with pytest.raises(TooFewLabels, match=words):
        learnable_labels(labelled(*labels), Classification(), where="tickets")


def test_fewer_than_two_rows_a_label_say_how_many_more_are_needed() -> None:
    with pytest.raises(TooFewRows, match=r"5 train rows for 3 labels in tickets, but 6 are needed .* Label 1 more"):
        learnable_labels(labelled("a", "b", "c", "c", "c"), Classification(), where="tickets")


def test_one_label_is_enough_for_tagging_since_a_word_may_have_none() -> None:
    rows = [sample("acme anna", [[0, 4, "ORG"]]), sample("hello", [])]

    assert learnable_labels(rows, Tagging(), where="here") == ("ORG",)
    with pytest.raises(TooFewLabels, match="show no label, but 1 are needed"):
        learnable_labels([sample("hello", [])] * 4, Tagging(), where="here")


def test_a_lesson_holds_a_target_for_each_unit(texts: TextReader, words: TextReader) -> None:
    (text,) = read_lessons([sample("where is my parcel", "b")], texts, Classification(), ("a", "b"))
    (tagged,) = read_lessons([sample("hello acme", [[6, 10, "ORG"]])], words, Tagging(), ("ORG", "PER"))

    assert text.targets is not None
    assert tagged.targets is not None
    assert (text.targets.tolist(), tagged.targets.tolist()) == ([1], [0, 1])
    assert text.soft_labels is tagged.soft_labels is None


def test_a_target_with_a_label_that_is_not_learnt_counts_as_none(texts: TextReader, words: TextReader) -> None:
    rows = [sample("hello", "new"), sample("hello", None), sample("hello", "a")]
    lessons = read_lessons(rows, texts, Classification(), ("a", "b"))
    (tagged,) = read_lessons([sample("acme anna", [[0, 4, "ORG"], [5, 9, "NEW"]])], words, Tagging(), ("ORG",))

    assert [lesson.targets is None for lesson in lessons] == [True, True, False]
    assert tagged.targets is None


def test_no_spans_is_a_target_and_no_target_is_none(words: TextReader) -> None:
    none, unknown = read_lessons([sample("hello there", []), sample("hello there", None)], words, Tagging(), ("ORG",))

    assert none.targets is not None
    assert none.targets.tolist() == [0, 0]
    assert unknown.targets is None


def test_a_text_of_no_units_has_a_target_of_no_rows(words: TextReader) -> None:
    (lesson,) = read_lessons([sample("\u200b", [])], words, Tagging(), ("ORG",))

    assert lesson.targets is not None
    assert lesson.targets.shape == (0,)


def test_what_is_stacked_over_texts_is_cut_apart_again(words: TextReader) -> None:
    rows = [sample("hello acme", [[6, 10, "ORG"]]), sample("\u200b", []), sample("anna", [])]
    lessons = read_lessons(rows, words, Tagging(), ("ORG",))

    stacked = stack_targets(lessons)
    parts = split_by_text(stacked.astype(np.float32), lessons)

    assert stacked.tolist() == [0, 1, 0]
    assert [part.tolist() for part in parts] == [[0, 1], [], [0]]
    assert split_by_text(np.empty((0, 3), np.float32), []) == []
    assert (stack_targets([]).shape, stack_targets([]).dtype) == ((0,), np.int64)


def test_soft_labels_are_added_one_array_to_a_text(words: TextReader) -> None:
    lessons = read_lessons([sample("hello", [])], words, Tagging(), ("ORG",))
    soft = np.array([[0.5, 0.25, 0.25]], np.float32)

    (taught,) = with_soft_labels(lessons, [soft])

    assert taught.soft_labels is soft
    assert taught.targets is lessons[0].targets
    with pytest.raises(ValueError, match="shorter"):
        with_soft_labels(lessons, [])
