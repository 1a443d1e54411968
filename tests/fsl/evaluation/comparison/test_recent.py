"""The recent window: each state, and rows that count by the inverse of their probability."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fsl.config import GateConfig
from fsl.evaluation.comparison.recent import RecentRows, RecentState, RecentWindow, judge_recent
from fsl.evaluation.errors import DifferentRows
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

Pair = tuple[ScoreSheet, ScoreSheet]
BuildPair = Callable[..., Pair]
CLASSIFICATION = find_problem("classification")


def audited(pair: Pair, inclusion: float = 0.2) -> RecentRows:
    return RecentRows(*pair, {row.row_id: inclusion for row in pair[0].rows})


def judged(rows: RecentRows) -> RecentWindow:
    return judge_recent(rows, least=30, alpha=0.05, seed=1)


@pytest.fixture
def better(paired_predictions: BuildPair) -> Pair:
    """A pair whose challenger is promoted on judge rows."""
    return paired_predictions(wins=30, losses=2, ties=268)


def verdict_with(pair: Pair, recent: RecentRows | None, **config: Any) -> Verdict:
    return judge(*pair, CLASSIFICATION, GateConfig(**config), recent=recent)


def test_equal_probabilities_give_the_exact_test(paired_predictions: BuildPair) -> None:
    found = judged(audited(paired_predictions(wins=2, losses=10, ties=88)))

    assert found.state is RecentState.JUDGED
    assert found.p_worse == pytest.approx(79 / 4096)
    assert found.difference == pytest.approx(-0.08)


def test_a_row_counts_by_the_inverse_of_its_probability(paired_predictions: BuildPair) -> None:
    pair = paired_predictions(wins=20, losses=20, ties=60)
    won = {
        row.row_id for row, before in zip(pair[1].rows, pair[0].rows, strict=True) if row.correct and not before.correct
    }
    rows = RecentRows(*pair, {row.row_id: 0.1 if row.row_id in won else 0.5 for row in pair[0].rows})

    found = judged(rows)

    assert found.difference == pytest.approx((20 * 10 - 20 * 2) / (20 * 10 + 80 * 2))
    assert found.p_better < 0.01 < found.p_worse


def test_swapping_the_two_mirrors_the_weighted_window(paired_predictions: BuildPair) -> None:
    pair = paired_predictions(wins=12, losses=5, ties=33)
    inclusion = {row.row_id: 0.1 + 0.01 * index for index, row in enumerate(pair[0].rows)}

    there, back = judged(RecentRows(*pair, inclusion)), judged(RecentRows(pair[1], pair[0], inclusion))

    assert there.difference == pytest.approx(-back.difference)
    assert (there.p_better, there.p_worse) == (back.p_worse, back.p_better)


def test_without_audited_rows_the_window_is_empty_and_judge_rows_decide(
    better: Pair, paired_predictions: BuildPair
) -> None:
    for recent in (None, audited(paired_predictions(wins=0, losses=0, ties=0))):
        verdict = verdict_with(better, recent)

        assert verdict.outcome is Outcome.PROMOTE
        assert verdict.recent is not None
        assert verdict.recent.state is RecentState.EMPTY
        assert any("the recent window is empty" in note for note in verdict.notes)


def test_too_few_audited_rows_are_not_judged_by(better: Pair, paired_predictions: BuildPair) -> None:
    verdict = verdict_with(better, audited(paired_predictions(wins=0, losses=29, ties=0)))

    assert verdict.outcome is Outcome.PROMOTE
    assert any("29 audited rows: too few to judge by" in note for note in verdict.notes)


def test_worse_on_recent_traffic_holds_a_promotion_back(better: Pair, paired_predictions: BuildPair) -> None:
    verdict = verdict_with(better, audited(paired_predictions(wins=2, losses=20, ties=78)))

    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.route is None
    assert verdict.reasons[0].startswith("judge rows and recent traffic disagree: on 100 audited rows")


def test_better_on_recent_traffic_promotes_nothing_by_itself(paired_predictions: BuildPair) -> None:
    pair = paired_predictions(wins=6, losses=5, ties=89)

    verdict = verdict_with(pair, audited(paired_predictions(wins=40, losses=0, ties=60)))

    assert verdict.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("probability", [0.0, -0.5, 1.5, math.nan])
def test_a_row_without_a_probability_makes_the_window_unusable(
    better: Pair, paired_predictions: BuildPair, probability: float
) -> None:
    rows = audited(paired_predictions(wins=2, losses=20, ties=78))

    verdict = verdict_with(better, replace(rows, inclusion={**rows.inclusion, "row-00007": probability}))

    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.recent is not None
    assert verdict.recent.state is RecentState.UNUSABLE
    assert any("row row-00007 has no probability of being drawn" in note for note in verdict.notes)


def test_nan_on_recent_traffic_is_a_state_and_no_promotion(better: Pair, paired_predictions: BuildPair) -> None:
    champion, challenger = paired_predictions(wins=0, losses=0, ties=50)
    broken = replace(challenger, rows=tuple(replace(row, confidence=math.nan) for row in challenger.rows))

    verdict = verdict_with(better, audited((champion, broken)))

    assert verdict.outcome is Outcome.UNDECIDED
    assert "no probability (NaN" in verdict.reasons[0]


def test_a_window_of_different_rows_is_an_error(better: Pair, paired_predictions: BuildPair) -> None:
    champion, challenger = paired_predictions(wins=0, losses=0, ties=50)

    with pytest.raises(DifferentRows, match="1 only by the first"):
        verdict_with(better, audited((champion, replace(challenger, rows=challenger.rows[1:]))))
