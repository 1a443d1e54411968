"""From texts to ids and units."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.problems.base import UnitKind
from fsl.tokenization import Encoded, TextReader, join_windows, windows_of


@pytest.fixture(scope="module")
def words(tokenizer_file: Path) -> TextReader:
    return TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=24)


@pytest.fixture(scope="module")
def texts(tokenizer_file: Path) -> TextReader:
    return TextReader.from_file(tokenizer_file, unit="text", max_length_tokens=24)


def words_of(reader: TextReader, text: str) -> list[str]:
    (encoded,) = reader.read([text])
    return [text[start:end] for start, end in encoded.units]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna is at the café", ["Anna", "is", "at", "the", "café"]),
        ("cafe\u0301 acme", ["cafe\u0301", "acme"]),
        ("ＡＣＭＥ naïve", ["ＡＣＭＥ", "naïve"]),
        ("我的退款呢 acme", ["我", "的", "退", "款", "呢", "acme"]),
        ("$5,000!", ["$", "5", ",", "000", "!"]),
        ("🙂 ok", ["🙂", "ok"]),
        ("👨\u200d👩\u200d👧 anna", ["👨\u200d👩\u200d👧", "anna"]),
        ("parcels", ["parcels"]),
    ],
)
def test_units_are_the_words_as_they_stand_in_the_text(words: TextReader, text: str, expected: list[str]) -> None:
    assert words_of(words, text) == expected


def test_a_word_of_several_tokens_is_one_unit_that_its_first_token_stands_for(words: TextReader) -> None:
    (encoded,) = words.read(["my parcels"])

    assert encoded.units == ((0, 2), (3, 10))  # [CLS] my parcel ##s [SEP]
    assert list(encoded.positions) == [1, 2]
    assert len(encoded) == 5


def test_a_tokenizer_that_counts_the_space_before_a_word_gives_the_word_alone() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {piece: index for index, piece in enumerate(("<unk>", "▁acme", "▁anna", "▁"))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()  # as sentencepiece's, so of XLM-R and DeBERTa

    assert words_of(TextReader(tokenizer, unit="word", max_length_tokens=24), "acme  anna ") == ["acme", "anna"]


def test_a_tokenizer_that_takes_an_accent_for_a_word_gives_words_that_do_not_overlap() -> None:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\p{L}+"), "isolated")  # as byte-level BPE's

    assert words_of(TextReader(tokenizer, unit="word", max_length_tokens=24), "cafe\u0301") == ["cafe", "\u0301"]


def test_a_lone_surrogate_becomes_one_character_so_offsets_stay_true(words: TextReader) -> None:
    text = "\ud83d\ud83d anna \udc00"

    assert words_of(words, text)[2:] == ["anna", "\udc00"]


def test_a_text_is_one_unit_from_end_to_end(texts: TextReader) -> None:
    empty, short = texts.read(["", "où est 🙂"])

    assert (empty.units, list(empty.positions)) == (((0, 0),), [0])
    assert (short.units, list(short.positions)) == (((0, 8),), [0])


def test_words_past_the_encoders_length_have_no_unit(words: TextReader) -> None:
    (encoded,) = words.read(["hello " * 100])

    assert len(encoded) == 24
    assert len(encoded.units) == 22  # [CLS] and [SEP] take two


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\n\t"])
def test_a_text_without_words_has_no_units(words: TextReader, text: str) -> None:
    (encoded,) = words.read([text])

    assert (encoded.units, list(encoded.positions)) == ((), [])


def test_a_batch_is_padded_to_its_longest_and_masked_beyond_each_end(texts: TextReader) -> None:
    ids, mask = texts.pad(texts.read(["hello", "where is my parcel"]))

    assert mask.tolist() == [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]]
    assert ids[0, 3:].tolist() == [texts.pad_id] * 3 == [0, 0, 0]
    assert (ids.dtype, mask.dtype) == (np.int64, np.int64)


def test_a_pad_token_is_found_wherever_the_vocabulary_has_it() -> None:
    from tokenizers import Tokenizer, models

    def reader(*pieces: str) -> TextReader:
        vocabulary = {piece: index for index, piece in enumerate(pieces)}
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=pieces[0]))
        return TextReader(tokenizer, unit="text", max_length_tokens=24)

    assert reader("<s>", "<pad>", "</s>").pad_id == 1
    assert reader("[UNK]", "hello").pad_id == 0


@pytest.mark.parametrize("unit", ["text", "word"])
def test_a_text_without_any_token_is_still_two_tokens_wide_and_attended_to(
    bare_tokenizer_file: Path, unit: UnitKind
) -> None:
    reader = TextReader.from_file(bare_tokenizer_file, unit=unit, max_length_tokens=24)

    ids, mask = reader.pad(reader.read([""]))

    # An encoder that attends to nothing answers NaN, and the exported graph takes two tokens at least.
    assert (ids.tolist(), mask.tolist()) == ([[0, 0]], [[1, 0]])


def test_a_single_token_is_padded_to_two(bare_tokenizer_file: Path) -> None:
    reader = TextReader.from_file(bare_tokenizer_file, unit="text", max_length_tokens=24)

    ids, mask = reader.pad(reader.read(["hello"]))

    assert (ids.shape, mask.tolist()) == ((1, 2), [[1, 0]])


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=40), max_size=4))
def test_units_lie_in_order_inside_any_text(tokenizer_file: Path, any_texts: list[str]) -> None:
    reader = TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=24)

    for text, encoded in zip(any_texts, reader.read(any_texts), strict=True):
        ends = [0, *(edge for unit in encoded.units for edge in unit)]
        assert ends == sorted(ends)
        assert ends[-1] <= len(text)
        assert all(start < end for start, end in encoded.units)
        assert len(encoded.positions) == len(encoded.units)
        assert all(0 < position < len(encoded) - 1 for position in encoded.positions)


def test_an_encoded_text_is_as_long_as_its_ids() -> None:
    assert len(Encoded((2, 5, 3), ((0, 4),), (1,))) == 3


def long_reader(tokenizer_file: Path, unit: UnitKind, *, max_windows: int = 4) -> TextReader:
    return TextReader.from_file(tokenizer_file, unit=unit, max_length_tokens=12, max_windows=max_windows)


def test_a_long_text_is_read_in_windows_up_to_as_many_as_are_allowed(tokenizer_file: Path) -> None:
    reader = long_reader(tokenizer_file, "text")

    short, middle, endless = reader.read(["hello there", "hello " * 25, "hello " * 10_000])

    assert (len(short.rest), len(middle.rest), len(endless.rest)) == (0, 2, 3)
    assert [len(window) for window in windows_of([middle])] == [12, 12, 7]  # ten words in each, and five
    assert middle.units == ((0, 150),)


def test_every_word_of_a_long_text_is_read_once_with_words_on_both_sides(tokenizer_file: Path) -> None:
    text = " ".join(["hello parcels cafe\u0301 there"] * 6)
    one_window = TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=256).read([text])[0]

    (encoded,) = long_reader(tokenizer_file, "word", max_windows=9).read([text])

    windows = windows_of([encoded])
    shown = [window.ids[position] for window in windows for position in window.positions]
    assert len(windows) > 2
    assert encoded.units == one_window.units
    assert shown == [one_window.ids[position] for position in one_window.positions]
    inner = [position for window in windows[1:] for position in window.positions]
    assert min(inner) > 1  # behind [CLS] there is a word more that the window begins with


def test_a_word_that_a_window_cuts_in_two_is_whole_and_stands_for_its_first_token(tokenizer_file: Path) -> None:
    reader = long_reader(tokenizer_file, "word", max_windows=9)
    whole = TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=256)

    for n_before in range(12):
        text = "hello " * n_before + "parcelsabcdef" + " hello" * 12
        (one,), (expected,) = reader.read([text]), whole.read([text])
        assert one.units == expected.units
        assert [window.ids[place] for window in windows_of([one]) for place in window.positions] == [
            expected.ids[place] for place in expected.positions
        ]


def test_a_bundle_of_very_few_tokens_reads_a_single_window(tokenizer_file: Path) -> None:
    for length in range(2, 8):
        reader = TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=length, max_windows=64)
        assert reader.read(["hello there anna " * 9])[0].rest == ()


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=120), max_size=3))
def test_windows_hold_the_words_that_one_long_window_would(tokenizer_file: Path, any_texts: list[str]) -> None:
    reader = long_reader(tokenizer_file, "word", max_windows=40)
    whole = TextReader.from_file(tokenizer_file, unit="word", max_length_tokens=512)

    for one, expected in zip(reader.read(any_texts), whole.read(any_texts), strict=True):
        windows = windows_of([one])
        assert one.units == expected.units
        assert [window.ids[position] for window in windows for position in window.positions] == [
            expected.ids[position] for position in expected.positions
        ]


def test_a_long_texts_vector_is_the_mean_of_its_windows_weighed_by_their_tokens() -> None:
    short = Encoded((2, 3), ((0, 1),), (0,))
    long = Encoded((2,) * 6, ((0, 9),), (0,), (Encoded((2,) * 2, (), (0,)),))
    vectors = np.array([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]], np.float32)

    joined = join_windows([short, long], vectors, "text")

    assert joined[0].tolist() == vectors[0].tolist()
    assert joined[1] == pytest.approx(np.array([6.0, 2.0]) / np.sqrt(40.0))


def test_words_keep_the_vectors_of_their_own_window() -> None:
    long = Encoded((2, 3, 4), ((0, 1), (2, 3)), (1,), (Encoded((2, 5, 4), (), (1,)),))
    vectors = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)

    assert join_windows([long], vectors, "word").tolist() == vectors.tolist()
