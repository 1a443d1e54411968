"""Laws that hold for any two models, whatever they answer: checked on answers that hypothesis makes up."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.config import GateConfig
from fsl.evaluation.comparison.recent import RecentRows
from fsl.evaluation.comparison.spending import compute_use
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome, Route, Verdict
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem

CLASSIFICATION = find_problem("classification")
LABELS = ("a", "b", "c", "d")
USE = compute_use([], "new", 0.05)
LENIENT = GateConfig(on_undecided="promote_if_not_worse", non_inferiority_margin=0.5)

labels = st.sets(st.sampled_from(LABELS), min_size=1).map(lambda found: tuple(sorted(found)))
rows = st.lists(st.tuples(*[st.sampled_from(LABELS)] * 3), max_size=60)  # truth and both answers
confidences = st.sampled_from([0.0, 0.4, 1.0, math.nan, math.inf, -1.0])


def build(version: str, truths: list[str], answers: list[str], known: tuple[str, ...], confidence: float) -> ScoreSheet:
    scores = tuple(
        RowScore(f"r{index:03d}", truth, answer, confidence, truth == answer)
        for index, (truth, answer) in enumerate(zip(truths, answers, strict=True))
    )
    return ScoreSheet(version, known, scores, 1.0, 2.0, 1)


def pair(
    found: list[tuple[str, str, str]], known: Any = (LABELS, LABELS), confidence: Any = (0.9, 0.9)
) -> tuple[ScoreSheet, ScoreSheet]:
    truths = [truth for truth, _, _ in found]
    return (
        build("old", truths, [before for _, before, _ in found], known[0], confidence[0]),
        build("new", truths, [after for _, _, after in found], known[1], confidence[1]),
    )


def decide(champion: ScoreSheet | None, challenger: ScoreSheet, config: GateConfig = LENIENT, **more: Any) -> Verdict:
    return judge(champion, challenger, CLASSIFICATION, config, **more)


@given(found=rows, known=st.tuples(labels, labels), confidence=st.tuples(confidences, confidences), first=st.booleans())
@settings(max_examples=80, deadline=None)
def test_any_answers_get_a_verdict_with_reasons_that_survives_json(
    found: list[tuple[str, str, str]], known: Any, confidence: Any, first: bool
) -> None:
    champion, challenger = pair(found, known, confidence)
    usable = all(0 <= one <= 1 for one in (confidence if not first else confidence[1:]))

    verdict = decide(None if first else champion, challenger, use=USE, recent=RecentRows(champion, challenger, {}))

    assert verdict.reasons
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict
    assert (verdict.route is not None) == (verdict.outcome is Outcome.PROMOTE)
    if not usable or not found:
        assert verdict.outcome is not Outcome.PROMOTE


@given(found=rows, known=labels, confidence=st.sampled_from([0.4, 1.0]))
@settings(max_examples=50, deadline=None)
def test_a_challenger_that_answers_like_its_champion_is_never_promoted(
    found: list[tuple[str, str, str]], known: tuple[str, ...], confidence: float
) -> None:
    champion, _ = pair(found, (known, known), (confidence, confidence))

    verdict = decide(champion, replace(champion, version="twin"))

    assert verdict.outcome is not Outcome.PROMOTE


@given(found=rows, order=st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_changes_nothing_at_all(found: list[tuple[str, str, str]], order: Any) -> None:
    champion, challenger = pair(found)
    inclusion = {row.row_id: 0.1 + 0.01 * index for index, row in enumerate(champion.rows)}
    slices = {"every third": [row.row_id for row in champion.rows[::3]]}

    def judged(one: ScoreSheet, other: ScoreSheet, order_of_slice: list[str]) -> Verdict:
        recent = RecentRows(one, other, inclusion)
        return decide(one, other, GateConfig(), recent=recent, slices={"every third": order_of_slice})

    shuffled = [order.sample(sheet.rows, len(sheet.rows)) for sheet in (champion, challenger)]
    turned = [replace(sheet, rows=tuple(mixed)) for sheet, mixed in zip((champion, challenger), shuffled, strict=True)]

    assert judged(turned[0], turned[1], slices["every third"][::-1]) == judged(
        champion, challenger, slices["every third"]
    )


@pytest.mark.parametrize("score", ["headline", "macro_f1"])
@given(found=rows)
@settings(max_examples=40, deadline=None)
def test_swapping_the_two_mirrors_every_number(score: Any, found: list[tuple[str, str, str]]) -> None:
    champion, challenger = pair(found)
    config = GateConfig(score=score)

    there, back = decide(champion, challenger, config), decide(challenger, champion, config)

    assert not (there.outcome is Outcome.PROMOTE and back.outcome is Outcome.PROMOTE)
    if there.comparison is None or back.comparison is None:
        assert there.comparison is back.comparison
        return
    assert there.difference == pytest.approx(-back.comparison.difference)
    assert (there.comparison.p_better, there.comparison.p_worse) == (back.comparison.p_worse, back.comparison.p_better)
    for one, other in zip(there.parts, back.parts, strict=True):
        assert (one.name, one.n_wins, one.n_losses) == (other.name, other.n_losses, other.n_wins)
        assert one.loss == pytest.approx(-other.loss)


@given(found=rows, known=st.tuples(labels, labels))
@settings(max_examples=60, deadline=None)
def test_the_strict_default_promotes_on_the_route_better_only_what_its_test_says_is_better(
    found: list[tuple[str, str, str]], known: Any
) -> None:
    verdict = decide(*pair(found, known), GateConfig(), use=USE)

    if verdict.route is Route.BETTER:
        assert verdict.p_value is not None
        assert verdict.p_value < USE.alpha
        assert not any(part.q_worse <= 0.05 and part.loss > 0.05 for part in verdict.parts)
