"""The predictor: any text gets an answer, and always the same one."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.export.quantising import Recipe, quantise_encoder
from fsl.learning.encoders import embed
from fsl.learning.student import Student
from fsl.problems.tagging import as_spans
from fsl.serving.bundle import read_facts, write_facts
from fsl.serving.errors import UnreadableText
from fsl.serving.predictor import TOKENS_TOGETHER, Predictor
from fsl.tokenization import Encoded

LABELS = {"parcel", "refund", "退款"}
TEXTS = [
    "",
    " ",
    "where is my parcel",
    "\x00",
    "hello\x00there",
    "🙂👨\u200d👩\u200d👧🏳️\u200d🌈",
    "\ud83d lone \udc00",
    "退款什么时候到账",
    "cafe\u0301 naïve",
    "\u202egnp.exe",
    "a" * 5000,
    "hello there " * 300,
]
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


@pytest.fixture(scope="module")
def texts_of(text_bundle: Path) -> Predictor:
    return Predictor.load(text_bundle, n_threads=1)


@pytest.fixture(scope="module")
def words_of(word_bundle: Path) -> Predictor:
    return Predictor.load(word_bundle, n_threads=1)


@pytest.fixture(scope="module")
def int8_of(text_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("int8") / "bundle"
    shutil.copytree(text_bundle, folder)
    quantise_encoder(text_bundle / "encoder.onnx", folder / "encoder.onnx", Recipe("dynamic", "dynamic"))
    write_facts(folder, dataclasses.replace(read_facts(folder), precision="int8"))
    return Predictor.load(folder, n_threads=1)


@pytest.fixture(params=["texts_of", "words_of", "int8_of"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    found: Predictor = request.getfixturevalue(request.param)
    return found


def test_the_server_imports_nothing_that_trains_or_orchestrates() -> None:
    script = (
        "import sys\n"
        "import fsl.serving.predictor\n"
        "heavy = {'torch', 'transformers', 'pandas', 'prefect', 'sklearn', 'scipy', 'boto3', 'onnx', 'pyarrow',\n"
        "         'onnxruntime', 'tokenizers'}\n"  # the last two are imported when a bundle is loaded
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_a_bundle_is_loaded_and_asked_without_anything_that_trains(text_bundle: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from fsl.serving.predictor import Predictor\n"
        "found = Predictor.load(pathlib.Path(sys.argv[1])).predict(['where is my parcel'])\n"
        "heavy = {'torch', 'transformers', 'pandas', 'prefect', 'sklearn', 'scipy', 'boto3', 'onnx', 'pyarrow'}\n"
        "print(len(found), sorted(heavy & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script, str(text_bundle)], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.returncode) == ("1 []", 0), done.stderr


def test_an_answer_is_what_the_student_computes(texts_of: Predictor, text_student: Student) -> None:
    encoded = texts_of.read(TEXTS)
    vectors = embed(text_student.network, texts_of.reader, encoded)
    expected = np.exp(text_student.head.log_probabilities(vectors))

    predictions = texts_of.predict(TEXTS)

    for prediction, own, vector in zip(predictions, expected, vectors, strict=True):
        assert prediction.answer.target == sorted(LABELS)[int(own.argmax())]
        assert prediction.answer.confidence == pytest.approx(own.max(), abs=1e-4)
        assert prediction.answer.margin == pytest.approx(own.max() - np.sort(own)[-2], abs=1e-4)
        assert prediction.embedding == pytest.approx(vector, abs=1e-4)


def test_so_many_texts_run_together_as_fit_into_a_processors_cache(texts_of: Predictor) -> None:
    lengths = [4] * 50 + [16] * 12 + [24] * 7
    encoded = [Encoded([1] * length, ((0, 1),), (0,)) for length in reversed(lengths)]

    batches = [[len(encoded[row]) for row in rows] for rows in texts_of._batches(encoded)]

    assert sorted(length for batch in batches for length in batch) == lengths
    assert [(len(batch), max(batch)) for batch in batches] == [(32, 4), (18, 4), (10, 16), (6, 24), (3, 24)]
    assert all(len(batch) <= 32 and len(batch) * max(batch) <= TOKENS_TOGETHER for batch in batches)
    assert len(list(texts_of._batches([Encoded([1] * 999, ((0, 1),), (0,))]))) == 1  # one that is too long alone


def test_answers_stand_in_the_order_of_their_texts(predictor: Predictor) -> None:
    many = (TEXTS * 7)[:80]  # more than a batch, of many lengths

    answers = [prediction.answer.target for prediction in predictor.predict(many)]

    alone = {text: predictor.predict([text])[0].answer.target for text in TEXTS}
    assert answers == [alone[text] for text in many]
    assert len({str(answer) for answer in answers}) > 1


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_has_an_answer(predictor: Predictor, text: str) -> None:
    (prediction,) = predictor.predict([text])

    assert 0.0 <= prediction.answer.margin <= prediction.answer.confidence <= 1.0 + 1e-6
    assert prediction.embedding.shape == (32,)
    assert np.isfinite(prediction.embedding).all()


def test_a_text_of_a_hundred_thousand_characters_is_read_as_far_as_the_encoder_reads(predictor: Predictor) -> None:
    long = "where is my parcel " * 5300
    assert len(long) > 100_000

    (prediction,) = predictor.predict([long])

    assert prediction.answer == predictor.predict([long[:1000]])[0].answer


def test_a_long_text_is_read_to_its_end_and_not_only_at_its_beginning(texts_of: Predictor, words_of: Predictor) -> None:
    beginning = "hello there " * 11  # as much as one window holds
    (short, long) = texts_of.predict([beginning, beginning + "refund money back " * 22])
    (spans,) = words_of.read([beginning + "acme anna " * 22])

    assert np.abs(short.embedding - long.embedding).max() > 0.01
    assert np.linalg.norm(long.embedding) == pytest.approx(1.0, abs=1e-5)
    assert spans.units[-1] == (len(beginning) + 215, len(beginning) + 219)


def test_a_bundle_from_before_there_were_windows_cuts_a_long_text(text_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(text_bundle, folder)
    facts = json.loads((folder / "bundle.json").read_text())
    del facts["max_windows"]
    (folder / "bundle.json").write_text(json.dumps({**facts, "schema": 2}))
    predictor = Predictor.load(folder)

    first, whole = predictor.predict(["hello there " * 11, "hello there " * 11 + "refund money back " * 22])

    assert whole.answer == first.answer
    assert predictor.facts.vectors == predictor.facts.encoder  # what is stored of it still holds


def test_windows_of_int8_run_alone_too(int8_of: Predictor) -> None:
    seen: list[int] = []
    run = int8_of._encoder.run

    class Watched:
        def run(self, names: object, inputs: dict[str, Any]) -> Any:
            seen.append(len(inputs["input_ids"]))
            return run(names, inputs)

    int8_of._encoder, before = Watched(), int8_of._encoder
    try:
        int8_of.predict(["hello there " * 50, "anna"])
    finally:
        int8_of._encoder = before

    assert seen == [1] * 6


def test_no_texts_have_no_answers(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


@pytest.mark.parametrize(
    ("wrong", "name"), [(None, "NoneType"), (b"hello", "bytes"), (3, "int"), (float("nan"), "float"), (["a"], "list")]
)
def test_a_row_that_is_no_text_is_named(predictor: Predictor, wrong: Any, name: str) -> None:
    with pytest.raises(UnreadableText, match=f"row 2 is {name}, but a text is needed. Leave the row out") as caught:
        predictor.predict(["hello", "there", wrong, None])

    assert (caught.value.row, caught.value.got) == (2, name)


def test_rows_that_are_no_texts_get_an_error_in_their_place_and_spoil_no_other(predictor: Predictor) -> None:
    found = predictor.predict_rows(["hello", None, "where is my parcel", b"\x00", 3])

    errors = [one for one in found if isinstance(one, UnreadableText)]
    assert [(error.row, error.got) for error in errors] == [(1, "NoneType"), (3, "bytes"), (4, "int")]
    answers = [one.answer for one in found if not isinstance(one, UnreadableText)]
    assert answers == [one.answer for one in predictor.predict(["hello", "where is my parcel"])]


def test_ten_thousand_rows_at_once_are_answered(texts_of: Predictor) -> None:
    found = texts_of.predict(["hello", "where is my parcel"] * 5000)

    assert len(found) == 10_000
    assert len({one.answer.target for one in found[::2]}) == 1


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_no_text_is_found_on_which_predictor_and_torch_disagree(
    texts_of: Predictor, words_of: Predictor, text_student: Student, word_student: Student, texts: list[str]
) -> None:
    for predictor, student in ((texts_of, text_student), (words_of, word_student)):
        encoded = predictor.read(texts)
        expected = np.exp(student.head.log_probabilities(embed(student.network, predictor.reader, encoded)))

        vectors = np.concatenate(predictor.embed(encoded))

        assert predictor.probabilities(encoded)[1] == pytest.approx(expected, abs=1e-4)
        assert vectors == pytest.approx(embed(student.network, predictor.reader, encoded), abs=1e-4)


def test_a_text_in_place_of_a_list_of_them_is_not_read_letter_by_letter(predictor: Predictor) -> None:
    with pytest.raises(TypeError, match=r"a list of texts"):
        predictor.predict("hello")


@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT, beside=st.lists(ANY_TEXT, max_size=3))
def test_a_text_gets_the_same_answer_alone_as_beside_others(
    texts_of: Predictor, words_of: Predictor, int8_of: Predictor, text: str, beside: list[str]
) -> None:
    for predictor in (texts_of, words_of, int8_of):
        alone = predictor.predict([text])[0].answer
        together = predictor.predict([*beside, text])[-1].answer

        assert together.target == alone.target
        assert together.confidence == pytest.approx(alone.confidence, abs=1e-4)


def test_int8_answers_do_not_depend_on_their_neighbours_at_all(int8_of: Predictor) -> None:
    alone = [int8_of.predict([text])[0] for text in TEXTS]
    together = int8_of.predict(TEXTS)

    for one, other in zip(alone, together, strict=True):
        assert one.answer == other.answer
        assert np.array_equal(one.embedding, other.embedding)


class Oracle:
    """Stands in for a head: gives each word the output that the test wants it to have."""

    def __init__(self, tags: list[int]) -> None:
        self.tags = tags

    def run(self, names: object, inputs: dict[str, Any]) -> list[Any]:
        assert len(inputs["embeddings"]) == len(self.tags)
        return [np.eye(5, dtype=np.float32)[self.tags].reshape(-1, 5)]


@pytest.mark.parametrize(
    ("text", "tags", "spans"),
    [
        ("Café ÅSA pays ACME", [3, 4, 0, 1], {"Café ÅSA": "PER", "ACME": "ORG"}),
        ("cafe\u0301 pays acme\u0301!", [3, 0, 1, 0], {"cafe\u0301": "PER", "acme\u0301": "ORG"}),
        ("我找退款公司anna", [0, 0, 1, 2, 2, 2, 3], {"退款公司": "ORG", "anna": "PER"}),
        ("🙂 anna\ud800 🙂 acme", [0, 3, 0, 0, 1], {"anna": "PER", "acme": "ORG"}),
        ("\tanna\u3000\u3000acme\n", [3, 1], {"anna": "PER", "acme": "ORG"}),
        ("parcelsxyz", [1], {"parcelsxyz": "ORG"}),
    ],
)
def test_spans_are_cut_from_the_text_as_it_came(
    word_bundle: Path, text: str, tags: list[int], spans: dict[str, str]
) -> None:
    predictor = Predictor.load(word_bundle)
    predictor._head = Oracle(tags)

    (prediction,) = predictor.predict([text])

    assert {text[start:end]: label for start, end, label in as_spans(prediction.answer.target)} == spans


@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT)
def test_spans_lie_inside_their_text_in_order_and_do_not_overlap(words_of: Predictor, text: str) -> None:
    spans = as_spans(words_of.predict([text])[0].answer.target)

    edges = [edge for start, end, _ in spans for edge in (start, end)]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) and label in ("ORG", "PER") for start, end, label in spans)


@pytest.mark.parametrize("batch", [[""], ["", " "], ["", "acme anna", "\u200b"]])
def test_texts_without_words_hold_nothing_and_do_not_disturb_the_others(words_of: Predictor, batch: list[str]) -> None:
    predictions = words_of.predict(batch)

    for text, prediction in zip(batch, predictions, strict=True):
        if not text.strip(" \u200b"):
            assert (prediction.answer.target, prediction.answer.confidence) == ([], 1.0)
            assert prediction.embedding.tolist() == [0.0] * 32
    assert predictions[-1].answer == words_of.predict([batch[-1]])[0].answer


def test_a_texts_embedding_is_the_mean_of_its_words(words_of: Predictor) -> None:
    (encoded,) = words_of.read(["acme anna hello"])
    vectors, _ = words_of.probabilities([encoded])

    (prediction,) = words_of.predict(["acme anna hello"])

    assert prediction.embedding == pytest.approx(vectors.mean(axis=0), abs=1e-6)


@pytest.fixture(autouse=True)
def _quiet_about_nothing(recwarn: pytest.WarningsRecorder) -> Iterator[None]:
    """Answering never warns: a warning a row would fill a server's log."""
    yield
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]
