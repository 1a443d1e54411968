"""What is asked of a bundle beyond judge rows: each figure against one worked by hand on a real tiny model."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue, ValidationError

from fsl.config import BehaviourConfig, GateConfig, RunConfig, SliceConfig
from fsl.evaluation.examination.behaviour import check_behaviour
from fsl.evaluation.examination.examining import examine_bundle
from fsl.evaluation.examination.memory import measure_peak_memory
from fsl.evaluation.examination.robustness import measure_robustness
from fsl.evaluation.examination.slices import measure_slice, swap_words
from fsl.evaluation.scores.metrics import score_sheet
from fsl.evaluation.scores.records import ScoreSheet
from fsl.evaluation.scores.scoring import score_predictor
from fsl.problems.base import Answer
from fsl.samples import Sample, Split
from fsl.serving.predictor import Prediction, Predictor

TEXTS = ("where is my parcel", "refund my money please", "He said hello there", "退款什么时候到账")


@pytest.fixture(scope="module")
def predictor(text_bundle: Path) -> Predictor:
    return Predictor.load(text_bundle)


def samples_of(predictor: Predictor) -> list[Sample]:
    """Samples whose truth is what the model says, so that each is right before it is changed."""
    return [
        Sample(f"row-{row}", text, predictor.predict([text])[0].answer.target, Split.JUDGE, str(row))
        for row, text in enumerate(TEXTS)
    ]


class Keyword(Predictor):
    """Answers `refund` where the text holds the word money, in small letters, and `parcel` elsewhere."""

    def __init__(self, real: Predictor) -> None:
        self.__dict__.update(real.__dict__)

    def predict(self, texts: list[str]) -> list[Prediction]:  # type: ignore[override]
        import numpy as np

        said = ["refund" if "money" in text else "parcel" for text in texts]
        return [Prediction(Answer(one, 0.75, 0.5), np.zeros(2, np.float32)) for one in said]


@pytest.fixture
def keyword(predictor: Predictor) -> Keyword:
    return Keyword(predictor)


def rows_of(texts: dict[str, str]) -> list[Sample]:
    return [Sample(row, text, "refund", Split.JUDGE, row) for row, text in texts.items()]


def test_robustness_counts_changed_answers_and_what_stays_right(keyword: Keyword) -> None:
    samples = rows_of({"a": "my money, please", "b": "my parcel, please"})
    sheet = score_predictor(keyword, samples, version="v", size_bytes=1)

    found = {one.name: one for one in measure_robustness(keyword, samples, sheet.rows, n_texts=10)}

    case = found["case"]  # "MY MONEY" is no money any more; the parcel stays what it was, wrongly
    assert (case.n_texts, case.n_changed, case.n_right_before, case.n_right_after) == (2, 1, 1, 0)
    assert (found["punctuation"].n_changed, found["noise"].n_changed) == (0, 0)
    assert set(found) == {"typos", "case", "punctuation", "noise"}


def test_robustness_asks_about_no_more_texts_than_it_is_told(keyword: Keyword) -> None:
    samples = rows_of({f"{n:02}": f"my money {n}" for n in range(9)})
    sheet = score_predictor(keyword, samples, version="v", size_bytes=1)

    assert {one.n_texts for one in measure_robustness(keyword, samples, sheet.rows, n_texts=4)} == {4}
    assert measure_robustness(keyword, samples, sheet.rows, n_texts=0) == ()


def test_spans_of_a_changed_text_are_followed(word_bundle: Path) -> None:
    predictor = Predictor.load(word_bundle)
    text = "acme is where anna is"
    answer = predictor.predict([text])[0].answer.target
    samples = [Sample("a", text, answer, Split.JUDGE, "a")]
    sheet = score_predictor(predictor, samples, version="v", size_bytes=1)

    found = {one.name: one for one in measure_robustness(predictor, samples, sheet.rows, n_texts=5)}

    # This tokenizer makes everything small, so capitals change no answer, wherever its spans went.
    assert (found["case"].n_texts, found["case"].n_changed, found["case"].n_right_after) == (1, 0, 1)


def test_a_check_of_behaviour_counts_the_texts_that_fail_and_shows_them(keyword: Keyword) -> None:
    label = BehaviourConfig(name="asks for money", texts=("my money", "my cash", "Money"), expect="refund")
    pairs = BehaviourConfig(
        name="names", pairs=(("Anna wants money", "Omar wants money"), ("money", "MONEY")), expect="same"
    )
    whole = BehaviourConfig(name="alike", texts=("a", "b", "money"), expect="same")

    found = [check_behaviour(keyword, check) for check in (label, pairs, whole)]

    assert [(one.n_cases, one.n_failed) for one in found] == [(3, 2), (2, 1), (1, 1)]
    assert found[0].examples == ("“my cash” got parcel", "“Money” got parcel")
    assert found[1].examples == ("“MONEY” got parcel, but “money” got refund",)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"name": "x", "expect": "same"}, "neither texts nor pairs"),
        ({"name": "x", "pairs": [["a", "b"]], "expect": "refund"}, "must expect `same`"),
    ],
)
def test_a_check_that_asks_nothing_is_refused_in_words(check: dict[str, JsonValue], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GateConfig.model_validate({"behaviour": [check]})
    with pytest.raises(ValidationError, match="no words, swaps or column"):
        GateConfig.model_validate({"slices": [{"name": "x"}]})


def test_a_slice_holds_rows_with_its_words_alone_and_swaps_them(keyword: Keyword) -> None:
    texts = {"a": "He lost money", "b": "The heroes came", "c": "money for HER", "d": "nobody"}
    sheet = score_predictor(keyword, rows_of(texts), version="v", size_bytes=1)
    config = SliceConfig(name="gender", swaps=(("he", "she"), ("his", "her")))

    found = measure_slice(keyword, config, {one.row_id: one for one in rows_of(texts)}, sheet.rows, n_texts=10)

    assert found.row_ids == ("a", "c")
    assert (found.n_swapped, found.n_changed, found.examples) == (2, 0, ())


def test_a_swap_that_changes_an_answer_is_counted_and_shown(keyword: Keyword) -> None:
    texts = {"a": "Money and money", "b": "cash"}
    sheet = score_predictor(keyword, rows_of(texts), version="v", size_bytes=1)
    config = SliceConfig(name="words", swaps=(("money", "cash"),))

    found = measure_slice(keyword, config, {one.row_id: one for one in rows_of(texts)}, sheet.rows, n_texts=10)

    assert (found.n_swapped, found.n_changed) == (2, 2)
    assert found.examples[0] == "row a got refund; with the other words it got parcel"


def test_swapped_words_keep_their_case_and_leave_others_alone() -> None:
    swaps = (("he", "she"), ("男", "女"))

    assert swap_words("He, SHE and the hero", swaps).text == "She, HE and the hero"
    assert swap_words("男人和女人", swaps).text == "女人和男人"
    assert swap_words("nothing", swaps).text == "nothing"


def test_an_examination_comes_back_with_its_sheet_and_old_sheets_are_read_without_one(
    predictor: Predictor, text_bundle: Path
) -> None:
    samples = samples_of(predictor)
    gate = GateConfig(slices=(SliceConfig(name="money", words=("money", "退款")),), out_of_scope=("hello", "cafe"))
    sheet = score_predictor(predictor, samples, version="v-1", size_bytes=7)

    found = examine_bundle(predictor, text_bundle, samples, sheet, gate)
    whole = ScoreSheet(*[getattr(sheet, name) for name in ScoreSheet.__dataclass_fields__][:-1], found)

    assert ScoreSheet.from_json(whole.to_json()) == whole
    old = {key: value for key, value in sheet.to_json().items() if key != "examination"}
    assert ScoreSheet.from_json(old) == sheet
    scores = score_sheet(whole, predictor.problem)
    assert [(one.name, one.n_rows, one.accuracy.value, one.n_rest) for one in scores.slices] == [("money", 2, 1.0, 2)]
    assert scores.out_of_scope is not None
    assert scores.out_of_scope.separation.n_second == 2


def test_memory_is_that_of_a_process_which_only_answers(text_bundle: Path, tmp_path: Path) -> None:
    ballast = bytearray(b"x") * 500_000_000  # what the asking process holds is not the bundle's

    found = measure_peak_memory(text_bundle, TEXTS)

    assert found is not None
    assert 20_000_000 < found < len(ballast)
    assert measure_peak_memory(tmp_path, TEXTS) is None  # no bundle: not measured, and no error


def test_a_slice_by_column_holds_the_rows_that_carry_its_values(keyword: Keyword) -> None:
    texts = {"a": "money", "b": "cash", "c": "nobody", "d": "parcel"}
    carried = {"a": {"channel": "email"}, "b": {"channel": "phone"}, "c": {"channel": "邮件"}, "d": {}}
    samples = {one.row_id: replace(one, attributes=carried[one.row_id]) for one in rows_of(texts)}
    sheet = score_predictor(keyword, rows_of(texts), version="v", size_bytes=1)
    config = SliceConfig(name="mail", column="channel", values=("email", "邮件"))

    found = measure_slice(keyword, config, samples, sheet.rows, n_texts=10)

    assert (found.row_ids, found.n_swapped) == (("a", "c"), 0)


def test_a_column_needs_values_and_to_be_kept() -> None:
    with pytest.raises(ValidationError, match="needs `column` and `values` together"):
        SliceConfig(name="mail", column="channel")
    one = SliceConfig(name="mail", column="channel", values=("email",))
    with pytest.raises(ValidationError, match=r"looks at 'channel'; list it in data\.attribute_columns"):
        RunConfig(project="tickets", gate=GateConfig(slices=(one,)))
