"""Who is shown and who is asked."""

import numpy as np
import pytest

from fsl.learning.meta import draw_across, draw_episodes

TARGETS = [*[0] * 12, *[1] * 12, *[2] * 3, 3, *[4] * 2]  # label 3 has a single row


def draw(targets: list[int] = TARGETS, **sizes: int) -> list:
    usual = {"n_episodes": 30, "n_ways": 3, "n_shots": 5, "n_queries": 4, "seed": 0}
    return draw_episodes(targets, **(usual | sizes))


def test_no_row_is_both_shown_and_asked_and_every_label_is_both() -> None:
    for episode in draw():
        assert not set(episode.support) & set(episode.query)
        assert set(episode.support_targets) == set(episode.query_targets) == {0, 1, 2}
        assert episode.n_ways == 3


def test_places_within_an_episode_stand_for_one_label_each_in_support_and_query() -> None:
    labels = np.array(TARGETS)
    for episode in draw():
        for place in range(3):
            shown = set(labels[episode.support[episode.support_targets == place]])
            asked = set(labels[episode.query[episode.query_targets == place]])
            assert len(shown) == 1
            assert shown == asked


def test_labels_of_few_rows_give_what_they_have_and_one_of_a_single_row_stays_out() -> None:
    labels = np.array(TARGETS)
    seen = {label: set() for label in range(5)}
    for episode in draw():
        for label in set(labels[episode.support]):
            n_shown, n_asked = (int((labels[rows] == label).sum()) for rows in (episode.support, episode.query))
            seen[label].add((n_shown, n_asked))

    assert seen == {0: {(5, 4)}, 1: {(5, 4)}, 2: {(2, 1)}, 3: set(), 4: {(1, 1)}}


def test_fewer_labels_than_ways_all_take_part() -> None:
    assert {episode.n_ways for episode in draw(n_ways=20)} == {4}


@pytest.mark.parametrize("targets", [[], [0], [0, 0, 0], [0, 0, 1], [0, 1, 2]])
def test_without_two_labels_of_two_rows_there_is_no_episode(targets: list[int]) -> None:
    assert draw(targets) == []


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    def rows(seed: int) -> list[list[int]]:
        return [[*episode.support, *episode.query] for episode in draw(seed=seed)]

    assert rows(1) == rows(1) != rows(2)


def test_episodes_of_several_problems_take_turns_and_never_mix_their_labels() -> None:
    problems = [[0] * 6 + [1] * 6, [0, 0], [0] * 5 + [1] * 5 + [2] * 5]  # the second has one label alone
    shape = {"n_ways": 2, "n_shots": 2, "n_queries": 2}

    episodes = draw_across(problems, n_episodes=4, seed=3, **shape)

    whose = [{"first" if row < 12 else "third" for row in (*one.support, *one.query)} for one in episodes]
    assert whose == [{"first"}, {"third"}, {"first"}, {"third"}]
    labels = [*problems[0], *problems[1], *problems[2]]
    for one in episodes:
        for rows, targets in ((one.support, one.support_targets), (one.query, one.query_targets)):
            assert len({(labels[row], int(target)) for row, target in zip(rows, targets, strict=True)}) == 2
        assert set(one.support).isdisjoint(one.query)
    alone = draw_across(problems[:1], n_episodes=4, seed=3, **shape)
    plain = draw_episodes(problems[0], n_episodes=4, seed=3, **shape)
    assert [one.support.tolist() for one in alone] == [one.support.tolist() for one in plain]
    assert draw_across([[0, 0], []], n_episodes=4, seed=3, **shape) == []
