"""Which texts count as the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsl.data.normalise import group_of, has_control, normal_form, visible_part


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my parcel?", "where is my parcel"),
        ("Where  is\nmy\tparcel", "where is my parcel"),
        ("“Don’t” – wait…", "don't wait"),
        ("ＦＵＬＬ width", "full width"),  # compatibility forms
        ("Straße", "STRASSE"),
        ("cafe\u0301", "café"),
        ("zero\u200bwidth", "zerowidth"),
        ("你好，世界！", "你好 世界"),
        ("a well-known case", "a well known case"),
        ("profit −5%", "profit -5%"),
    ],
)
def test_case_space_and_punctuation_make_no_difference(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)
    assert group_of(one) == group_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("profit -5%", "profit 5%"),
        ("up 1.5 points", "up 15 points"),
        ("I love it 🙂", "I love it 🙁"),
        ("costs $5", "costs €5"),
        ("?!", "..."),
        ("dont", "don't"),
        ("C++", "C"),
    ],
)
def test_what_carries_meaning_does(one: str, other: str) -> None:
    assert group_of(one) != group_of(other)


def test_the_group_of_a_text_never_changes() -> None:
    # Stored rows carry it: another value here would tear every project's groups apart.
    assert group_of("Where is my parcel?") == "a989382b2ba4560be5d1bf5079bba9a8"


@given(st.text())
def test_any_text_has_a_normal_form_that_is_its_own(text: str) -> None:
    form = normal_form(text)

    assert form == form.strip()
    assert len(group_of(text)) == 32
    assert bool(form) >= any(char.isalnum() for char in text)


@given(st.text(st.characters(codec="ascii")))
def test_upper_case_is_the_same_text(text: str) -> None:
    assert group_of(text.upper()) == group_of(text)


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u200e", "\u3000", "\ufeff"])
def test_nothing_of_a_blank_text_is_visible(text: str) -> None:
    assert visible_part(text) == ""


@pytest.mark.parametrize("text", ["?", "🙂", "你", " a "])
def test_something_of_any_other_text_is(text: str) -> None:
    assert visible_part(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("a\0b", True), ("a\x1b[31m", True), ("\ud800", True), ("a\tb\r\n", False)]
)
def test_control_codes_and_half_characters_are_found(text: str, expected: bool) -> None:
    assert has_control(text) is expected
