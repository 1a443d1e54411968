"""The words by which people say which rows they mean."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsl.data.errors import BadSelection
from fsl.data.forgetting.selection import Candidate, Condition, Kind, Selection, build_selection, parse_condition
from fsl.problems import find_problem

TEXTS = find_problem("classification")
SPANS = find_problem("tagging")
ROW = Candidate("Wo ist mein Paket, Maria?", ("id-1", "a.csv:7"), "complaint", "a.csv")


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("text contains Maria", Condition(Kind.TEXT_CONTAINS, "Maria")),
        ("text  contains 'Maria Sand '", Condition(Kind.TEXT_CONTAINS, "Maria Sand ")),
        ("text = 退款在哪里", Condition(Kind.TEXT, "退款在哪里")),
        ("label=refund", Condition(Kind.LABEL, "refund")),
        ('source = "my file.csv"', Condition(Kind.SOURCE, "my file.csv")),
    ],
)
def test_conditions_are_read(words: str, condition: Condition) -> None:
    assert parse_condition(words) == condition


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("__import__('os')", "is no condition, so nothing was looked for and nothing was changed; write"),
        ("text > 5", "is no condition"),
        ("label =", "names nothing"),
        ("text contains e", "is too short a part, and would choose half of all rows"),
        ("text contains .!", "is too short a part"),
    ],
)
def test_words_that_are_none_get_a_sentence(words: str, sentence: str) -> None:
    with pytest.raises(BadSelection) as caught:
        parse_condition(words)

    assert sentence in str(caught.value)


@given(st.text(max_size=60))
def test_no_words_at_all_can_do_more_than_be_refused(words: str) -> None:
    try:
        assert parse_condition(words).value
    except BadSelection:
        return


def test_each_kind_of_condition_means_its_rows() -> None:
    for words in ("text contains MEIN PAKET", "text = wo ist mein paket maria", "label = complaint", "source = a.csv"):
        assert Selection((parse_condition(words),)).means(ROW, TEXTS)
    for words in ("text contains paketmaria", "text = Maria", "label = complain", "source = a"):
        assert not Selection((parse_condition(words),)).means(ROW, TEXTS)


def test_all_conditions_must_hold() -> None:
    both = (parse_condition("label = complaint"), parse_condition("source = b.csv"))

    assert not Selection(both).means(ROW, TEXTS)


def test_a_label_is_found_among_spans_and_in_a_target_that_was_refused() -> None:
    wanted = Selection((parse_condition("label = PER"),))

    assert wanted.means(Candidate("Maria", (), [[0, 5, "PER"]]), SPANS)
    assert not wanted.means(Candidate("Maria", (), {"strange": [1]}), SPANS)
    assert not wanted.means(Candidate("Maria", (), None), SPANS)


def test_ids_come_as_lines_as_places_and_as_json(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text('\ufeffid-9\n\na.csv:7\n{"row_id": "id-2", "text": "x"}\n{"id": "p-3"}\n', encoding="utf-8")

    selection = build_selection((), (), file)

    assert selection.row_ids == {"id-9", "a.csv:7", "id-2", "p-3"}
    assert selection.means(ROW, TEXTS)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "holds no row id"),
        (b'id-1\n{"text": "x"}\n', "line 2 of"),
        (b"{" * 5000, "line 1 of"),
        (b"\xff\xfe\x00", "cannot be read: it is not UTF-8"),
    ],
)
def test_a_file_of_ids_that_is_none_gets_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    (tmp_path / "ids.txt").write_bytes(data)

    with pytest.raises(BadSelection, match=sentence):
        build_selection((), (), tmp_path / "ids.txt")


def test_no_condition_at_all_never_means_every_row(tmp_path: Path) -> None:
    with pytest.raises(BadSelection, match="nothing says which rows to forget"):
        build_selection((), (), None)
    with pytest.raises(BadSelection, match="No such file"):
        build_selection((), (), tmp_path / "none.txt")
