"""Scoring the artefact that would be served."""

import time
from pathlib import Path

import pytest

from fsl.evaluation.scores import scoring
from fsl.evaluation.scores.scoring import score_predictor
from fsl.samples import Sample, Split
from fsl.serving.predictor import Prediction, Predictor


@pytest.fixture(scope="module")
def predictor(text_bundle: Path) -> Predictor:
    return Predictor.load(text_bundle)


def sample(row_id: str, text: str, target: str) -> Sample:
    return Sample(row_id, text, target, Split.JUDGE, row_id)


def test_a_sheet_holds_what_the_served_model_says_of_each_row(predictor: Predictor) -> None:
    texts = {"b": "where is my parcel", "a": "refund", "c": ""}
    said = {row: predictor.predict([text])[0].answer for row, text in texts.items()}
    samples = [
        sample(row, text, str(said[row].target) if row != "c" else "something else") for row, text in texts.items()
    ]

    sheet = score_predictor(predictor, samples, version="v-1", size_bytes=7)

    assert [(row.row_id, row.answer, row.confidence) for row in sheet.rows] == [
        (row, said[row].target, said[row].confidence) for row in ("a", "b", "c")
    ]
    assert [(row.truth, row.correct) for row in sheet.rows] == [
        (said["a"].target, True),
        (said["b"].target, True),
        ("something else", False),
    ]
    assert (sheet.version, sheet.labels, sheet.size_bytes) == ("v-1", ("parcel", "refund", "退款"), 7)
    assert 0.0 < sheet.latency_p50_ms <= sheet.latency_p95_ms


def test_each_row_is_asked_about_alone_in_order_of_ids(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    predict = predictor.predict
    monkeypatch.setattr(predictor, "predict", lambda texts: asked.append(list(texts)) or predict(texts))

    score_predictor(predictor, [sample("b", "one", "x"), sample("a", "two", "x")], version="v-1", size_bytes=7)

    assert asked == [["two"], ["one"]]


def test_no_rows_make_an_empty_sheet(predictor: Predictor) -> None:
    sheet = score_predictor(predictor, [], version="v-1", size_bytes=7)

    assert (sheet.rows, sheet.latency_p50_ms, sheet.latency_p95_ms) == ((), 0.0, 0.0)


@pytest.mark.parametrize(("slow_times", "is_slow"), [(1, False), (99, True)])
def test_only_a_text_that_is_slow_each_time_makes_a_model_slow(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, slow_times: int, is_slow: bool
) -> None:
    left, predict = {"where": slow_times}, predictor.predict

    def answer(texts: list[str]) -> list[Prediction]:
        if texts == ["where"] and left["where"]:
            left["where"] -= 1
            time.sleep(0.5)
        return predict(texts)

    monkeypatch.setattr(predictor, "predict", answer)
    samples = [sample(str(number), text, "x") for number, text in enumerate(["where", "one", "two", "three"])]

    sheet = score_predictor(predictor, samples, version="v-1", size_bytes=7)

    # Of four values, the 95th percentile lies 85 % of the way from the third to the largest.
    assert (sheet.latency_p95_ms > 0.85 * 500) is is_slow
    assert len(sheet.rows) == 4


def test_of_many_texts_only_the_slowest_few_are_timed_again(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_TIMED_AGAIN", 3)
    asked, predict = [], predictor.predict
    monkeypatch.setattr(predictor, "predict", lambda texts: asked.append(texts[0]) or predict(texts))

    score_predictor(predictor, [sample(str(row), f"text {row}", "x") for row in range(40)], version="v-1", size_bytes=7)

    assert len(asked) == 40 + 3 * scoring.N_MORE_TIMES
