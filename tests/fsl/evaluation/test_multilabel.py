"""Sets of labels in the gate: scores worked by hand, both tests, labels that one side alone knows, and the words."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from fsl.config import GateConfig
from fsl.evaluation.comparison.changes import ConfusionChange, compare_confusions
from fsl.evaluation.comparison.compare import MCNEMAR, PAIRED_F1
from fsl.evaluation.examination.perturbations import change_case
from fsl.evaluation.report.in_markdown import render_markdown
from fsl.evaluation.report.model_card import render_model_card
from fsl.evaluation.report.page import render_page
from fsl.evaluation.report.record import DataFacts, Footprint, LabelRows, RunFacts, build_report
from fsl.evaluation.report.shown import describe_answer
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.scores.metrics import score_sheet
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

BuildSheet = Callable[..., ScoreSheet]
PROBLEM = find_problem("multilabel")
LABELS = ("billing", "delivery")
BOTH, BILLING, DELIVERY, NONE = ["billing", "delivery"], ["billing"], ["delivery"], list[str]()
Answers = Sequence[tuple[JsonValue, JsonValue]]


def test_scores_of_sets_are_those_worked_by_hand(sheet: BuildSheet) -> None:
    answers: Answers = [(BOTH, BILLING), (DELIVERY, ["delivery", "refund"]), (NONE, NONE), (BILLING, BILLING)]

    scores = score_sheet(sheet("v", answers, labels=(*LABELS, "refund")), PROBLEM)

    assert scores.accuracy.value == 2 / 4  # whole sets
    assert scores.f1.value == 2 * 3 / (2 * 3 + 1 + 1)  # 3 hits, one label too many, one too few
    assert {one.label: one.f1 for one in scores.labels} == {
        "billing": 1.0,
        "delivery": pytest.approx(2 / 3),
        "refund": 0.0,
    }
    assert scores.macro_f1.value == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert {one.label: one.n_rows for one in scores.labels} == {"billing": 2, "delivery": 2, "refund": 0}
    assert scores.calibration is not None
    assert scores.calibration.brier == pytest.approx((2 * 0.1**2 + 2 * 0.9**2) / 4)  # of whole sets, at confidence 0.9


def test_no_label_at_all_is_an_answer_that_can_be_right(sheet: BuildSheet) -> None:
    scores = score_sheet(sheet("v", [(NONE, NONE)] * 3, labels=LABELS), PROBLEM)

    assert (scores.accuracy.value, scores.f1.value, scores.labels) == (1.0, 0.0, ())


def pair(sheet: BuildSheet, *, wins: int, losses: int, ties: int) -> tuple[ScoreSheet, ScoreSheet]:
    """Both labels are true of each row; who is wrong misses delivery."""
    kinds = ["win"] * wins + ["loss"] * losses + ["tie"] * ties
    before, after = (
        sheet(name, [(BOTH, BILLING if kind == wrong else BOTH) for kind in kinds], labels=LABELS)
        for name, wrong in (("champion-1", "win"), ("challenger-2", "loss"))
    )
    return before, after


def test_exact_match_is_compared_by_mcnemar_where_the_config_says_accuracy(sheet: BuildSheet) -> None:
    champion, challenger = pair(sheet, wins=10, losses=2, ties=988)

    verdict = judge(champion, challenger, PROBLEM, GateConfig(score="accuracy"))

    assert verdict.comparison is not None
    assert (verdict.comparison.test, verdict.outcome) == (MCNEMAR, Outcome.PROMOTE)
    assert verdict.comparison.p_better == pytest.approx(79 / 4096)  # P(X <= 2), X ~ Binomial(12, 1/2)


def test_f1_of_all_labels_decides_otherwise_by_resampling_rows(sheet: BuildSheet) -> None:
    champion, challenger = pair(sheet, wins=24, losses=2, ties=174)

    verdict = judge(champion, challenger, PROBLEM, GateConfig())

    assert verdict.comparison is not None
    assert (verdict.headline, verdict.comparison.test, verdict.outcome) == ("f1", PAIRED_F1, Outcome.PROMOTE)
    assert verdict.comparison.challenger_score == pytest.approx(2 * 398 / (2 * 398 + 2))
    assert (verdict.comparison.n_wins, verdict.comparison.n_losses) == (24, 2)
    assert judge(challenger, champion, PROBLEM, GateConfig()).outcome is Outcome.REJECT


def test_a_label_that_got_worse_is_seen_beside_one_that_stayed(sheet: BuildSheet) -> None:
    champion, challenger = pair(sheet, wins=0, losses=20, ties=80)

    verdict = judge(champion, challenger, PROBLEM, GateConfig())

    by_name = {part.name: part for part in verdict.parts}
    assert (by_name["billing"].n_losses, by_name["delivery"].n_losses) == (0, 20)
    assert by_name["delivery"].q_worse < 0.01


def test_rows_with_a_label_that_one_side_does_not_know_are_scored_apart(sheet: BuildSheet) -> None:
    answers: Answers = [(BOTH, BOTH)] * 30 + [(NONE, NONE)] * 10
    new: Answers = [(["billing", "damage"], ["billing", "damage"])] * 6
    champion = sheet("old", [*answers, *((truth, BILLING) for truth, _ in new)], labels=LABELS)
    challenger = sheet("new", [*answers, *new], labels=(*LABELS, "damage"))

    verdict = judge(champion, challenger, PROBLEM, GateConfig(non_inferiority_margin=0.1))

    assert verdict.comparison is not None
    assert (verdict.comparison.n_rows, verdict.comparison.n_wins) == (40, 0)
    assert [(one.label, one.n_rows, one.recall) for one in verdict.new_labels] == [("damage", 6, 1.0)]


def test_a_first_champion_must_beat_the_best_constant_set_not_the_empty_one(sheet: BuildSheet) -> None:
    answers: Answers = [(NONE, NONE)] * 15 + [(BILLING, BILLING)] * 10 + [(DELIVERY, DELIVERY)] * 5

    first = judge(None, sheet("first", answers, labels=LABELS), PROBLEM, GateConfig())
    by_accuracy = judge(None, sheet("first", answers, labels=LABELS), PROBLEM, GateConfig(score="accuracy"))

    assert (first.outcome, first.baseline) == (Outcome.PROMOTE, "always answering billing")
    assert first.comparison is not None
    assert first.comparison.champion_score == pytest.approx(2 * 10 / (2 * 10 + 20 + 5))
    assert by_accuracy.baseline == "always answering nothing"


def test_answers_of_another_kind_are_a_rejection_with_a_reason(sheet: BuildSheet) -> None:
    verdict = judge(None, sheet("first", [(BILLING, "billing")] * 5, labels=LABELS), PROBLEM, GateConfig())

    assert verdict.outcome is Outcome.REJECT


def test_one_label_for_another_is_a_confusion_and_a_missed_one_is_for_nothing(sheet: BuildSheet) -> None:
    before = sheet("old", [(BOTH, ["billing", "refund"]), (BILLING, NONE)])
    after = sheet("new", [(BOTH, BOTH), (BILLING, BILLING)])

    assert compare_confusions(before, after, PROBLEM) == (
        ConfusionChange("billing", "nothing", 1, 0),
        ConfusionChange("delivery", "refund", 1, 0),
    )


def test_a_set_stays_what_it_is_when_its_text_changes_and_is_told_in_words() -> None:
    assert change_case("pay me", 0).move(["abc", "billing"]) == ["abc", "billing"]
    assert describe_answer(BOTH, "some text") == "billing, delivery"
    assert describe_answer([], "some text") == "nothing"


def test_page_markdown_and_card_say_what_is_counted(sheet: BuildSheet) -> None:
    champion, challenger = pair(sheet, wins=24, losses=2, ties=20)
    facts = RunFacts(
        project="support-topics",
        kind="multilabel",
        when=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        trigger="a new batch",
        data=DataFacts("a1b2c3", tuple(LabelRows(label, 28, 4, 8) for label in LABELS), 50),
        candidates=(),
        footprint=Footprint(90_000_000, None, None, None, "fp32"),
        drift=None,
    )
    verdict = judge(champion, challenger, PROBLEM, GateConfig())
    report = build_report(facts, champion, challenger, {}, verdict, PROBLEM, GateConfig())

    page, markdown = render_page(report), render_markdown(report)
    card = render_model_card(dataclasses.replace(report), base_model="packaged:all-MiniLM-L6-v2")

    for said in (page, markdown, card):
        assert "Exact match: the whole set is right" in said
        assert "F1, all labels together" in said
    assert "pipeline_tag: text-classification" in card
    assert "billing, delivery" in markdown  # a text that flipped, with its set
