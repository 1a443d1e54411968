"""Labels and slices that got worse: worked by hand, and the rate of false alarms."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from fsl.evaluation.comparison.parts import adjust, compare_parts
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

BuildSheet = Callable[..., ScoreSheet]
CLASSIFICATION, TAGGING = find_problem("classification"), find_problem("tagging")
LABELS = ("a", "b", "c")


def test_adjusted_p_values_match_a_worked_example() -> None:
    # p (m / rank) = 0.04, 0.06, 0.052, 0.06 in order of p, and each at most the one after it.
    assert adjust(np.array([0.01, 0.06, 0.03, 0.039])).tolist() == pytest.approx([0.04, 0.06, 0.052, 0.052])
    assert adjust(np.array([])).tolist() == []


def test_a_label_that_was_forgotten_is_found_by_its_rows(sheet: BuildSheet) -> None:
    before = sheet("old", [("a", "a")] * 8 + [("b", "b")] * 10 + [("c", "a")] * 20, labels=LABELS)
    after = sheet("new", [("a", "b")] * 8 + [("b", "b")] * 10 + [("c", "c")] * 20, labels=LABELS)

    a, b, c = compare_parts(before, after, CLASSIFICATION)

    # Of a: 8 rows lost, 20 false alarms gone. F1 was 16 / (16 + 20) and is 0.
    assert (a.n_rows, a.n_losses, a.n_wins, a.challenger_score) == (8, 8, 20, 0.0)
    assert a.champion_score == pytest.approx(16 / 36)
    # Of b: 8 false alarms more and nothing won, p = 1/256; of three labels, 3/256 after adjusting.
    assert (b.n_rows, b.n_losses, b.n_wins) == (10, 8, 0)
    assert (b.p_worse, b.q_worse) == pytest.approx((1 / 256, 3 / 256))
    assert (c.n_wins, c.n_losses, c.p_worse) == (20, 0, 1.0)


def test_a_label_that_only_one_of_them_knows_is_no_part(sheet: BuildSheet) -> None:
    before = sheet("old", [("a", "a"), ("b", "b")], labels=("a", "b"))
    after = sheet("new", [("a", "c"), ("b", "b")], labels=("a", "b", "c"))

    assert [part.name for part in compare_parts(before, after, CLASSIFICATION)] == ["a", "b"]


def test_spans_are_counted_by_text(sheet: BuildSheet) -> None:
    two = [[0, 4, "ORG"], [5, 9, "ORG"]]
    before, after = (sheet("m", [(two, found)], labels=("ORG",)) for found in (two, []))

    (part,) = compare_parts(before, after, TAGGING)

    assert (part.n_rows, part.n_losses, part.champion_score, part.challenger_score) == (1, 1, 1.0, 0.0)


def test_slices_are_compared_by_their_rows(sheet: BuildSheet) -> None:
    before = sheet("old", [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b")], labels=LABELS)
    after = sheet("new", [("a", "b"), ("a", "a"), ("a", "a"), ("b", "b")], labels=LABELS)
    slices = {"short": ["row-00000", "row-00001"], "nowhere": ["row-99"]}

    found = [part for part in compare_parts(before, after, CLASSIFICATION, slices) if part.kind == "slice"]

    assert [(part.name, part.n_rows, part.n_wins, part.n_losses, part.loss) for part in found] == [
        ("short", 2, 0, 1, 0.5)
    ]


def test_among_many_labels_none_of_which_changed_a_false_alarm_is_as_rare_as_it_should_be() -> None:
    generator = np.random.default_rng(4)
    coins = generator.binomial(25, 0.5, size=(2000, 77))  # losses of 25 rows that flipped, for 77 labels

    alarms = [(adjust(stats.binom.sf(losses - 1, 25, 0.5)) <= 0.05).any() for losses in coins]

    assert np.mean(alarms) <= 0.065
