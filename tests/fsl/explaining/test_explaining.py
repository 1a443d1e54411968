"""The words that carried an answer, and the rows nearest to it, on a real tiny model."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fsl.explaining.errors import NothingToExplain
from fsl.explaining.explainer import Explainer
from fsl.explaining.neighbours import TrainIndex, build_index, find_neighbours
from fsl.explaining.occlusion import MAX_PARTS, split_words, weigh_words
from fsl.explaining.page import build_explanation
from fsl.explaining.record import Explanation, Neighbour, WordWeight
from fsl.samples import Sample, Split
from fsl.serving.predictor import Predictor

HOSTILE = "<script>alert(1)</script> \x1b[31m =cmd|' /C calc'!A0 \u202etxt.exe"


@pytest.fixture(scope="module")
def predictor(text_bundle: Path) -> Predictor:
    return Predictor.load(text_bundle)


def rows(*texts: str) -> list[Sample]:
    return [Sample(f"row-{n}", text, f"label-{n}", Split.TRAIN, str(n)) for n, text in enumerate(texts)]


def test_a_words_weight_is_what_the_answer_loses_without_it(predictor: Predictor) -> None:
    text = "where is my parcel"

    found = weigh_words(predictor, text)

    whole, without = predictor.predict([text])[0].answer, "where is my "
    column = predictor.outputs.index(str(whole.target))
    rest = float(predictor.probabilities(predictor.read([without]))[1][0, column])
    assert [text[one.start : one.end] for one in found] == ["where", "is", "my", "parcel"]
    assert found[3].weight == pytest.approx(whole.confidence - rest, abs=1e-5)


def test_int8_graphs_are_asked_one_text_at_a_time(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    run = predictor.probabilities
    monkeypatch.setattr(predictor, "probabilities", lambda batch: sizes.append(len(batch)) or run(batch))
    weigh_words(predictor, "where is my parcel")
    monkeypatch.setattr(predictor, "batch_size", 1)

    weigh_words(predictor, "where is my parcel")

    assert sizes == [5, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't stop, half-way!", ["don't", "stop", "half-way"]),
        ("退款ok了", ["退", "款", "ok", "了"]),
        ("👩‍💻 …", []),
        ("", []),
    ],
)
def test_words_are_split_in_any_script(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in split_words(text)] == words


def test_a_long_text_costs_no_more_than_its_parts(predictor: Predictor) -> None:
    text = "parcel " * 1000

    found = weigh_words(predictor, text)

    assert len(found) == MAX_PARTS
    assert (found[0].start, found[-1].end) == (0, len(text) - 1)
    assert all(one.end < after.start for one, after in pairwise(found))


def test_the_nearest_row_to_a_training_text_is_itself(predictor: Predictor, tmp_path: Path) -> None:
    train = rows("refund my money", "where is my parcel", "hello there")

    index = build_index(predictor, train, tmp_path)
    found = find_neighbours(index, predictor.predict(["where is my parcel"])[0].embedding, n=2)

    assert (found[0].text, found[0].target) == ("where is my parcel", "label-1")
    assert found[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert len(found) == 2


def test_embeddings_are_kept_for_the_next_time_and_made_again_where_damaged(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = rows("refund my money", "hello there")
    first = build_index(predictor, train, tmp_path)
    asked: list[int] = []
    predict = predictor.predict
    monkeypatch.setattr(predictor, "predict", lambda texts: asked.append(len(texts)) or predict(texts))

    assert np.array_equal(build_index(predictor, train, tmp_path).vectors, first.vectors)
    assert asked == []
    (file,) = (tmp_path / "embeddings").iterdir()
    file.write_bytes(b"\x93NUMPY no array")
    assert np.array_equal(build_index(predictor, train, tmp_path).vectors, first.vectors)
    assert asked == [2]


def test_a_text_without_words_is_answered_in_a_sentence(predictor: Predictor) -> None:
    explainer = Explainer(predictor, TrainIndex((), np.zeros((0, 32), np.float32), 0))

    with pytest.raises(NothingToExplain, match="holds no word"):
        explainer.explain("?!")
    assert explainer.explain("hello").neighbours == ()


def test_an_explanation_on_a_page_marks_words_and_leaves_hostile_texts_inert() -> None:
    words = (WordWeight(1, 7, 0.4), WordWeight(8, 13, -0.05), WordWeight(14, 15, float("nan")))
    made = build_explanation(Explanation(HOSTILE, HOSTILE, 0.9, words, (Neighbour(HOSTILE, HOSTILE, 0.5),), 1, 1))

    assert '<mark class="for strong" title="+40.0 points">script</mark>' in made
    assert '<mark class="against" title="-5.0 points">alert</mark>' in made
    assert "<script" not in made
    assert not {"\x1b", "\u202e"} & set(made)
