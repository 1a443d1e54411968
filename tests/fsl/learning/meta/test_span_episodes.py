"""Which texts an episode of spans shows, and which it asks about."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fsl.learning.meta import Episode, draw_across, draw_span_episodes
from fsl.problems.tagging import Tagging, label_places

Row = NDArray[np.int64]


def tagged(*tags: str) -> list[Row]:
    """Return texts of words; a capital is a word that begins a span of that label, a small letter goes on in it."""
    outputs = Tagging().outputs("ABCDE")
    names = {"-": "O", **{label: f"B-{label}" for label in "ABCDE"}, **{one.lower(): f"I-{one}" for one in "ABCDE"}}
    return [np.array([outputs.index(names[tag]) for tag in text], np.int64) for text in tags]


MANY = tagged(*["Aa-"] * 20, *["-B-"] * 20, *["C-A"] * 20, *["-Dd-D"] * 20, "E", "---", "")


def draw(targets: list[Row] = MANY, **sizes: int) -> list[Episode]:
    usual = {"n_episodes": 20, "n_ways": 3, "n_shots": 4, "n_queries": 3, "seed": 0}
    return draw_span_episodes(targets, **(usual | sizes))


def n_texts(targets: list[Row], rows: Row, own: Row, place: int) -> int:
    """Return how many of the rows show the episode's label at that place."""
    cuts = np.cumsum([len(targets[int(row)]) for row in rows])[:-1]
    return sum(bool(np.isin([1 + 2 * place, 2 + 2 * place], part).any()) for part in np.split(own, cuts))


def test_every_label_is_shown_in_k_to_two_k_texts_and_asked_about_in_others() -> None:
    for episode in draw():
        assert not set(episode.support) & set(episode.query)
        assert episode.n_ways == 3
        for place in range(3):
            assert 4 <= n_texts(MANY, episode.support, episode.support_targets, place) <= 8
            assert 3 <= n_texts(MANY, episode.query, episode.query_targets, place) <= 6


def test_targets_are_of_words_over_the_episodes_own_outputs_and_other_labels_are_outside() -> None:
    texts = tagged("AaBb", "DAa-", "-AaC")  # of which A alone stands in two

    (episode,) = draw(texts, n_episodes=1, n_shots=1, n_queries=2)

    tags = {int(row): own for row, own in zip(episode.query, np.split(episode.query_targets, 2), strict=True)}
    tags[int(episode.support[0])] = episode.support_targets
    assert {row: own.tolist() for row, own in tags.items()} == {0: [1, 2, 0, 0], 1: [0, 1, 2, 0], 2: [0, 1, 2, 0]}


def test_a_label_has_another_place_in_another_episode_and_one_for_support_and_query() -> None:
    places = set[int]()
    for one in draw():
        own = set[int]()
        for rows, targets in ((one.support, one.support_targets), (one.query, one.query_targets)):
            labels = np.concatenate([label_places(MANY[int(row)]) for row in rows])
            own |= set(label_places(targets[labels == 0]).tolist())  # of A; -1 where A is not in the episode
        assert len(own) <= 1
        places |= own

    assert places == {-1, 0, 1, 2}


def test_texts_of_one_label_alone_or_of_none_are_never_drawn() -> None:
    drawn = {int(row) for one in draw(n_ways=5) for row in (*one.support, *one.query)}

    assert max(drawn) < 80  # E stands in one text; the last two show nothing


def test_a_text_that_would_bring_a_label_beyond_two_k_is_passed_over() -> None:
    # B, C, D and E stand with A in most of their texts, so most draws without that rule would show A four times.
    texts = tagged(*(f"A{label}" for label in "BCDE" * 9), *("BCDE" * 3))

    for episode in draw(texts, n_ways=5, n_shots=1, n_queries=1):
        counts = [n_texts(texts, episode.support, episode.support_targets, place) for place in range(5)]
        assert min(counts) == 1
        assert max(counts) <= 2


def test_a_label_is_shown_even_where_that_brings_another_beyond_two_k() -> None:
    texts = tagged(*["AD"] * 2, *["BD"] * 2, *["CD"] * 2, *["ED"] * 2)  # D comes with every other label

    for episode in draw(texts, n_ways=5, n_shots=1, n_queries=1):
        assert sorted(n_texts(texts, episode.support, episode.support_targets, place) for place in range(5)) == [
            1
        ] * 4 + [4]


def test_a_label_without_a_text_of_its_own_to_learn_from_leaves_the_episode() -> None:
    texts = tagged("AC", "AB", "BC")  # two texts show all three, and then the third cannot ask about all of them

    for episode in draw(texts, n_shots=1, n_queries=1):
        assert (len(episode.support), episode.n_ways) == (1, 2)
        assert set(episode.support_targets) == {1, 3}
        assert {1, 3} <= set(episode.query_targets) <= {0, 1, 3}


@pytest.mark.parametrize("texts", [(), ("",), ("---", "---"), ("A-", "-B", "C"), ("AAA",)])
def test_without_a_label_in_two_texts_there_is_no_episode(texts: tuple[str, ...]) -> None:
    assert draw(tagged(*texts)) == []


def test_one_label_in_two_texts_is_an_episode_against_the_words_outside() -> None:
    (episode,) = draw(tagged("Aa-", "-A", "---"), n_episodes=1)

    assert episode.n_ways == 1
    assert len(episode.support) == len(episode.query) == 1


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    def rows(seed: int) -> list[list[int]]:
        return [[*one.support, *one.query] for one in draw(seed=seed)]

    assert rows(1) == rows(1) != rows(2)


def test_episodes_of_several_problems_take_turns() -> None:
    shape = {"n_ways": 2, "n_shots": 1, "n_queries": 1, "seed": 0}

    episodes = draw_across(
        [tagged("A-", "A-"), tagged("---"), tagged("B-", "B-")], n_episodes=4, draw=draw_span_episodes, **shape
    )

    assert [{*one.support, *one.query} for one in episodes] == [{0, 1}, {3, 4}, {0, 1}, {3, 4}]
