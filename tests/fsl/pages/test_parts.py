"""The parts of a page: what they make of hostile words, and how long their bars are."""

from fsl.pages.parts import build_badge, build_card, build_list, build_table, draw_bar, draw_stack


def test_a_card_holds_its_words_as_text() -> None:
    assert build_card("<b>", "x & y") == '<section class="card"><h2>&lt;b&gt;</h2>x &amp; y</section>'


def test_a_badge_keeps_the_direction_of_its_words_to_itself() -> None:
    assert build_badge("جديد", "good") == '<span class="badge good"><bdi dir="auto">جديد</bdi></span>'


def test_a_list_is_made_of_sentences() -> None:
    assert build_list(["one row won"]) == '<ul><li dir="auto">One row won.</li></ul>'


def test_the_first_column_names_its_row_and_numbers_stand_to_the_right() -> None:
    table = build_table(["Label", "Rows"], [("<refund>", "12")], numbers=[1])

    assert '<th scope="row" dir="auto">&lt;refund&gt;</th><td class="number" dir="auto">12</td>' in table


def test_a_bar_is_filled_to_its_share() -> None:
    assert '<rect width="25" height="8" class="good"></rect>' in draw_bar(0.25)


def test_a_stacks_parts_follow_each_other_and_fill_it() -> None:
    stack = draw_stack([(1, "good"), (0, "accent"), (3, "bad")])

    assert '<rect x="0" width="25" height="10" class="good"></rect>' in stack
    assert '<rect x="25" width="0" height="10" class="accent"></rect>' in stack
    assert '<rect x="25" width="75" height="10" class="bad"></rect>' in stack


def test_a_stack_of_nothing_is_empty() -> None:
    assert 'width="0"' in draw_stack([(0, "good")])
