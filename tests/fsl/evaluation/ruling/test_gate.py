"""The gate's verdicts: worked examples, laws, and what it does with bad input."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.config import GateConfig
from fsl.evaluation.errors import DifferentRows
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.scores.intervals import clopper_pearson_interval
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem
from tests.fsl.evaluation.ruling.conftest import CLASSIFICATION, judge_pair

BuildPair = Callable[..., tuple[ScoreSheet, ScoreSheet]]
BuildSheet = Callable[..., ScoreSheet]
TAGGING = find_problem("tagging")
ORG = [0, 4, "ORG"]


def test_ten_wins_against_two_losses_are_promoted_at_five_per_cent(paired_predictions: BuildPair) -> None:
    verdict = judge_pair(paired_predictions(wins=10, losses=2, ties=988), alpha=0.05)

    assert verdict.outcome is Outcome.PROMOTE
    assert verdict.p_value == pytest.approx(79 / 4096)  # P(X <= 2), X ~ Binomial(12, 1/2): exact, one-sided
    assert verdict.difference == pytest.approx(0.008)
    assert "10 rows won and 2 lost" in verdict.reasons[0]
    # 10 to 3 has a p-value of 378/8192 = 0.046, 10 to 4 of 1470/16384 = 0.090.
    assert verdict.what_would_change_it == ("2 more lost rows would have left it undecided",)


def test_two_wins_against_ten_losses_are_rejected(paired_predictions: BuildPair) -> None:
    verdict = judge_pair(paired_predictions(wins=2, losses=10, ties=988))

    assert verdict.outcome is Outcome.REJECT
    assert verdict.reasons[1].startswith("worse: p = 0.019")


def test_a_difference_that_may_be_chance_stays_undecided_and_says_how_many_rows_would_decide(
    paired_predictions: BuildPair,
) -> None:
    verdict = judge_pair(paired_predictions(wins=7, losses=4, ties=89))

    assert verdict.outcome is Outcome.UNDECIDED
    # Connor's formula, (1.6449 sqrt(0.11) + 0.8416 sqrt(0.1091))^2 / 0.0009, asks for 754 rows in all; the exact test
    # for 810, of which 100 are there (`test_power` shows by simulation that they are right).
    assert verdict.rows_needed == 710
    assert any("710 further judge rows" in advice for advice in verdict.what_would_change_it)


def test_undecided_but_not_worse_is_promoted_where_the_config_says_so(paired_predictions: BuildPair) -> None:
    pair = paired_predictions(wins=12, losses=10, ties=978)

    kept = judge_pair(pair)
    promoted = judge_pair(pair, on_undecided="promote_if_not_worse")

    assert kept.outcome is Outcome.UNDECIDED
    assert promoted.outcome is Outcome.PROMOTE
    assert any("no worse by more than 3 points" in reason for reason in promoted.reasons)


def test_undecided_on_few_rows_is_not_called_not_worse(paired_predictions: BuildPair) -> None:
    verdict = judge_pair(paired_predictions(wins=1, losses=1, ties=40), on_undecided="promote_if_not_worse")

    assert verdict.outcome is Outcome.UNDECIDED


def test_a_better_but_slower_challenger_is_rejected(paired_predictions: BuildPair) -> None:
    pair = paired_predictions(wins=100, losses=0, ties=900, latency_p95_ms=(12.0, 61.0))

    verdict = judge_pair(pair, max_latency_p95_ms=40.0)

    assert verdict.outcome is Outcome.REJECT
    assert verdict.reasons == ("p95 latency 61.0 ms is over the gate of 40.0 ms",)


@given(wins=st.integers(0, 30), losses=st.integers(0, 30), ties=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_swapping_the_two_flips_the_sign(paired_predictions: BuildPair, wins: int, losses: int, ties: int) -> None:
    champion, challenger = paired_predictions(wins=wins, losses=losses, ties=ties)

    there, back = judge_pair((champion, challenger)), judge_pair((challenger, champion))

    assert there.difference == pytest.approx(-(back.difference or 0.0))
    assert not (there.outcome is Outcome.PROMOTE and back.outcome is Outcome.PROMOTE)
    assert (there.outcome is Outcome.PROMOTE) == (back.outcome is Outcome.REJECT)


@given(wins=st.integers(0, 30), losses=st.integers(0, 30), ties=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_the_interval_never_denies_what_the_test_says(
    paired_predictions: BuildPair, wins: int, losses: int, ties: int
) -> None:
    verdict = judge_pair(paired_predictions(wins=wins, losses=losses, ties=ties + 1))

    if verdict.interval is not None:
        assert (verdict.interval.low > 0) <= (verdict.outcome is Outcome.PROMOTE)
        assert (verdict.interval.high < 0) <= (verdict.outcome is Outcome.REJECT)


@given(order=st.permutations(range(40)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_changes_nothing(paired_predictions: BuildPair, order: Sequence[int]) -> None:
    champion, challenger = paired_predictions(wins=12, losses=2, ties=20, ties_wrong=6)

    shuffled = replace(challenger, rows=tuple(challenger.rows[index] for index in order))

    assert judge_pair((champion, shuffled)) == judge_pair((champion, challenger))


@pytest.mark.parametrize("on_undecided", ["keep", "promote_if_not_worse"])
def test_a_challenger_that_answers_as_its_champion_is_never_promoted(
    paired_predictions: BuildPair, on_undecided: str
) -> None:
    champion, _ = paired_predictions(wins=0, losses=0, ties=5000)

    verdict = judge_pair((champion, replace(champion, version="twin")), on_undecided=on_undecided)

    assert verdict.outcome is Outcome.UNDECIDED
    assert "answers all 5,000 rows alike" in verdict.reasons[0]


def test_challengers_that_are_exactly_as_good_are_promoted_at_most_as_often_as_alpha(
    paired_predictions: BuildPair,
) -> None:
    draws = np.random.default_rng(11).multinomial(150, [0.08, 0.08, 0.84], size=200)

    n_promoted = sum(
        judge_pair(paired_predictions(wins=int(w), losses=int(lost), ties=int(t)), alpha=0.05).outcome
        is Outcome.PROMOTE
        for w, lost, t in draws
    )

    assert clopper_pearson_interval(n_promoted, 200).low <= 0.05


class TestFirstChampion:
    """Nothing serves yet."""

    def test_is_promoted_when_better_than_the_most_common_answer(self, sheet: BuildSheet) -> None:
        challenger = sheet("first", [("refund", "refund")] * 18 + [("balance", "balance")] * 12)

        verdict = judge(None, challenger, CLASSIFICATION, GateConfig())

        assert verdict.outcome is Outcome.PROMOTE
        assert verdict.first_champion
        assert verdict.p_value == pytest.approx(0.5**12)  # 12 rows won against always answering refund, none lost
        assert "always answering refund" in verdict.reasons[0]

    def test_stays_undecided_when_it_is_no_better(self, sheet: BuildSheet) -> None:
        verdict = judge(None, sheet("first", [("refund", "refund")] * 30), CLASSIFICATION, GateConfig())

        assert verdict.outcome is Outcome.UNDECIDED

    def test_stays_undecided_on_too_few_rows(self, sheet: BuildSheet) -> None:
        verdict = judge(None, sheet("first", [("refund", "refund")] * 2), CLASSIFICATION, GateConfig())

        assert verdict.outcome is Outcome.UNDECIDED
        assert "2 judge rows are too few" in verdict.reasons[0]

    def test_is_rejected_when_worse_than_the_most_common_answer(self, sheet: BuildSheet) -> None:
        answers = [("refund", "balance")] * 20 + [("balance", "refund")] * 5

        assert judge(None, sheet("first", answers), CLASSIFICATION, GateConfig()).outcome is Outcome.REJECT

    def test_of_taggers_is_measured_against_saying_nothing(self, sheet: BuildSheet) -> None:
        answers = [([ORG], [ORG])] * 10 + [([], [])] * 15

        verdict = judge(None, sheet("first", answers, labels=("ORG",)), TAGGING, GateConfig())

        assert verdict.outcome is Outcome.PROMOTE
        assert verdict.baseline == "always answering nothing"


class TestBadInput:
    """A verdict with a reason; never a crash and never a promotion."""

    def test_nan_confidence_is_rejected(self, paired_predictions: BuildPair) -> None:
        champion, challenger = paired_predictions(wins=50, losses=0, ties=50)
        rows = (replace(challenger.rows[0], confidence=math.nan), *challenger.rows[1:])

        verdict = judge_pair((champion, replace(challenger, rows=rows)))

        assert verdict.outcome is Outcome.REJECT
        assert "1 of 100 answers is no probability" in verdict.reasons[0]

    def test_a_damaged_champion_leaves_it_undecided(self, paired_predictions: BuildPair) -> None:
        champion, challenger = paired_predictions(wins=50, losses=0, ties=50)
        rows = tuple(replace(row, confidence=math.nan) for row in champion.rows)

        verdict = judge_pair((replace(champion, rows=rows), challenger))

        assert verdict.outcome is Outcome.UNDECIDED

    def test_unmeasured_latency_is_rejected(self, paired_predictions: BuildPair) -> None:
        verdict = judge_pair(paired_predictions(wins=50, losses=0, ties=50, latency_p95_ms=(9.0, math.nan)))

        assert verdict.outcome is Outcome.REJECT

    def test_answers_of_another_problem_are_rejected(self, paired_predictions: BuildPair) -> None:
        verdict = judge(*paired_predictions(wins=5, losses=0, ties=5), TAGGING, GateConfig())

        assert verdict.outcome is Outcome.REJECT
        assert "cannot be read" in verdict.reasons[0]

    @pytest.mark.parametrize("with_champion", [True, False])
    def test_no_rows_leave_it_undecided(self, sheet: BuildSheet, with_champion: bool) -> None:
        champion = sheet("old", []) if with_champion else None

        assert judge(champion, sheet("new", []), CLASSIFICATION, GateConfig()).outcome is Outcome.UNDECIDED

    def test_other_rows_are_an_error_that_counts_them(self, sheet: BuildSheet) -> None:
        with pytest.raises(DifferentRows, match=r"1 only by the first, 0 only by the second.*row-00002"):
            judge_pair((sheet("old", [("refund", "refund")] * 3), sheet("new", [("refund", "refund")] * 2)))

    def test_another_truth_for_one_row_is_an_error(self, sheet: BuildSheet) -> None:
        with pytest.raises(DifferentRows, match="1 with another truth"):
            judge_pair((sheet("old", [("refund", "refund")]), sheet("new", [("balance", "refund")])))

    def test_judge_rows_of_a_label_that_nobody_knows_are_named(self, sheet: BuildSheet) -> None:
        rows = [("refund", "refund")] * 30 + [("crypto", "refund")] * 5

        verdict = judge_pair((sheet("old", rows), sheet("new", [*rows[:29], ("refund", "balance"), *rows[30:]])))

        assert any("crypto, which neither model knows" in note for note in verdict.notes)
        assert verdict.outcome is not Outcome.PROMOTE
