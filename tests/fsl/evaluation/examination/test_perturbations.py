"""Changes that leave a text's meaning alone, and spans that follow their characters."""

import pytest

from fsl.evaluation.examination.perturbations import (
    PERTURBATIONS,
    Perturbed,
    add_noise,
    add_typos,
    change_case,
    change_punctuation,
)

TEXT = "Where is my parcel, it cost 1,500.50 dollars?"


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("text", ["", "?", "钱在哪里？", "👩‍💻 ok", "\u202etxt", "ß", "a\ud800b", TEXT])
def test_any_text_can_be_changed_and_the_same_seed_changes_it_alike(name: str, text: str) -> None:
    change = PERTURBATIONS[name]

    assert change(text, 3) == change(text, 3)
    assert len(change(text, 3).pieces) == len(text) + 1


def test_a_typo_is_a_slip_of_one_letter_in_a_longer_word() -> None:
    changed = {add_typos("where is my parcel", seed).text for seed in range(50)}

    assert all(" is my " in text for text in changed)  # short words stay
    assert {len(text) for text in changed} == {17, 18, 19}  # a letter dropped, two swapped, one doubled


def test_case_goes_up_and_where_it_was_up_down() -> None:
    assert change_case("Where?", 0).text == "WHERE?"
    assert change_case("WHERE?", 0).text == "where?"


def test_punctuation_goes_but_numbers_and_words_stay_whole() -> None:
    assert change_punctuation(TEXT, 0).text == "Where is my parcel it cost 1,500.50 dollars"
    assert change_punctuation("don't", 0).text in {"don't.", "don't!"}


def test_noise_adds_nothing_but_spaces_and_a_tail() -> None:
    assert add_noise(TEXT, 1).text.replace("  ", " ").startswith(TEXT)


def test_spans_follow_their_characters() -> None:
    changed = Perturbed(("A", "", "cc", "m", "e", " ", "x", "!"))  # "Bcme x" with b dropped and c doubled

    assert changed.text == "Accme x!"
    assert changed.move([[0, 5, "ORG"], [6, 7, "PER"]]) == [[0, 5, "ORG"], [6, 7, "PER"]]
    assert Perturbed(("a", "", "", " ", "bb", "")).move([[0, 3, "X"], [4, 5, "Y"]]) == [[0, 1, "X"], [2, 4, "Y"]]
    assert changed.move("refund") == "refund"
