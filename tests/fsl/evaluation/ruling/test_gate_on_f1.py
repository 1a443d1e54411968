"""Verdicts where F1 is compared: of spans, and as a mean over labels."""

from collections.abc import Callable

import numpy as np
import pytest

from fsl.config import GateConfig
from fsl.evaluation.comparison.spending import PastTest, compute_use
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.scores.intervals import clopper_pearson_interval
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem
from tests.fsl.evaluation.ruling.conftest import judge_pair

BuildSheet = Callable[..., ScoreSheet]
TAGGING = find_problem("tagging")
ORG = [0, 4, "ORG"]


def test_taggers_that_are_exactly_as_good_are_promoted_at_most_as_often_as_alpha(sheet: BuildSheet) -> None:
    generator = np.random.default_rng(13)

    def tagger(version: str) -> ScoreSheet:
        found = generator.random(40) < 0.7
        return sheet(version, [([ORG], [ORG] if hit else []) for hit in found], labels=("ORG",))

    verdicts = [judge(tagger("a"), tagger("b"), TAGGING, GateConfig()) for _ in range(200)]

    n_promoted = sum(verdict.outcome is Outcome.PROMOTE for verdict in verdicts)
    assert clopper_pearson_interval(n_promoted, 200).low <= 0.05
    assert any(verdict.n_wins > verdict.n_losses for verdict in verdicts)  # there was something to be fooled by


def test_a_tagger_that_finds_much_more_is_promoted_on_entity_f1(sheet: BuildSheet) -> None:
    champion = sheet("old", [([ORG], [])] * 30 + [([ORG], [ORG])] * 30, labels=("ORG",))
    challenger = sheet("new", [([ORG], [ORG])] * 55 + [([ORG], [])] * 5, labels=("ORG",))

    verdict = judge(champion, challenger, TAGGING, GateConfig())

    assert verdict.outcome is Outcome.PROMOTE
    # F1 of 30 hits and 30 misses is 60/90; of 55 and 5, 110/115.
    assert verdict.difference == pytest.approx(110 / 115 - 60 / 90)
    assert verdict.interval is not None
    assert verdict.interval.low > 0


def test_a_tagger_that_alone_answers_some_label_can_be_compared(sheet: BuildSheet) -> None:
    labels = ("ORG", "PERSON")
    champion = sheet("old", [([ORG], [ORG])] * 20, labels=labels)
    challenger = sheet("new", [([ORG], [[0, 4, "PERSON"]])] * 20, labels=labels)

    assert judge(champion, challenger, TAGGING, GateConfig()).outcome is Outcome.REJECT


def test_late_in_a_series_a_much_better_tagger_can_still_be_promoted(sheet: BuildSheet) -> None:
    champion = sheet("old", [([ORG], [])] * 50 + [([ORG], [ORG])] * 50, labels=("ORG",))
    challenger = sheet("new", [([ORG], [ORG])] * 95 + [([ORG], [])] * 5, labels=("ORG",))
    late = compute_use([PastTest(seq, f"c-{seq}", asked=True) for seq in range(1, 40)], "new", 0.05)

    verdict = judge(champion, challenger, TAGGING, GateConfig(), use=late)

    assert late.alpha < 1 / 4001  # fewer than one bootstrap draw of all
    assert verdict.outcome is Outcome.PROMOTE
    assert verdict.interval is not None
    assert verdict.interval.low > 0


def test_mean_f1_over_labels_decides_where_the_config_says_so(sheet: BuildSheet) -> None:
    often, seldom = [("refund", "refund")] * 280, 40
    champion = sheet("old", [*often, *[("balance", "refund")] * seldom])
    challenger = sheet("new", [*often[6:], *[("refund", "balance")] * 6, *[("balance", "balance")] * seldom])

    verdict = judge_pair((champion, challenger), score="macro_f1")

    assert verdict.outcome is Outcome.PROMOTE
    assert verdict.headline == "macro_f1"
    # balance: 0 before, 80 / 86 after; refund: 560 / 600 before, 548 / 554 after.
    assert verdict.difference == pytest.approx((80 / 86 + 548 / 554) / 2 - (0 + 560 / 600) / 2)
    assert "its mean F1 over labels is" in verdict.reasons[0]


def test_few_texts_that_both_taggers_answer_alike_do_not_show_that_none_got_worse(sheet: BuildSheet) -> None:
    old = [([ORG], [ORG])] * 20
    champion = sheet("old", old, labels=("ORG",))
    challenger = sheet("new", old, labels=("ORG", "PERSON"))

    verdict = judge(champion, challenger, TAGGING, GateConfig())

    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.comparison is not None
    assert verdict.comparison.lower_bound == pytest.approx(-2.7055 / 22.7055, abs=1e-4)  # z^2 / (n + z^2)
